"""What guardrails did lately: how often each rule stopped, changed or noted something, from the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.models import RecordRow
from app.services import access

MOST_CALLS = 20_000
ACTED = ("blocked", "would_block", "masked", "redacted", "flagged", "failed")


@dataclass(frozen=True, slots=True)
class Line:
    """One rule on one side of one endpoint, or of calls to models by name (then without an id)."""

    rule: str
    side: str
    endpoint_slug: str
    endpoint_id: str | None
    counts: Counter[str]  # by outcome

    @property
    def acted(self) -> int:
        """Return how often it found something, or could not run."""
        return sum(self.counts[outcome] for outcome in ACTED)


@dataclass(frozen=True, slots=True)
class Report:
    """The rules that did something, the busiest first. `calls` were looked at; `cut`: there were more."""

    lines: tuple[Line, ...]
    calls: int
    cut: bool


def report(actor: Actor, workspace_id: str, days: int) -> Report:
    """Return what guardrails did in the newest calls of so many days. Viewers may."""

    def work(session: Session) -> Report:
        access.require(session, actor, workspace_id, "viewer")
        columns = RecordRow.endpoint_slug, RecordRow.endpoint_id, RecordRow.guardrails
        where = (
            RecordRow.workspace_id == workspace_id,
            RecordRow.created_at >= datetime.now(UTC) - timedelta(days=days),
            RecordRow.guardrails.is_not(None),
        )
        query = select(*columns).where(*where).order_by(RecordRow.created_at.desc()).limit(MOST_CALLS + 1)
        rows = [tuple(row) for row in session.execute(query)]
        return Report(summed(rows[:MOST_CALLS]), min(len(rows), MOST_CALLS), len(rows) > MOST_CALLS)

    return database.read(work)


def summed(rows: Iterable[tuple[Any, ...]]) -> tuple[Line, ...]:
    """Return the verdicts of many calls, counted."""
    found: dict[tuple[str, str, str, str | None], Counter[str]] = {}
    for slug, endpoint_id, verdicts in rows:
        for verdict in verdicts or ():
            name = verdict["rule"], verdict["side"], slug, endpoint_id
            found.setdefault(name, Counter())[verdict["outcome"]] += 1
    lines = (Line(*name, counts) for name, counts in found.items())
    return tuple(sorted((line for line in lines if line.acted), key=lambda line: -line.acted))
