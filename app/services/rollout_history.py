"""Reads rollouts: the one that is under way, and those before it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import NotFound
from app.domain.ids import is_uuid
from app.domain.rollout_plans import DEFAULT, RolloutPlan, parse_plan
from app.models import Rollout
from app.services import access, rollout_subjects
from app.services.live_policies import rollout_of


def plan_of(row: Rollout) -> RolloutPlan:
    """Return the plan that a rollout goes by."""
    return parse_plan(row.plan) or DEFAULT


def owned(session: Session, workspace_id: str, rollout_id: str) -> Rollout:
    """Return the workspace's own rollout; raise NotFound."""
    row = session.get(Rollout, rollout_id) if is_uuid(rollout_id) else None
    if row is None or row.workspace_id != workspace_id:
        raise NotFound("There is no such rollout.")
    return row


def find(actor: Actor, workspace_id: str, rollout_id: str) -> Rollout:
    """Return one rollout; raise NotFound."""

    def work(session: Session) -> Rollout:
        access.require(session, actor, workspace_id, "viewer")
        return owned(session, workspace_id, rollout_id)

    return database.read(work)


def current(actor: Actor, workspace_id: str, subject_type: str, subject_id: str) -> Rollout | None:
    """Return the rollout of a policy or an endpoint that is under way."""

    def work(session: Session) -> Rollout | None:
        access.require(session, actor, workspace_id, "viewer")
        subject = rollout_subjects.find(session, workspace_id, subject_type, subject_id)
        return rollout_of(session, subject.row.id)

    return database.read(work)


def list_all(
    actor: Actor, workspace_id: str, subject_type: str, subject_id: str, *, limit: int = 50
) -> list[Rollout]:
    """Return the rollouts of a policy or an endpoint, newest first."""

    def work(session: Session) -> list[Rollout]:
        access.require(session, actor, workspace_id, "viewer")
        subject = rollout_subjects.find(session, workspace_id, subject_type, subject_id)
        query = select(Rollout).where(Rollout.subject_id == subject.row.id)
        return list(
            session.scalars(query.order_by(Rollout.created_at.desc(), Rollout.id.desc()).limit(limit))
        )

    return database.read(work)
