"""What a check looks at, and the few words in which the two databases differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    FunctionElement,
    String,
    TableValuedAlias,
    Uuid,
    case,
    cast,
    func,
    text,
    type_coerce,
)

from app.models import LedgerEntry, Reservation

MOST = 100  # findings of one check: more would tell nothing more
UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
ACCOUNT = "account"
AMOUNT = LedgerEntry.amount_nano_usd
SIGNED = case((LedgerEntry.to_side == ACCOUNT, AMOUNT), else_=-AMOUNT)  # as the account feels it
IS_HELD = text("reservations.state = 'held'")  # written out, so that the index of open holds serves


@dataclass(frozen=True, slots=True)
class Scope:
    """One workspace or all. `since`: what was booked before is taken as it is; None: all counts."""

    workspace_id: str | None
    since: datetime | None
    now: datetime
    dialect: str

    def mine(self, *tables: Any) -> list[ColumnElement[bool]]:
        """Return the conditions that keep to the workspace."""
        return [table.workspace_id == self.workspace_id for table in tables if self.workspace_id]

    def recent(self, *columns: Any) -> list[ColumnElement[bool]]:
        """Return the conditions that keep to what was booked since."""
        return [column >= self.since for column in columns if self.since]

    def recent_days(self, day: Any, at: Any) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
        """Return the conditions that keep to whole days (UTC), for a date and for a moment."""
        first = self.since.date() if self.since else None
        return ([day >= first], [at >= start_of(first)]) if first else ([], [])

    def day_of(self, at: Any) -> ColumnElement[date]:
        """Return the UTC day of a moment, as a column of dates stores it."""
        if self.dialect == "sqlite":
            return type_coerce(func.date(at), Date)
        return cast(func.timezone("UTC", at), Date)

    def hour_of(self, at: Any) -> ColumnElement[str]:
        """Return the clock hour (UTC) of a moment, as text."""
        if self.dialect == "sqlite":
            return func.strftime("%Y-%m-%d %H:00", at)
        return func.to_char(func.timezone("UTC", at), "YYYY-MM-DD HH24:00")

    def as_text(self, row_id: Any) -> ColumnElement[str]:
        """Return an id as it is written in texts; SQLite stores it without hyphens."""
        if self.dialect != "sqlite":
            return cast(row_id, String)
        places = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        bare = type_coerce(row_id, String)
        parts: list[FunctionElement[str]] = [func.substr(bare, start, size) for start, size in places]
        written: ColumnElement[str] = parts[0]
        for part in parts[1:]:
            written = written + "-" + part
        return written

    def as_id(self, written: Any) -> ColumnElement[str]:
        """Return an id from a text; a text that is none is no row's."""
        if self.dialect == "sqlite":
            return type_coerce(func.replace(written, "-", ""), Uuid(as_uuid=False))
        return case((written.regexp_match(UUID), cast(written, Uuid(as_uuid=False))), else_=None)

    def period_ids(self) -> TableValuedAlias:
        """Return the periods that a reservation names, one a row, in the column `value`."""
        expand = func.json_each if self.dialect == "sqlite" else func.jsonb_array_elements_text
        return expand(Reservation.period_ids).table_valued("value", joins_implicitly=True)


def start_of(day: date) -> datetime:
    """Return when the day begins (UTC)."""
    return datetime.combine(day, time(), UTC)


def differing(pairs: Iterable[tuple[str, Any, Any]]) -> tuple[str, str]:
    """Return what should and what does stand there, of (words, expected, found) those that differ."""
    off = [(words, expected, found) for words, expected, found in pairs if expected != found]
    expected = ", ".join(words.format(value) for words, value, _ in off)
    return expected, ", ".join(words.format(value) for words, _, value in off)
