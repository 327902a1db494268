"""What alert rules measure: out of the sums by hour where their window allows, else out of the records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    case,
    cast,
    extract,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session

from app.domain.alert_rules import NOT_BY_HOUR, REPORTED, STEP, Measured, Number, RuleConfig, Sample
from app.models import RecordRow, ReportedHour, UsageHour
from app.services.usage_hours import APART, BLOCKED, FAILED, HOUR, HourTable, start_of

HOUR_COLUMNS = {"endpoint": "endpoint_id", "key": "key_id", "project": "project_id"}
RECORD_COLUMNS = {**HOUR_COLUMNS, "policy": "policy_key"}
AMOUNTS = {  # the columns whose sum a metric is, or is divided by the calls
    "spend": ("cost_nano_usd",),
    "average_cost": ("cost_nano_usd",),
    "reported_spend": ("cost_nano_usd",),
    "savings": ("savings_nano_usd",),
    "tokens": ("input_tokens", "output_tokens"),
    "blocked": ("blocked",),
    "error_rate": ("errors",),
}
ALL: ColumnElement[Any] = literal_column("0 + 0")  # one bucket; a bare number would stand for a column
Conditions = Sequence[ColumnElement[bool]]


def measure(
    session: Session, workspace_id: str, config: RuleConfig, since: datetime, until: datetime
) -> Measured:
    """Return the metric over a stretch of time."""
    if config.window in ("day", "month") and config.metric not in NOT_BY_HOUR:
        return by_hours(session, workspace_id, config, since, until)
    found = out_of_records(session, workspace_id, config, since, until, ALL)
    return Measured(found[0][1], found[0][2]) if found else finished(config, 0, 0)


def samples(
    session: Session,
    workspace_id: str,
    config: RuleConfig,
    since: datetime,
    until: datetime,
    step: timedelta = STEP,
) -> list[Sample]:
    """Return the metric in each window of five minutes (or another step) that has calls, oldest first."""
    seconds = extract("epoch", RecordRow.created_at)
    bucket = seconds - seconds % int(step.total_seconds())
    found = out_of_records(session, workspace_id, config, since, until, bucket)
    rows = [Sample(datetime.fromtimestamp(at, UTC), calls, value) for at, calls, value in found]
    return sorted(rows, key=lambda sample: sample.starts_at)


def by_hours(
    session: Session, workspace_id: str, config: RuleConfig, since: datetime, until: datetime
) -> Measured:
    """Return the metric over days: whole hours, and out of the records what a day has of others.

    A day does not begin with a clock hour (UTC) where the workspace's time is half an hour off.
    """
    first, last = start_of(since + HOUR - timedelta(microseconds=1)), until
    stretches = []
    if first != since:
        last = max(first, start_of(until))
        stretches = [(since, min(first, until)), (last, until)]
    found = [sums_of_hours(session, workspace_id, config, first, last)]
    found += [sums_of_records(session, workspace_id, config, *stretch) for stretch in stretches]
    return finished(config, sum(calls for calls, _ in found), sum(amount for _, amount in found))


def sums_of_hours(
    session: Session, workspace_id: str, config: RuleConfig, since: datetime, until: datetime
) -> tuple[int, int]:
    """Return calls and amount of whole hours."""
    table: HourTable = ReportedHour if config.metric in REPORTED else UsageHour
    names = AMOUNTS.get(config.metric, ())
    sums = [func.coalesce(func.sum(getattr(table, name)), 0) for name in ("calls", *names)]
    where = [getattr(table, HOUR_COLUMNS.get(name, name)) == value for name, value in config.where.items()]
    within = table.workspace_id == workspace_id, table.starts_at >= since, table.starts_at < until
    calls, *amounts = session.execute(select(*sums).where(*within, *where)).one()
    return int(calls), sum(map(int, amounts))


def sums_of_records(
    session: Session, workspace_id: str, config: RuleConfig, since: datetime, until: datetime
) -> tuple[int, int]:
    """Return the same of a stretch of any length, out of the records."""
    where = conditions(workspace_id, config, since, until)
    calls, amount = session.execute(
        select(func.count(), func.sum(amount_of(config.metric))).where(*where)
    ).one()
    return int(calls), int(amount or 0)


def finished(config: RuleConfig, calls: int, amount: int) -> Measured:
    """Return the metric out of its sums; a rate of no calls is none."""
    if config.metric in ("calls", "reported_calls"):
        return Measured(calls, calls)
    if config.metric == "average_cost":
        return Measured(calls, amount // calls if calls else None)
    if config.metric == "error_rate":
        return Measured(calls, 100 * amount / calls if calls else None)
    if config.metric == "p95_latency":
        return Measured(calls, None)
    return Measured(calls, amount)


def out_of_records(
    session: Session,
    workspace_id: str,
    config: RuleConfig,
    since: datetime,
    until: datetime,
    bucket: ColumnElement[Any],
) -> list[tuple[int, int, Number]]:
    """Return bucket, calls and the metric of each bucket that has calls."""
    where = conditions(workspace_id, config, since, until)
    if config.metric == "p95_latency":
        return slowest(session, where, bucket)
    amount = func.sum(amount_of(config.metric))
    key = bucket.label("bucket")
    query = select(key, func.count(), amount).where(*where).group_by(key)
    rows = [(int(at), finished(config, int(n), int(total or 0))) for at, n, total in session.execute(query)]
    return [(at, found.calls, found.value) for at, found in rows if found.value is not None]


def slowest(session: Session, where: Conditions, bucket: ColumnElement[Any]) -> list[tuple[int, int, Number]]:
    """Return the 95th percentile of the answered calls' milliseconds in each bucket."""
    rank = func.row_number().over(partition_by=bucket, order_by=RecordRow.duration_ms)
    count = func.count().over(partition_by=bucket)
    columns = bucket.label("bucket"), RecordRow.duration_ms, rank.label("rank"), count.label("calls")
    ranked = select(*columns).where(*where, RecordRow.outcome == "succeeded").subquery()
    shown = ranked.c.bucket, ranked.c.calls, ranked.c.duration_ms
    query = select(*shown).where(ranked.c.rank == (ranked.c.calls * 95 + 99) // 100)
    return [(int(at), int(calls), int(value)) for at, calls, value in session.execute(query)]


def conditions(workspace_id: str, config: RuleConfig, since: datetime, until: datetime) -> Conditions:
    """Return what holds for the records that a rule counts: by their index of workspace and time."""
    apart = RecordRow.source == "reported" if config.metric in REPORTED else RecordRow.source.not_in(APART)
    within = RecordRow.created_at >= since, RecordRow.created_at < until
    return [
        RecordRow.workspace_id == workspace_id,
        *within,
        apart,
        *(matching(name, value) for name, value in config.where.items()),
    ]


def matching(name: str, value: str) -> ColumnElement[bool]:
    """Return the condition for one part of what a rule counts."""
    if name == "model":
        return of_model(value)
    column: ColumnElement[Any] = getattr(RecordRow, RECORD_COLUMNS.get(name, name))
    return column == value


def of_model(model: str) -> ColumnElement[bool]:
    """Match the model that answered, else the one that was asked for, as the sums by hour name it."""
    provider, _, name = model.partition("/")
    answered, requested = RecordRow.model_answered, RecordRow.model_requested
    return or_(
        and_(RecordRow.provider == provider, answered == name),
        and_(RecordRow.provider.is_(None), answered == model),
        and_(answered.is_(None), requested == model),
    )


def amount_of(metric: str) -> ColumnElement[Any]:
    """Return what one record adds to a metric."""
    if metric == "reported_spend":
        return reported_cost()
    if metric == "error_rate":
        return case((RecordRow.outcome.in_(FAILED), 1), else_=0)
    if metric == "blocked":
        return case((RecordRow.error_code.in_(BLOCKED), 1), else_=0)
    if metric == "guardrail_hits":
        return case((RecordRow.guardrails.is_not(None), 1), else_=0)
    names = AMOUNTS.get(metric, ())
    parts: list[ColumnElement[Any]] = [func.coalesce(getattr(RecordRow, name), 0) for name in names] or [
        literal_column("0")
    ]
    return sum(parts[1:], parts[0])


def reported_cost() -> ColumnElement[Any]:
    """Return what a client's own call cost: by the catalog's prices, else as it says."""
    told = [RecordRow.reported[name].as_string() for name in ("catalog_nano_usd", "cost_nano_usd")]
    return func.coalesce(*(cast(one, BigInteger) for one in told), 0)
