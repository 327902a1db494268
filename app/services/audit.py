"""The audit log: an event for every change, written in the change's own transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import after_commit, database
from app.domain.actors import Actor
from app.models import AuditEvent
from app.services import access, stamps

MOST_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to what: `action` is noun.verb, `changes` maps a field to [before, after]."""

    action: str
    object_id: str | None
    object_label: str
    changes: dict[str, Any]


def write(session: Session, actor: Actor, workspace_id: str | None, change: Change) -> None:
    """Append the event; once committed, every worker forgets what it cached of the workspace."""
    session.add(
        AuditEvent(
            workspace_id=workspace_id,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_label=actor.label,
            action=change.action,
            object_id=change.object_id,
            object_label=change.object_label[:254],
            changes=cut(change.changes),
        )
    )
    if workspace_id is not None:
        after_commit(session, lambda: stamps.renew(workspace_id))


def cut(value: Any) -> Any:
    """Return the change with long texts cut: a whole prompt stands in the endpoint's version."""
    if isinstance(value, str):
        return value if len(value) <= MOST_TEXT else value[:MOST_TEXT] + "…"
    if isinstance(value, dict):
        return {name: cut(inner) for name, inner in value.items()}
    return [cut(inner) for inner in value] if isinstance(value, list | tuple) else value


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    """Return {field: [before, after]} for the fields that differ."""
    names = sorted(before.keys() | after.keys())
    return {n: [before.get(n), after.get(n)] for n in names if before.get(n) != after.get(n)}


def list_events(
    actor: Actor,
    workspace_id: str,
    *,
    before_id: str | None = None,
    after_id: str | None = None,
    limit: int = 50,
) -> list[AuditEvent]:
    """Return events, newest first: those right before `before_id` or right after `after_id`; admins only."""

    def work(session: Session) -> list[AuditEvent]:
        access.require(session, actor, workspace_id, "admin")
        query = select(AuditEvent).where(AuditEvent.workspace_id == workspace_id)
        if before_id is not None:
            query = query.where(AuditEvent.id < before_id)
        if after_id is not None:
            after = query.where(AuditEvent.id > after_id).order_by(AuditEvent.id)
            return list(session.scalars(after.limit(limit)))[::-1]
        return list(session.scalars(query.order_by(AuditEvent.id.desc()).limit(limit)))

    return database.read(work)
