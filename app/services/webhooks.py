"""Webhooks: who is told of events, and noting an event for them in the transaction that causes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app import egress
from app.database import after_commit, database
from app.domain.actors import Actor
from app.domain.errors import Conflict, NotFound
from app.domain.ids import is_uuid, new_id
from app.domain.webhooks import (
    OLD_SECRET_SIGNS,
    WebhookFields,
    check_secret,
    mint_secret,
    parse_webhook,
    payload_of,
    wants,
)
from app.models import Delivery, Webhook, Workspace
from app.models.columns import utc_now
from app.services import alert_access, audit, queue
from app.services.sealing import CannotUnseal, sealer

SEND = "app.jobs.webhooks.send"
SEALED_FOR = "webhook"
MOST = 20  # webhooks of a workspace


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A webhook with its new secret: the only time that it can be read."""

    webhook: Webhook
    secret: str = field(repr=False)


def note(
    session: Session, workspace_id: str, event: str, data: Mapping[str, Any], project_id: str | None = None
) -> None:
    """Have every webhook told that wants this event; rung once committed.

    `project_id`: the project that it concerns, so that webhooks of this project alone are told as well.
    """
    query = select(Webhook).where(Webhook.workspace_id == workspace_id, Webhook.active)
    of_project = or_(Webhook.project_id.is_(None), Webhook.project_id == project_id)
    told = [row for row in session.scalars(query.where(of_project)) if wants(row.events, event)]
    if not told:
        return
    payload = payload_for(session, workspace_id, event, data)
    for webhook in told:
        put(session, webhook, payload)


def payload_for(session: Session, workspace_id: str, event: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is delivered of an event that happens now."""
    slug = session.scalar(select(Workspace.slug).where(Workspace.id == workspace_id))
    return payload_of(new_id(), event, utc_now(), {"workspace": slug, **data})


def put(session: Session, webhook: Webhook, payload: dict[str, Any]) -> Delivery:
    """Put an event into the outbox; one for a webhook that fails or rests waits for the schedule."""
    row = Delivery(
        id=new_id(), workspace_id=webhook.workspace_id, webhook_id=webhook.id, event_id=payload["id"],
        event=payload["type"], payload=payload, state="pending", tries=0, created_at=utc_now(),
    )  # fmt: skip
    session.add(row)
    if webhook.failing_since is None and webhook.rests_until is None:
        after_commit(session, lambda: ring(row.id))
    return row


def ring(delivery_id: str) -> None:
    """Have the event delivered soon; should this get lost, the schedule finds it."""
    queue.ring(SEND, delivery_id)


def create(actor: Actor, workspace_id: str, fields: Mapping[str, Any], secret: str = "") -> NewSecret:
    """Add a webhook; one that a key makes is told of its project alone. Admins only."""
    values, chosen = checked(fields), check_secret(secret) if secret else mint_secret()

    def work(session: Session) -> NewSecret:
        project_id = alert_access.reach(session, actor, workspace_id, "admin")
        check_room(session, workspace_id)
        check_name(session, workspace_id, values.name)
        row = Webhook(id=new_id(), workspace_id=workspace_id, project_id=project_id, **columns(values))
        seal(row, chosen)
        session.add(row)
        session.flush()
        write_change(session, actor, row, "create", {})
        return NewSecret(row, chosen)

    return database.transaction(work)


def update(actor: Actor, workspace_id: str, webhook_id: str, fields: Mapping[str, Any]) -> Webhook:
    """Change the fields that are given. Admins only."""

    def work(session: Session) -> Webhook:
        row = owned(session, actor, workspace_id, webhook_id, "admin")
        before = as_fields(row)
        values = checked({**before, **fields})
        if values.name != row.name:
            check_name(session, workspace_id, values.name)
        for name, value in columns(values).items():
            setattr(row, name, value)
        changes = audit.difference(before, as_fields(row))
        if {"url", "active"} & changes.keys():
            row.failing_since = row.rests_until = None
        if changes:
            write_change(session, actor, row, "change", changes)
        return row

    return database.transaction(work)


def delete(actor: Actor, workspace_id: str, webhook_id: str) -> None:
    """Remove a webhook with its log: nothing is sent there any more. Admins only."""

    def work(session: Session) -> None:
        row = owned(session, actor, workspace_id, webhook_id, "admin")
        write_change(session, actor, row, "delete", {})
        session.delete(row)

    database.transaction(work)


def rotate(actor: Actor, workspace_id: str, webhook_id: str) -> NewSecret:
    """Give a webhook a new secret; for a day deliveries are signed with the old one as well. Admins only."""
    return replace_secret(actor, workspace_id, webhook_id, mint_secret())


def replace_secret(actor: Actor, workspace_id: str, webhook_id: str, secret: str) -> NewSecret:
    """Set another secret, as `rotate` does; nothing changes where it is this one already. Admins only."""
    check_secret(secret)

    def work(session: Session) -> NewSecret:
        row = owned(session, actor, workspace_id, webhook_id, "admin")
        if not holds(row, secret):
            row.previous_sealed, row.previous_until = row.sealed, utc_now() + OLD_SECRET_SIGNS
            seal(row, secret)
            write_change(session, actor, row, "rotate", {})
        return NewSecret(row, secret)

    return database.transaction(work)


def find(actor: Actor, workspace_id: str, webhook_id: str) -> Webhook:
    """Return one webhook; raise NotFound when it is another workspace's."""
    return database.read(lambda session: owned(session, actor, workspace_id, webhook_id, "viewer"))


def list_all(actor: Actor, workspace_id: str) -> list[Webhook]:
    """Return the webhooks by name; to a key those of its project."""

    def work(session: Session) -> list[Webhook]:
        project_id = alert_access.reach(session, actor, workspace_id, "viewer")
        query = select(Webhook).where(Webhook.workspace_id == workspace_id)
        if project_id is not None:
            query = query.where(Webhook.project_id == project_id)
        return list(session.scalars(query.order_by(Webhook.name)))

    return database.read(work)


def owned(session: Session, actor: Actor, workspace_id: str, webhook_id: str, least: str) -> Webhook:
    """Return the workspace's own webhook, to a key only its project's; raise NotFound."""
    project_id = alert_access.reach(session, actor, workspace_id, least)
    row = session.get(Webhook, webhook_id) if is_uuid(webhook_id) else None
    if row is None or row.workspace_id != workspace_id or project_id not in (None, row.project_id):
        raise NotFound("There is no such webhook.")
    return row


def as_fields(row: Webhook) -> dict[str, Any]:
    """Return a webhook as a form or file writes it, without its secret."""
    return {"name": row.name, "url": row.url, "events": list(row.events), "active": row.active}


def columns(values: WebhookFields) -> dict[str, Any]:
    """Return the columns of the row."""
    return {"name": values.name, "url": values.url, "events": list(values.events), "active": values.active}


def checked(fields: Mapping[str, Any]) -> WebhookFields:
    """Check the fields, and that the address is one to which events may go."""
    values = parse_webhook(fields)
    egress.check_url(values.url, param="url")
    return values


def check_room(session: Session, workspace_id: str) -> None:
    """Raise Conflict where a workspace has as many webhooks as it can."""
    count = session.scalar(select(func.count()).where(Webhook.workspace_id == workspace_id))
    if (count or 0) >= MOST:
        raise Conflict(f"A workspace has at most {MOST} webhooks. Delete one first.")


def check_name(session: Session, workspace_id: str, name: str) -> None:
    """Raise Conflict where the name is taken."""
    where = Webhook.workspace_id == workspace_id, Webhook.name == name
    if session.scalar(select(Webhook.id).where(*where)) is not None:
        raise Conflict("There is a webhook of this name already.", param="name")


def seal(row: Webhook, secret: str) -> None:
    """Set the row's secret, sealed for this row."""
    row.sealed, row.sealed_with = sealer.seal(secret, row.id, SEALED_FOR), sealer.key_id


def secrets_of(row: Webhook) -> list[str]:
    """Return what signs now: the secret, and for a day the one before it; raises CannotUnseal."""
    found = [sealer.unseal(row.sealed, row.id, SEALED_FOR)]
    if row.previous_sealed and row.previous_until and row.previous_until > utc_now():
        found.append(sealer.unseal(row.previous_sealed, row.id, SEALED_FOR))
    return found


def holds(row: Webhook, secret: str) -> bool:
    """Say whether the row's secret is this one."""
    try:
        return sealer.unseal(row.sealed, row.id, SEALED_FOR) == secret
    except CannotUnseal:
        return False


def write_change(session: Session, actor: Actor, row: Webhook, verb: str, changes: dict[str, Any]) -> None:
    """Write a change into the audit log."""
    change = audit.Change(f"webhook.{verb}", row.id, row.name, changes)
    audit.write(session, actor, row.workspace_id, change)
