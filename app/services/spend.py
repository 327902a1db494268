"""What was spent today (UTC) by accounts and at providers: SQL is the truth, thresholds are checked here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from app.database import insert_into
from app.models import DailySpend

SUMS = ("spent_nano_usd", "ledger_nano_usd", "calls", "tokens")


@dataclass(frozen=True, slots=True)
class Spent:
    """What one call, or a batch of them, adds to a day. `scope_type`: account | provider."""

    workspace_id: str
    day: date
    scope_type: str
    scope_id: str
    spent_nano_usd: int
    ledger_nano_usd: int = 0
    calls: int = 1
    tokens: int = 0


def add(session: Session, spent: Spent) -> int:
    """Add to the day's sums; return the day's spend after it, in nano-dollars."""
    insert = insert_into(session, DailySpend)
    values = {name: getattr(spent, name) for name in spent.__slots__}
    sums = {name: getattr(DailySpend, name) + getattr(insert.excluded, name) for name in SUMS}
    keys = ["workspace_id", "day", "scope_type", "scope_id"]
    statement = insert.values(**values).on_conflict_do_update(index_elements=keys, set_=sums)
    after = session.execute(statement.returning(DailySpend.spent_nano_usd)).scalar_one()
    return int(after)
