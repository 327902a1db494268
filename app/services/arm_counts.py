"""Counts calls for their arm of a rollout: a batch of records at a time, in the batch's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.database import after_commit, insert_into
from app.domain import variables
from app.domain.arm_counts import ALONE, counts_of
from app.domain.records import Record
from app.models import ArmCount
from app.services import rollout_guard, shadow_queue

Key = tuple[str, str, str, int]  # rollout, arm, measure, bucket
COLUMNS = ("rollout_id", "arm", "measure", "bucket")
FACTS = ("stands_alone", "lacks_variables")  # of a row, beside its columns; not stored


def facts_of(record: Record) -> dict[str, Any]:
    """Return whether a call is counted apart from its side, and whether it was refused for its variables."""
    wrong = record.error.param if record.error else None
    lacks = wrong is not None and wrong.split(".")[0] == variables.FIELD
    return {"stands_alone": shadow_queue.stands_alone(record), "lacks_variables": lacks}


def add(session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add records that are being written to their arms; once committed, their rollouts are judged.

    Rows are always locked in the same order: then writers cannot block each other for good.
    """
    sums = sums_of(rows)
    if not sums:
        return
    insert = insert_into(session, ArmCount)
    more = {"amount": ArmCount.amount + insert.excluded.amount}
    statement = insert.on_conflict_do_update(index_elements=COLUMNS, set_=more)
    names = (*COLUMNS, "amount")
    session.execute(statement, [dict(zip(names, (*key, sums[key]), strict=True)) for key in sorted(sums)])
    touched = sorted({key[0] for key in sums})
    after_commit(session, lambda: rollout_guard.watch(touched))


def sums_of(rows: Iterable[Mapping[str, Any]]) -> dict[Key, int]:
    """Return what a batch adds, by where it is counted."""
    sums: dict[Key, int] = {}
    for row in rows:
        rollout_id, arm = row.get("rollout_id"), row.get("arm")
        if rollout_id and arm:
            arm = ALONE if row.get("stands_alone") else arm
            for (measure, bucket), amount in counts_of(row).items():
                key = rollout_id, arm, measure, bucket
                sums[key] = sums.get(key, 0) + amount
    return sums
