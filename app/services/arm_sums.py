"""Reads what was counted of the arms of a rollout."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.arm_counts import Counts, from_rows, judged, moved
from app.models import ArmCount, Rollout


def of(session: Session, rollout_id: str) -> dict[str, Counts]:
    """Return every arm's counts since the rollout began."""
    columns = ArmCount.arm, ArmCount.measure, ArmCount.bucket, ArmCount.amount
    rows = session.execute(select(*columns).where(ArmCount.rollout_id == rollout_id))
    return from_rows((arm, measure, bucket, int(amount)) for arm, measure, bucket, amount in rows)


def of_step(session: Session, row: Rollout) -> dict[str, Counts]:
    """Return every arm's counts since the share last changed."""
    return judged(of(session, row.id), row.counted)


def mark(session: Session, row: Rollout) -> None:
    """Note what was counted until now: the share that was just set is judged without it."""
    row.counted = moved(of(session, row.id), row.counted, row.state)
