"""Counts calls for their arm of a rollout: a batch of records at a time, in the batch's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.database import after_commit
from app.domain.arm_counts import ALONE, counts_of
from app.models import ArmCount
from app.services import rollout_guard, sum_rows

Key = tuple[str, str, str, int]  # rollout, arm, measure, bucket
COLUMNS = ("rollout_id", "arm", "measure", "bucket")


def add(session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add records that are being written to their arms; once committed, their rollouts are judged.

    Rows are always locked in the same order: then writers cannot block each other for good.
    """
    sums = sums_of(rows)
    if not sums:
        return
    names = (*COLUMNS, "amount")
    counted = [dict(zip(names, (*key, sums[key]), strict=True)) for key in sorted(sums)]
    sum_rows.add(session, ArmCount, COLUMNS, ("amount",), counted)
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
