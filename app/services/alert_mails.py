"""The outbox: sends the mails of noted alerts, each by one worker at a time, until they are taken.

The alert's row is the truth (reliability 1.8): claimed with a lease before sending, marked after it. Only a
worker that dies between the server's answer and the mark makes a second mail, with the same Message-ID.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from app.database import database
from app.domain.alerts import GIVE_UP_AFTER, place, shown, wait_after
from app.domain.ids import new_id
from app.models import Alert, Membership, User, Workspace
from app.models.columns import utc_now
from app.services import mail
from app.services.mail import Delivery, MailFailed

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
LEASE = timedelta(minutes=2)
MOST_TRIES = 50  # more than fit in a day: something breaks before it can even be sent
MOST_AT_ONCE = 100
MOST_SECONDS = 45.0  # after so long a run of `redrive` leaves the rest to the next one
LONGEST_PROBLEM = 300


@dataclass(frozen=True, slots=True)
class Letter:
    """A claimed alert: what to send, to whom. `tries` tells this claim from a later one."""

    alert: Alert
    workspace: Workspace
    recipients: list[str]
    tries: int


def redrive() -> None:
    """Send whatever is due: doorbells that were lost, tries that failed, workers that died."""
    until = time.monotonic() + MOST_SECONDS
    for alert_id in database.read(due):
        if time.monotonic() > until:
            return
        deliver(alert_id)


def due(session: Session) -> list[str]:
    """Return the alerts that may be claimed now, oldest first."""
    query = select(Alert.id).where(claimable()).order_by(Alert.created_at).limit(MOST_AT_ONCE)
    return list(session.scalars(query))


def claimable() -> Any:
    """Return the condition: waiting and its time has come, or sending and its lease is over."""
    now = utc_now()
    waited = or_(Alert.next_try_at.is_(None), Alert.next_try_at <= now)
    return or_(
        and_(Alert.state == "pending", waited), and_(Alert.state == "sending", Alert.next_try_at < now)
    )


def deliver(alert_id: str) -> None:
    """Mail one alert, unless it is not due, somebody else is at it, or nobody wants it mailed."""
    letter = database.transaction(lambda session: claim(session, alert_id))
    if letter is None:
        return
    try:
        delivery = mail.send(compose(letter), letter.recipients)
    except MailFailed as error:
        after_failure(letter, str(error), final=error.final)
    else:
        after_delivery(letter, delivery)


def claim(session: Session, alert_id: str) -> Letter | None:
    """Take the lease of an alert; None when it cannot be had or there is nothing to send."""
    taken = (
        update(Alert)
        .where(Alert.id == alert_id, claimable())
        .values(state="sending", next_try_at=utc_now() + LEASE, tries=Alert.tries + 1)
        .execution_options(synchronize_session=False)
    )
    if not session.execute(taken).rowcount:  # type: ignore[attr-defined]
        return None
    alert = session.get_one(Alert, alert_id, populate_existing=True)
    workspace = session.get_one(Workspace, alert.workspace_id)
    wanted = recipients(session, workspace)
    reason = why_not(alert, workspace, wanted)
    if reason or alert.tries > MOST_TRIES:
        state, problem = ("kept", reason) if reason else ("failed", alert.problem)
        alert.state, alert.next_try_at, alert.problem = state, None, problem
        return None
    left = [address for address in wanted if address not in alert.sent_to]
    return Letter(alert, workspace, left or wanted, alert.tries)


def why_not(alert: Alert, workspace: Workspace, wanted: list[str]) -> str:
    """Return why an alert is shown but not mailed: rule, muted, no_server or nobody; empty when it is."""
    if "mail" not in alert.facts.get("by", ("mail",)):
        return "rule"
    if alert.kind in workspace.muted_alerts:
        return "muted"
    if mail.office.server is None:
        return "no_server"
    return "" if wanted else "nobody"


def recipients(session: Session, workspace: Workspace) -> list[str]:
    """Return who gets the workspace's mails: those it names, else its owners and admins."""
    if workspace.alert_emails:
        return list(workspace.alert_emails)
    boards = Membership.workspace_id == workspace.id, Membership.role.in_(("owner", "admin"))
    query = select(User.email).join(Membership, Membership.user_id == User.id).where(*boards)
    return list(session.scalars(query.order_by(User.email)))


def after_delivery(letter: Letter, delivery: Delivery) -> None:
    """Mark the alert sent; those whom the server put off are tried again."""
    sent_to = [*letter.alert.sent_to, *delivery.accepted]
    problems = {**delivery.refused, **delivery.later}
    problem = "; ".join(f"{address}: {answer}" for address, answer in problems.items())
    if delivery.later:
        after_failure(letter, problem, sent_to=sent_to)
    else:
        mark(letter, state="sent", sent_at=utc_now(), sent_to=sent_to, problem=problem, next_try_at=None)


def after_failure(letter: Letter, problem: str, *, final: bool = False, **values: Any) -> None:
    """Have it tried again later; give up when that is pointless or a day has passed. The row stays."""
    again_at = utc_now() + wait_after(letter.tries)
    if final or again_at > letter.alert.created_at + GIVE_UP_AFTER:
        mark(letter, state="failed", problem=problem, next_try_at=None, **values)
    else:
        mark(letter, state="pending", problem=problem, next_try_at=again_at, **values)


def mark(letter: Letter, **values: Any) -> None:
    """Write down what came of it, unless the lease ran out and another worker took over."""
    values["problem"] = values["problem"][:LONGEST_PROBLEM]
    mine = Alert.id == letter.alert.id, Alert.state == "sending", Alert.tries == letter.tries
    statement = update(Alert).where(*mine).values(values).execution_options(synchronize_session=False)
    database.transaction(lambda session: session.execute(statement))


def compose(letter: Letter) -> EmailMessage:
    """Return the alert's mail."""
    alert = letter.alert
    url = mail.office.base_url + place(alert.kind, letter.workspace.slug, alert.facts)
    alerts_url = f"{mail.office.base_url}/w/{letter.workspace.slug}/alerts"
    context: dict[str, Any] = {
        "kind": alert.kind,
        "facts": shown(alert.facts),
        "workspace": letter.workspace.name,
    }
    context |= {"at": alert.created_at, "url": url, "alerts_url": alerts_url}
    return mail.compose(alert.id, letter.recipients, *render("alert", context))


def compose_test(workspace: Workspace, email: str) -> EmailMessage:
    """Return a mail that only shows that mails arrive."""
    context = {"workspace": workspace.name, "url": f"{mail.office.base_url}/w/{workspace.slug}/alerts"}
    return mail.compose(f"test-{new_id()}", [email], *render("test", context))


def render(name: str, context: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return subject, plain text and HTML of a mail; the first line of the plain one is the subject."""
    plain = environment(autoescape=False).get_template(f"email/{name}.txt").render(context)
    subject, _, text = plain.strip().partition("\n")
    return (
        subject,
        text.strip() + "\n",
        environment(autoescape=True).get_template(f"email/{name}.html").render(context),
    )


def environment(*, autoescape: bool) -> Environment:
    """Return what renders mails outside any request; the texts are those of the dashboard."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=autoescape,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    return made
