"""Says who would answer a request, before anybody is asked and anything is paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.calls import Call
from app.domain.errors import GatewayError, NotFound
from app.domain.ids import new_id
from app.models import RecordRow
from app.services import access, callers, model_targets, projects, routing


@dataclass(frozen=True, slots=True)
class Preview:
    """The decision as it would be stored, if there is one. `error`: why nobody would answer."""

    decision: dict[str, Any] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Savings:
    """What choosing saved since a moment: so many calls, and their sum."""

    calls: int
    nano_usd: int


def preview(actor: Actor, workspace_id: str, project_id: str, body: dict[str, Any]) -> Preview:
    """Plan a chat of the project without making it. Editors may, as with any call by hand."""
    caller = callers.for_person(actor, project_id)
    if caller.workspace_id != workspace_id:
        raise NotFound("There is no such project.")
    call = Call(
        surface="proxy",
        dialect="openai",
        read_body=bytes,
        request_id=new_id(),
        actor=actor,
        project_id=project_id,
        source="dashboard",
        body=body,
        names_model=True,
    )
    try:
        plan = routing.plan(caller, model_targets.find(caller, call), call)
    except GatewayError as error:
        return Preview(error.decision.as_dict() if error.decision else None, error.message)
    return Preview(plan.decision.as_dict() if plan.decision else None)


def saved(actor: Actor, workspace_id: str, project_id: str, since: datetime) -> Savings:
    """Return what `auto` saved in a project since a moment."""

    def work(session: Session) -> Savings:
        access.require(session, actor, workspace_id, "viewer")
        projects.owned(session, workspace_id, project_id)
        calls, total = session.execute(
            select(func.count(), func.sum(RecordRow.savings_nano_usd)).where(
                RecordRow.workspace_id == workspace_id,
                RecordRow.project_id == project_id,
                RecordRow.created_at >= since,
                RecordRow.savings_nano_usd.is_not(None),
            )
        ).one()
        return Savings(calls, int(total or 0))

    return database.read(work)
