"""Sums kept beside their rows: budget periods, and, as a report, providers' days and usage by hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Subquery, case, func, or_, select, union_all
from sqlalchemy import literal as constant
from sqlalchemy.orm import Session

from app.domain.books import Finding
from app.models import Budget, BudgetPeriod, DailySpend, Provider, RecordRow, Reservation, UsageHour
from app.services import budget_scopes
from app.services.books.ledger_checks import usd
from app.services.books.scope import MOST, Scope, differing, start_of
from app.services.usage_hours import APART

LONGEST_PERIOD = timedelta(days=31)
COUNTED = ("reserved_nano_usd", "reserved_tokens", "spent_nano_usd", "spent_tokens")
REPORTED_DAYS = 7
REPORTED_HOURS = 24


def budgets(session: Session, scope: Scope) -> Iterator[Finding]:
    """Compare each budget period with the calls that name it."""
    first = None if scope.since is None else scope.since.date() - LONGEST_PERIOD
    sums = sums_of_periods(scope, first)
    expected = [func.coalesce(sums.c[name], 0).label(f"expected_{name}") for name in COUNTED]
    columns = [getattr(BudgetPeriod, name) for name in COUNTED]
    query = (
        select(Budget.workspace_id, Budget.scope_type, Budget.scope_id, Budget.period, BudgetPeriod.starts_on)
        .add_columns(*columns, *expected)
        .join(Budget, Budget.id == BudgetPeriod.budget_id)
        .outerjoin(sums, sums.c.period_id == BudgetPeriod.id)
        .where(*scope.mine(Budget), *([BudgetPeriod.starts_on >= first] if first else []))
        .where(or_(*(column != total for column, total in zip(columns, expected, strict=True))))
    )
    for row in session.execute(query.limit(MOST)):
        yield Finding("budget", row.workspace_id, named(session, row), *texts_of(row))


def sums_of_periods(scope: Scope, first: date | None) -> Subquery:
    """Return what calls hold and were charged in each period; a local day may begin before UTC's."""
    period = scope.period_ids()
    is_held = Reservation.state == "held"
    amounts = Reservation.amount_nano_usd, Reservation.amount_tokens
    charges = Reservation.charged_nano_usd, Reservation.charged_tokens
    sums = [func.sum(case((is_held, amount), else_=0)) for amount in amounts]
    sums += [func.sum(case((is_held, 0), else_=charge)) for charge in charges]
    recent = [Reservation.created_at >= start_of(first) - timedelta(days=1)] if first else []
    period_id = scope.as_id(period.c.value).label("period_id")
    named_sums = [total.label(name) for total, name in zip(sums, COUNTED, strict=True)]
    query = select(period_id, *named_sums).select_from(Reservation).join(period, constant(True))
    return query.where(*scope.mine(Reservation), *recent).group_by(period_id).subquery()


def texts_of(row: Any) -> tuple[str, str]:
    """Return what a period should count and what it does, where they differ."""
    words = ("{} held", "{} tokens held", "{} spent", "{} tokens spent")
    shown = []
    for name, text in zip(COUNTED, words, strict=True):
        write = usd if name.endswith("_nano_usd") else count
        shown.append((text, write(getattr(row, f"expected_{name}")), write(getattr(row, name))))
    return differing(shown)


def count(tokens: int) -> str:
    """Write a number of tokens."""
    return f"{int(tokens):,}"


def named(session: Session, row: Any) -> str:
    """Name a budget's period."""
    place = row.scope_type, row.scope_id
    scope = budget_scopes.named(session, row.workspace_id, [place]).get(place) or budget_scopes.gone(*place)
    return f"the budget of {scope.label}, {row.period} of {row.starts_on}"


def providers(session: Session, scope: Scope) -> Iterator[Finding]:
    """Report days on which a provider's counted calls are not those of the receipts."""
    since = start_of(scope.now.date() - timedelta(days=REPORTED_DAYS))
    until = start_of(scope.now.date())
    counted = (
        select(DailySpend.workspace_id, Provider.slug, DailySpend.day.label("day"))
        .add_columns(DailySpend.calls.label("counted"), constant(0).label("recorded"))
        .join(Provider, Provider.id == DailySpend.scope_id)
        .where(*scope.mine(DailySpend), DailySpend.scope_type == "provider")
        .where(DailySpend.day >= since.date(), DailySpend.day < until.date())
    )
    used = or_(RecordRow.input_tokens > 0, RecordRow.output_tokens > 0, RecordRow.cost_nano_usd > 0)
    recorded = (
        select(RecordRow.workspace_id, RecordRow.provider, scope.day_of(RecordRow.created_at).label("day"))
        .add_columns(constant(0), constant(1))
        .where(*scope.mine(RecordRow), RecordRow.created_at >= since, RecordRow.created_at < until)
        .where(RecordRow.provider.is_not(None), used)
    )
    both = union_all(counted, recorded).subquery()
    for workspace_id, slug, day, calls, receipts in compared(session, both, both.c.slug, both.c.day):
        texts = f"{receipts:,} receipts", f"{calls:,} calls counted"
        yield Finding("provider", workspace_id, f"the provider “{slug}”, {day}", *texts)


def hours(session: Session, scope: Scope) -> Iterator[Finding]:
    """Report complete hours whose counted calls are not those of the receipts of metered calls."""
    until = scope.now.replace(minute=0, second=0, microsecond=0)
    since = until - timedelta(hours=REPORTED_HOURS)
    counted = (
        select(UsageHour.workspace_id, scope.hour_of(UsageHour.starts_at).label("hour"))
        .add_columns(UsageHour.calls.label("counted"), constant(0).label("recorded"))
        .where(*scope.mine(UsageHour), UsageHour.starts_at >= since, UsageHour.starts_at < until)
    )
    recorded = (
        select(RecordRow.workspace_id, scope.hour_of(RecordRow.created_at))
        .add_columns(constant(0), constant(1))
        .where(*scope.mine(RecordRow), RecordRow.created_at >= since, RecordRow.created_at < until)
        .where(RecordRow.source.not_in(APART))
    )
    both = union_all(counted, recorded).subquery()
    for workspace_id, hour, calls, receipts in compared(session, both, both.c.hour):
        texts = f"{receipts:,} receipts", f"{calls:,} calls counted"
        yield Finding("hour", workspace_id, f"the hour from {hour} UTC", *texts)


def compared(session: Session, both: Subquery, *keys: ColumnElement[Any]) -> Iterator[Any]:
    """Yield workspace, keys, what is counted and what is recorded, where these two differ."""
    sums = func.sum(both.c.counted), func.sum(both.c.recorded)
    query = select(both.c.workspace_id, *keys, *sums).group_by(both.c.workspace_id, *keys)
    yield from session.execute(query.having(sums[0] != sums[1]).limit(MOST))
