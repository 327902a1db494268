"""Who gets a workspace's alert mails, and which kinds are shown but not mailed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.alerts import KINDS
from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, texts
from app.models import Workspace
from app.services import access, alert_mails, audit, mail, people

FIELDS = frozenset({"emails", "muted"})
MOST_EMAILS = 20


def find(actor: Actor, workspace_id: str) -> dict[str, list[str]]:
    """Return the settings as `update` takes them. Admins only."""

    def work(session: Session) -> dict[str, list[str]]:
        access.require(session, actor, workspace_id, "admin")
        return as_fields(session.get_one(Workspace, workspace_id))

    return database.read(work)


def as_fields(workspace: Workspace) -> dict[str, list[str]]:
    """Return the settings as a form or file writes them."""
    return {"emails": list(workspace.alert_emails), "muted": list(workspace.muted_alerts)}


def update(actor: Actor, workspace_id: str, fields: Mapping[str, Any]) -> bool:
    """Set who gets the mails and what is muted; say whether anything changed. Admins only."""

    def work(session: Session) -> bool:
        access.require(session, actor, workspace_id, "admin")
        workspace = session.get_one(Workspace, workspace_id)
        before = as_fields(workspace)
        values = parse({**before, **fields})
        changes = audit.difference(before, values)
        if changes:
            workspace.alert_emails, workspace.muted_alerts = values["emails"], values["muted"]
            change = audit.Change("alerts.change", workspace.id, workspace.name, changes)
            audit.write(session, actor, workspace.id, change)
        return bool(changes)

    return database.transaction(work)


def parse(fields: Mapping[str, Any]) -> dict[str, list[str]]:
    """Check the settings."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    values = {"emails": collect.take(addresses, fields), "muted": collect.take(kinds, fields)}
    collect.finish()
    return values


def addresses(fields: Mapping[str, Any]) -> list[str]:
    """Return mail addresses, each once."""
    found = texts(fields, "emails", most=MOST_EMAILS, longest=254)
    try:
        return list(dict.fromkeys(people.check_email(address) for address in found))
    except InvalidInput:
        text = "Write one mail address on each line, like ann@example.com."
        raise InvalidInput(text, param="emails") from None


def kinds(fields: Mapping[str, Any]) -> list[str]:
    """Return kinds of alerts, in their usual order."""
    named = set(texts(fields, "muted", most=len(KINDS)))
    if named - set(KINDS):
        raise InvalidInput(f"Choose from: {', '.join(KINDS)}.", param="muted")
    return [kind for kind in KINDS if kind in named]


def send_test(actor: Actor, workspace_id: str, email: str) -> str:
    """Send the actor a test mail; return the mail server's answer or raise MailFailed. Admins only."""

    def work(session: Session) -> Workspace:
        access.require(session, actor, workspace_id, "admin")
        return session.get_one(Workspace, workspace_id)

    workspace = database.read(work)
    return mail.send(alert_mails.compose_test(workspace, email), [email]).answer
