"""Looks at what alert rules watch, and notes an alert where it is worth telling."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import database, insert_into
from app.domain.alert_rules import (
    COMPARED,
    STEP,
    Measured,
    RuleConfig,
    Sample,
    Unusual,
    is_unusual,
    last_window,
    passes,
    span,
)
from app.models import AlertRule, AlertSample, Workspace
from app.models.columns import utc_now
from app.services import alert_measures, alert_rules, alerts
from app.services.alert_rules import RuleView

log = logging.getLogger(__name__)
MOST_SECONDS = 45.0  # after so long a run leaves the rest to the next one
SELDOM = timedelta(minutes=5)  # how often what takes long to add up is looked at
OFTEN = timedelta(seconds=50)


@dataclass(frozen=True, slots=True)
class Look:
    """What was found when a rule was looked at; `telling`: the subject and facts of an alert, if any."""

    view: RuleView
    until: datetime
    measured: dict[str, Any]
    telling: tuple[str, dict[str, Any]] | None = None
    samples: Sequence[Sample] = ()


def check_all() -> None:
    """Look at every rule whose time has come, those first that were not looked at for longest."""
    until = time.monotonic() + MOST_SECONDS
    for rule_id in database.read(waiting):
        if time.monotonic() > until:
            return
        try:
            check(rule_id)
        except SQLAlchemyError as error:
            log.error("alert rule %s not checked: %s", rule_id, type(error).__name__)


def waiting(session: Session) -> list[str]:
    """Return the rules that are switched on."""
    order = AlertRule.checked_at.is_not(None), AlertRule.checked_at, AlertRule.id
    return list(session.scalars(select(AlertRule.id).where(AlertRule.active).order_by(*order)))


def check(rule_id: str, now: datetime | None = None) -> None:
    """Look at one rule now; note an alert where it is worth telling."""
    at = now or utc_now()
    look = database.read(lambda session: look_at(session, rule_id, at))
    if look is not None:
        database.transaction(lambda session: settle(session, look))


def look_at(session: Session, rule_id: str, now: datetime) -> Look | None:
    """Return what a rule measures; None when it is not its time."""
    row = session.get(AlertRule, rule_id)
    if row is None or not row.active:
        return None
    view = alert_rules.view_of(session, row)
    if view.gone:
        return Look(view, now, {"gone": list(view.gone)})
    if view.config.kind == "anomaly":
        return look_for_unusual(session, view, now)
    pause = SELDOM if view.config.window in ("1h", "month") else OFTEN
    if row.checked_at is not None and now - row.checked_at < pause:
        return None
    return look_at_threshold(session, view, now)


def look_at_threshold(session: Session, view: RuleView, now: datetime) -> Look:
    """Measure what is compared with a bound."""
    row, config = view.row, view.config
    timezone = session.scalar(select(Workspace.timezone).where(Workspace.id == row.workspace_id)) or "UTC"
    since, until = span(config, now, timezone)
    found = alert_measures.measure(session, row.workspace_id, config, since, until)
    measured = {"calls": found.calls, "value": found.value, "passed": passes(config, found)}
    telling = (row.id, facts_of(view, found, config.bound or 0)) if measured["passed"] else None
    return Look(view, now, measured, telling)


def look_for_unusual(session: Session, view: RuleView, now: datetime) -> Look | None:
    """Compare the last window with those of the days before it, whose numbers are kept (P33)."""
    row, window = view.row, last_window(now)
    until = window + STEP
    if row.checked_at is not None and row.checked_at >= until:
        return None
    known, fresh = kept_and_fresh(session, view, window)
    current = next((sample for sample in fresh if sample.starts_at == window), None)
    measured = {"calls": current.calls if current else 0, "value": current.value if current else None}
    unusual = is_unusual(current, [*known, *fresh]) if current else None
    measured["passed"] = unusual is not None
    if current is None or unusual is None:
        return Look(view, until, measured, samples=fresh)
    facts = {
        **facts_of(view, Measured(current.calls, current.value), unusual.bound),
        **usual(view.config, unusual),
    }
    facts["window_starts_at"] = window.isoformat()
    return Look(view, until, measured, (f"{row.id}:{window.isoformat()}", facts), fresh)


def kept_and_fresh(session: Session, view: RuleView, window: datetime) -> tuple[list[Sample], list[Sample]]:
    """Return the samples of the days before that are kept, and those since; all of them at the first time."""
    oldest = window - COMPARED
    row = view.row
    since = max(row.checked_at, oldest) if row.checked_at else oldest
    mine = AlertSample.rule_id == row.id, AlertSample.starts_at >= oldest, AlertSample.starts_at < since
    kept = session.scalars(select(AlertSample).where(*mine).order_by(AlertSample.starts_at))
    known = [Sample(one.starts_at, one.calls, one.value) for one in kept]
    fresh = alert_measures.samples(session, row.workspace_id, view.config, since, window + STEP)
    return known, fresh


def facts_of(view: RuleView, found: Measured, bound: float) -> dict[str, Any]:
    """Return the facts of an alert: what was measured of what, against what."""
    config = view.config
    end = "_nano_usd" if config.unit == "usd" else ""
    value = found.value or 0
    return {
        "rule_id": view.row.id,
        "rule": view.row.name,
        "project_id": view.row.project_id,
        "metric": config.metric,
        "unit": config.unit,
        "test": config.kind,
        "window": config.window,
        "direction": config.direction,
        "where": dict(view.where),
        "by": list(config.by),
        "calls": found.calls,
        f"measured{end}": rounded(value, config),
        f"bound{end}": rounded(bound, config),
    }


def usual(config: RuleConfig, unusual: Unusual) -> dict[str, Any]:
    """Return the facts of what is usual."""
    end = "_nano_usd" if config.unit == "usd" else ""
    return {f"usual{end}": rounded(unusual.median, config), "windows": unusual.windows}


def rounded(value: float, config: RuleConfig) -> float:
    """Return a number as it is told: whole nano-dollars, else two decimals at most."""
    return round(value) if config.unit == "usd" else round(value, 2)


def settle(session: Session, look: Look) -> None:
    """Write down what was found, unless the rule was changed meanwhile, and note the alert."""
    seen = look.view.row
    row = session.get(AlertRule, seen.id, with_for_update=True)
    if row is None or not row.active or row.config != seen.config:
        return
    row.checked_at, row.measured = look.until, look.measured
    keep(session, row.id, look)
    if look.telling is not None:
        subject, facts = look.telling
        if alerts.note(session, row.workspace_id, "rule", subject, facts):
            row.fired_at = look.until


def keep(session: Session, rule_id: str, look: Look) -> None:
    """Keep the fresh samples, and forget those that nothing is compared with any more."""
    if look.view.config.kind != "anomaly" or "gone" in look.measured:
        return
    old = AlertSample.rule_id == rule_id, AlertSample.starts_at < look.until - COMPARED - STEP
    session.execute(delete(AlertSample).where(*old))
    rows = [
        {"rule_id": rule_id, "starts_at": one.starts_at, "calls": one.calls, "value": float(one.value)}
        for one in look.samples
    ]
    if rows:
        session.execute(insert_into(session, AlertSample).on_conflict_do_nothing(), rows)
