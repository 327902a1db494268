"""Checks the books and mends nothing: each check is a query, all in one snapshot (reliability 1.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.books import CHECKS, Finding
from app.domain.errors import NotAllowed, NotFound
from app.services import alerts, workspaces
from app.services.books import hold_checks, last, ledger_checks, sum_checks
from app.services.books.scope import Scope

RECENT = timedelta(days=2)  # what the frequent check looks at; the nightly one looks at everything
MOST_MINUTES = 10  # of one statement on PostgreSQL, whose usual limit is meant for calls

Run = Callable[[Session, Scope], Iterator[Finding]]
RUNS: dict[str, Run] = {
    "balance": ledger_checks.balances,
    "limits": ledger_checks.limits,
    "chain": ledger_checks.chain,
    "held": hold_checks.held,
    "charged": hold_checks.charged,
    "stray": hold_checks.stray,
    "most": hold_checks.most,
    "budget": sum_checks.budgets,
    "stuck": hold_checks.stuck,
    "day": ledger_checks.days,
    "key": hold_checks.keys,
    "provider": sum_checks.providers,
    "hour": sum_checks.hours,
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a check of the books found, and what it only reports."""

    at: datetime
    findings: list[Finding]
    reports: list[Finding]


def check(actor: Actor, workspace_name: str | None = None) -> Result:
    """Check everything that was ever booked, of one workspace or all. System only."""
    if actor.kind != "system":
        raise NotAllowed
    if workspace_name is None:
        result = look()
        last.keep(result.at, result.findings, everything=True)
        return result
    chosen = [row.id for row in workspaces.list_all(actor) if row.name == workspace_name]
    if not chosen:
        raise NotFound("There is no workspace of this name.")
    return look(chosen[0])


def watch(*, everything: bool) -> Result:
    """Check the books of all workspaces, keep the result for the dashboard, and note alerts on findings."""
    result = look(since=None if everything else datetime.now(UTC) - RECENT)
    last.keep(result.at, result.findings, everything=everything)
    if result.findings:
        database.transaction(lambda session: note(session, result.findings))
    return result


def note(session: Session, findings: Sequence[Finding]) -> None:
    """Note an alert for each workspace and check, with its first finding."""
    ordered = sorted(findings, key=lambda finding: (finding.workspace_id, finding.check))
    for (workspace_id, name), found in groupby(ordered, key=lambda f: (f.workspace_id, f.check)):
        first, *more = found
        facts = {"title": CHECKS[name].title, "thing": first.thing, "more": len(more)}
        facts |= {"expected": first.expected, "found": first.found}
        alerts.note(session, workspace_id, "books", name, facts)


def look(workspace_id: str | None = None, since: datetime | None = None) -> Result:
    """Run every check in one snapshot; those that only report are left out of a check of what is recent."""
    now = datetime.now(UTC)

    def work(session: Session) -> list[Finding]:
        take_snapshot(session)
        scope = Scope(workspace_id, since, now, session.get_bind().dialect.name)
        names = [name for name, each in CHECKS.items() if since is None or not each.is_report]
        return [finding for name in names for finding in RUNS[name](session, scope)]

    found = database.read(work)
    return Result(
        at=now,
        findings=[finding for finding in found if not CHECKS[finding.check].is_report],
        reports=[finding for finding in found if CHECKS[finding.check].is_report],
    )


def take_snapshot(session: Session) -> None:
    """Have all queries see one moment, and write nothing; SQLite's transactions are so by themselves."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        session.execute(text("SET TRANSACTION READ ONLY"))
        session.execute(text(f"SET LOCAL statement_timeout = '{MOST_MINUTES}min'"))
