"""The records of calls that died with their worker: what their holds still know of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.records import Record
from app.models import RecordRow, Reservation
from app.services import record_rows, records, usage_hours

LONGEST_BEFORE_HOLD = timedelta(minutes=2)  # from a call's beginning to its hold


def about(record: Record) -> dict[str, Any]:
    """Return whose call it is and what it is for: what a record can say when its worker dies."""
    return record_rows.about(record)


def write(session: Session, reservation: Reservation) -> None:
    """Write the record of a dead call; where only its settlement died, correct what it says of the cost."""
    began = reservation.created_at - LONGEST_BEFORE_HOLD
    mine = RecordRow.id == reservation.id, RecordRow.created_at.between(began, reservation.created_at)
    known = session.scalars(select(RecordRow).where(*mine).with_for_update()).first()
    if known is None:
        records.write_rows(session, [row_of(reservation)])
        return
    usage_hours.correct(session, known, reservation.input_nano_usd)
    known.cost_nano_usd = reservation.input_nano_usd


def row_of(reservation: Reservation) -> dict[str, Any]:
    """Return the record of a call of which only the hold is left, charged for its input."""
    return {
        **reservation.about,
        "id": reservation.id,
        "workspace_id": reservation.workspace_id,
        "created_at": reservation.created_at,
        "outcome": "crashed",
        "status": 500,
        "input_tokens": reservation.input_tokens,
        **dict.fromkeys(("output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"), 0),
        "estimated": True,
        "cost_nano_usd": reservation.input_nano_usd,
        "held_nano_usd": reservation.amount_nano_usd,
        **dict.fromkeys(("model_answered", "provider", "error_code"), None),
        "attempts": [],
        "steps": {},
        "duration_ms": 0,
    }
