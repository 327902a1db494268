"""When versions answered: each publication lasts until the next one of the same endpoint or policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.models import PolicyPublication, Publication


@dataclass(frozen=True, slots=True)
class Answered:
    """A time in which a version answered calls. `until` None: it still does."""

    since: datetime
    until: datetime | None
    author: str


def by_version(rows: Sequence[Publication | PolicyPublication]) -> dict[str, list[Answered]]:
    """Return when each version answered, newest first, by its id. `rows`: oldest first."""
    ends = [*(row.created_at for row in rows[1:]), None]
    found: dict[str, list[Answered]] = {}
    for row, until in list(zip(rows, ends, strict=True))[::-1]:
        found.setdefault(row.version_id, []).append(Answered(row.created_at, until, row.author))
    return found
