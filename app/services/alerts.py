"""Alerts: noted in the transaction that causes them, mailed by a job; once a day, kind and subject (O30).

Each `check_…` is called with what just changed, and notes what must be known about it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import after_commit, database, insert_into
from app.domain.actors import Actor
from app.domain.alerts import levels_crossed, shown
from app.domain.budgets import BudgetFacts
from app.domain.errors import NotFound
from app.domain.ids import is_uuid, new_id
from app.domain.webhooks import OF_ALERTS
from app.models import Account, Alert, Provider
from app.services import access, alert_access, queue, webhooks

SEND = "app.jobs.alerts.send"


def note(session: Session, workspace_id: str, kind: str, subject: str, facts: dict[str, Any]) -> bool:
    """Note an alert of today (UTC); say whether it is the first of its kind and subject.

    Once committed, the job that mails it is rung, and webhooks are told.
    """
    now, alert_id = datetime.now(UTC), new_id()
    insert = insert_into(session, Alert)
    values = {"id": alert_id, "workspace_id": workspace_id, "kind": kind, "subject": subject, "facts": facts}
    statement = insert.values(**values, day=now.date(), created_at=now).on_conflict_do_nothing()
    is_first = session.scalar(statement.returning(Alert.id)) is not None
    if is_first:
        after_commit(session, lambda: ring(alert_id))
        tell_webhooks(session, workspace_id, {"alert_id": alert_id, "kind": kind, **shown(facts)})
    return is_first


def tell_webhooks(session: Session, workspace_id: str, data: dict[str, Any]) -> None:
    """Have webhooks told of an alert, unless the rule that made it wants that not."""
    if "webhook" not in data.get("by", ("webhook",)):
        return
    events = ("alert.created", OF_ALERTS.get(data["kind"]))
    for event in filter(None, events):
        webhooks.note(session, workspace_id, event, data, data.get("project_id"))


def ring(alert_id: str) -> None:
    """Have the alert mailed soon; should this get lost, the schedule finds it."""
    queue.ring(SEND, alert_id)


def check_balance(session: Session, workspace_id: str, account_id: str, balance_nano_usd: int) -> None:
    """Note that an account's balance fell under the amount at which it wants to know."""
    low = Account.low_balance_nano_usd
    asked = Account.id == account_id, low > balance_nano_usd
    row = session.execute(select(Account.name, low).where(*asked)).first()
    if row is not None:
        facts = {"name": row[0], "balance_nano_usd": balance_nano_usd, "low_nano_usd": row[1]}
        note(session, workspace_id, "low_balance", account_id, facts)


def check_budget(
    session: Session,
    workspace_id: str,
    budget: BudgetFacts,
    starts_on: date,
    unit: str,
    before: int,
    after: int,
    cap: int | None,
) -> None:
    """Note that what is spent of a budget's period just reached 80 % or 100 % of its cap.

    `unit` says what is counted: usd (nano-dollars) or tokens.
    """
    if cap is None:
        return
    for kind in levels_crossed(before, after, cap):
        note_budget(session, workspace_id, kind, budget, starts_on, unit, after, cap)


def note_budget(
    session: Session,
    workspace_id: str,
    kind: str,
    budget: BudgetFacts,
    starts_on: date,
    unit: str,
    spent: int,
    cap: int,
) -> None:
    """Note where a budget stands; each period and unit is a subject of its own."""
    end = "_nano_usd" if unit == "usd" else "_tokens"
    facts = {"label": budget.label, "period": budget.period, "starts_on": starts_on.isoformat()}
    amounts = {f"spent{end}": spent, f"cap{end}": cap, "hard": budget.hard}
    subject = f"{budget.id}:{starts_on.isoformat()}:{unit}"
    note(session, workspace_id, kind, subject, {**facts, **amounts})


def used_up(workspace_id: str, budget: BudgetFacts, starts_on: date, unit: str, spent: int, cap: int) -> None:
    """Note, in a transaction of its own, that a hard budget refuses calls: too little of it is left.

    Its spend may never reach the cap exactly, for a call is refused before it could pass it.
    """

    def work(session: Session) -> None:
        note_budget(session, workspace_id, "budget_100", budget, starts_on, unit, spent, cap)

    database.transaction(work)


def shortfall(session: Session, workspace_id: str, provider_id: str | None, missing_nano_usd: int) -> None:
    """Note that a call cost more than was held for it: the difference is the operator's loss."""
    name = session.scalar(select(Provider.name).where(Provider.id == provider_id))
    facts = {"name": name or "", "provider_id": provider_id, "missing_nano_usd": missing_nano_usd}
    note(session, workspace_id, "shortfall", provider_id or "", facts)


def unpriced(session: Session, workspace_id: str, model_id: str) -> None:
    """Note that a model answered whose price is not known, so that its cost is not either."""
    note(session, workspace_id, "unpriced_model", model_id[:200], {"model": model_id})


def records_lost(session: Session, workspace_id: str, calls: int) -> None:
    """Note that so many calls could not be logged; more of the same day are added up without another mail."""
    if note(session, workspace_id, "records_lost", "", {"calls": calls}):
        return
    mine = Alert.workspace_id == workspace_id, Alert.kind == "records_lost", Alert.subject == ""
    today = Alert.day == datetime.now(UTC).date()
    known = session.scalars(select(Alert).where(*mine, today).with_for_update()).first()
    if known is not None:
        known.facts = {"calls": known.facts["calls"] + calls}


def provider_down(workspace_id: str, provider_id: str, error: str) -> None:
    """Note, in a transaction of its own, that a provider is left alone because it fails; `error` is how."""

    def work(session: Session) -> None:
        mine = Provider.id == provider_id, Provider.workspace_id == workspace_id
        name = session.scalar(select(Provider.name).where(*mine))
        if name is not None:
            facts = {"name": name, "provider_id": provider_id, "error": error}
            note(session, workspace_id, "provider_down", provider_id, facts)

    database.transaction(work)


def list_page(
    actor: Actor,
    workspace_id: str,
    *,
    kind: str | None = None,
    before_id: str | None = None,
    after_id: str | None = None,
    limit: int = 50,
) -> list[Alert]:
    """Return alerts, newest first: those right before `before_id` or right after `after_id`.

    To a key those that concern its project.
    """

    def work(session: Session) -> list[Alert]:
        project_id = alert_access.reach(session, actor, workspace_id, "viewer")
        query = select(Alert).where(Alert.workspace_id == workspace_id)
        if project_id is not None:
            query = query.where(Alert.facts["project_id"].as_string() == project_id)
        if kind:
            query = query.where(Alert.kind == kind)
        if before_id is not None:
            query = query.where(Alert.id < before_id)
        if after_id is not None:
            after = query.where(Alert.id > after_id).order_by(Alert.id)
            return list(session.scalars(after.limit(limit)))[::-1]
        return list(session.scalars(query.order_by(Alert.id.desc()).limit(limit)))

    return database.read(work)


def retry(actor: Actor, workspace_id: str, alert_id: str) -> Alert:
    """Have an alert mailed that was given up or kept. Admins only."""

    def work(session: Session) -> Alert:
        access.require(session, actor, workspace_id, "admin")
        alert = session.get(Alert, alert_id) if is_uuid(alert_id) else None
        if alert is None or alert.workspace_id != workspace_id:
            raise NotFound("There is no such alert.")
        if alert.state in ("failed", "kept"):
            alert.state, alert.tries, alert.next_try_at, alert.problem = "pending", 0, None, ""
            after_commit(session, lambda: ring(alert_id))
        return alert

    return database.transaction(work)
