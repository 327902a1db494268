"""What was spent today (UTC) by accounts and at providers: SQL is the truth, thresholds are checked here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domain.actors import Actor
from app.domain.alerts import crossed
from app.models import Account, DailySpend, Provider
from app.services import alerts, audit

SUMS = ("spent_nano_usd", "ledger_nano_usd", "calls", "tokens")
WATCHED: tuple[InstrumentedAttribute[Any], ...] = (
    Provider.name,
    Provider.alert_nano_usd_per_day,
    Provider.stop_nano_usd_per_day,
    Provider.paused_at,
    Provider.resumed_on,
    Provider.resumed_from_nano_usd,
)
THRESHOLD = Actor("system", None, "the daily stop threshold", is_operator=True)


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
    return int(upsert(session, spent)[0])


def upsert(session: Session, spent: Spent, *columns: InstrumentedAttribute[Any]) -> tuple[Any, ...]:
    """Add to the day's sums; return the spend after it and these columns of the scope's row."""
    statement = adding(session.get_bind().dialect.name, columns)
    values = {name: getattr(spent, name) for name in spent.__slots__}
    return tuple(session.connection().execute(statement, {**values, "scope": spent.scope_id}).one())


@cache
def adding(dialect: str, columns: tuple[InstrumentedAttribute[Any], ...]) -> Any:
    """Return the statement of `upsert`; built anew each time it would cost more than the database takes."""
    insert = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(DailySpend.__table__)
    sums = {name: getattr(DailySpend, name) + getattr(insert.excluded, name) for name in SUMS}
    keys = ["workspace_id", "day", "scope_type", "scope_id"]
    scope = bindparam("scope", type_=DailySpend.scope_id.type)
    looked_up = [select(c).where(c.class_.id == scope).scalar_subquery() for c in columns]
    adding_up = insert.on_conflict_do_update(index_elements=keys, set_=sums)
    return adding_up.returning(DailySpend.spent_nano_usd, *looked_up)


def add_for_account(session: Session, spent: Spent) -> None:
    """Add what an account spent; note it when the day's sum reaches the account's alert threshold."""
    watched = upsert(session, spent, Account.spend_alert_nano_usd_per_day, Account.name)
    check_account(session, spent, *watched)


def check_account(session: Session, spent: Spent, total: int, threshold: int | None, name: str) -> None:
    """Note it when the day's sum, which now is `total`, reached the account's alert threshold."""
    if crossed(total - spent.spent_nano_usd, total, threshold):
        facts = {"name": name, "spent_nano_usd": total, "threshold_nano_usd": threshold}
        alerts.note(session, spent.workspace_id, "spend_threshold", spent.scope_id, facts)


def add_for_provider(session: Session, spent: Spent) -> None:
    """Add what a provider's calls cost; past its thresholds note that, and pause it (M10).

    The pause is written here, in the transaction of the spend; its audit event makes every worker see it.
    """
    check_provider(session, spent, *upsert(session, spent, *WATCHED))


def check_provider(session: Session, spent: Spent, total: int, *watched: Any) -> None:
    """Act on the day's sum, which now is `total`; `watched` are the provider's values of WATCHED."""
    name, alert_at, stop_at, paused_at, resumed_on, resumed_from = watched
    if crossed(total - spent.spent_nano_usd, total, alert_at):
        facts = {"name": name, "provider_id": spent.scope_id, "spent_nano_usd": total}
        facts |= {"threshold_nano_usd": alert_at, "stop_nano_usd": stop_at}
        alerts.note(session, spent.workspace_id, "provider_spend", spent.scope_id, facts)
    counted = total - (resumed_from if resumed_on == spent.day else 0)
    if stop_at is not None and paused_at is None and counted >= stop_at:
        stop_if_due(session, spent, total)


def stop_if_due(session: Session, spent: Spent, total_nano_usd: int) -> None:
    """Pause the provider if its spend since its reactivation of today reaches its stop threshold (O31)."""
    since = case((Provider.resumed_on == spent.day, Provider.resumed_from_nano_usd), else_=0)
    due = total_nano_usd - since >= Provider.stop_nano_usd_per_day
    statement = update(Provider).where(Provider.id == spent.scope_id, Provider.paused_at.is_(None), due)
    found = session.execute(
        statement.values(paused_at=datetime.now(UTC))
        .returning(Provider.name, Provider.slug, Provider.stop_nano_usd_per_day)
        .execution_options(synchronize_session=False)
    ).first()
    if found is None:
        return
    change = audit.Change("provider.pause", spent.scope_id, found.slug, {})
    audit.write(session, THRESHOLD, spent.workspace_id, change)
    facts = {"name": found.name, "provider_id": spent.scope_id, "spent_nano_usd": total_nano_usd}
    facts["stop_nano_usd"] = found.stop_nano_usd_per_day
    alerts.note(session, spent.workspace_id, "provider_paused", spent.scope_id, facts)


def today(session: Session, workspace_id: str, scope_type: str) -> dict[str, int]:
    """Return what was spent so far today (UTC), by the scope's id."""
    rows = session.execute(
        select(DailySpend.scope_id, func.sum(DailySpend.spent_nano_usd))
        .where(
            DailySpend.workspace_id == workspace_id,
            DailySpend.day == datetime.now(UTC).date(),
            DailySpend.scope_type == scope_type,
        )
        .group_by(DailySpend.scope_id)
    )
    return {scope_id: int(spent) for scope_id, spent in rows}
