"""What an alert rule measures now, and how often it would have told lately: asked before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.alert_rules import (
    COMPARED,
    RATES,
    STEP,
    Measured,
    RuleConfig,
    Sample,
    last_window,
    parse_rule,
    passes,
    span,
    unusual_windows,
)
from app.models import Workspace
from app.models.columns import utc_now
from app.services import alert_access, alert_measures, alert_rules

DAY = timedelta(days=1)
STEPS = {"5m": STEP, "1h": timedelta(hours=1)}
PERIODS = {"day": 7, "month": 3}  # so many are looked at
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would do. `told`: the starts of the windows of which it would have told, newest first."""

    config: RuleConfig
    now: Measured
    passed: bool
    told: tuple[datetime, ...]
    windows: int

    @property
    def latest(self) -> tuple[datetime, ...]:
        """The newest of them."""
        return self.told[:SHOWN]


def preview(
    actor: Actor, workspace_id: str, fields: Mapping[str, Any], now: datetime | None = None
) -> Preview:
    """Return what a rule with these fields would do; raise InvalidInput for wrong ones. Admins only."""
    at = now or utc_now()

    def work(session: Session) -> Preview:
        confined = alert_access.reach(session, actor, workspace_id, "admin")
        config = alert_rules.resolved(session, workspace_id, confined, parse_rule(fields)[2])
        if config.kind == "anomaly":
            return of_anomaly(session, workspace_id, config, at)
        timezone = session.scalar(select(Workspace.timezone).where(Workspace.id == workspace_id)) or "UTC"
        return of_threshold(session, workspace_id, config, at, timezone)

    return database.read(work)


def of_anomaly(session: Session, workspace_id: str, config: RuleConfig, now: datetime) -> Preview:
    """Go through the windows of the last day, each compared with the week before it."""
    window = last_window(now)
    place = session, workspace_id, config
    found = alert_measures.samples(*place, window - COMPARED - DAY, window + STEP)
    last = next((one for one in found if one.starts_at == window), None)
    told = unusual_windows(found, window + STEP - DAY)
    current = Measured(last.calls, last.value) if last else Measured(0, None)
    return Preview(config, current, window in told, tuple(reversed(told)), DAY // STEP)


def of_threshold(
    session: Session, workspace_id: str, config: RuleConfig, now: datetime, timezone: str
) -> Preview:
    """Measure now, and the windows before."""
    current = alert_measures.measure(session, workspace_id, config, *span(config, now, timezone))
    looked = (
        by_steps(session, workspace_id, config, now)
        if config.window in STEPS
        else by_periods(session, workspace_id, config, now, timezone)
    )
    told = tuple(sorted((one.starts_at for one in looked if passes(config, measured(one))), reverse=True))
    return Preview(config, current, passes(config, current), told, len(looked))


def measured(sample: Sample) -> Measured:
    """Return what a window measured."""
    return Measured(sample.calls, sample.value)


def by_steps(session: Session, workspace_id: str, config: RuleConfig, now: datetime) -> list[Sample]:
    """Return the windows of the last day; without calls a rate is nothing, all else is 0."""
    step = STEPS[config.window]
    until = datetime.fromtimestamp(now.timestamp() // step.total_seconds() * step.total_seconds(), now.tzinfo)
    found = alert_measures.samples(session, workspace_id, config, until - DAY, until, step)
    if config.metric in RATES:
        return found
    known = {sample.starts_at: sample for sample in found}
    starts = [until - step * ago for ago in range(1, DAY // step + 1)]
    return [known.get(start, Sample(start, 0, 0)) for start in starts]


def by_periods(
    session: Session, workspace_id: str, config: RuleConfig, now: datetime, timezone: str
) -> list[Sample]:
    """Return the last days or months of the workspace, the running one too where it can be too much."""
    until, looked = now, []
    for _ in range(PERIODS[config.window]):
        since, end = span(config, until, timezone)
        found = alert_measures.measure(session, workspace_id, config, since, end)
        if found.value is not None:
            looked.append(Sample(since, found.calls, found.value))
        until = since - timedelta(seconds=1) if config.direction == "over" else since + timedelta(hours=1)
    return looked
