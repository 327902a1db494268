"""The arms of a rollout side by side, for programs: those of the key's own project (K11)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.analytics import SOURCES, written
from app.domain.arm_counts import ALONE
from app.domain.arm_reports import arm, compared, parse_subject
from app.domain.callers import Caller
from app.domain.errors import NotAllowed, NotFound
from app.domain.ids import is_uuid
from app.domain.rollouts import ARMS, OLD
from app.models import Endpoint, Policy, Rollout
from app.services import arm_sums, rollout_guard


def of_caller(caller: Caller, args: Mapping[str, str]) -> dict[str, Any]:
    """Return the rollout that is asked for, or of what is asked for: the one under way, else the last one."""
    kind, name = parse_subject(args)
    if caller.account_id != caller.payer_id:
        raise NotAllowed(
            "A rollout counts the calls of the whole project; a sub-account's key cannot see it."
        )

    def work(session: Session) -> dict[str, Any]:
        row = find(session, caller.project_id, kind, name)
        if row is None:
            raise NotFound(f"There is no rollout of this {kind} in the project.", param=kind)
        return told(session, row)

    return database.read(work)


def find(session: Session, project_id: str, kind: str, name: str) -> Rollout | None:
    """Return a project's rollout by its id, or the latest one of a policy or an endpoint."""
    query = select(Rollout).where(Rollout.project_id == project_id)
    if kind == "rollout":
        return session.scalars(query.where(Rollout.id == name)).first() if is_uuid(name) else None
    subject = select(Policy.id).where(Policy.project_id == project_id, Policy.key == name)
    if kind == "endpoint":
        subject = select(Endpoint.id).where(Endpoint.project_id == project_id, Endpoint.slug == name)
    query = query.where(Rollout.subject_id.in_(list(session.scalars(subject))))
    return session.scalars(query.order_by(Rollout.created_at.desc(), Rollout.id.desc())).first()


def told(session: Session, row: Rollout) -> dict[str, Any]:
    """Return what is known of a rollout."""
    counts, standing = arm_sums.of(session, row.id), rollout_guard.look(session, row)
    counts[OLD] = counts[OLD].plus(counts[ALONE])
    return {
        "object": "rollout",
        "id": row.id,
        "subject": row.subject_type,
        "subject_id": row.subject_id,
        "state": row.state,
        "share_percent": row.share / 100,
        "outcome": row.outcome,
        "started_at": written(row.created_at),
        "share_since": written(row.step_at),
        "ended_at": moment(row.ended_at),
        "guarded": standing.plan.guarded,
        "sources": list(SOURCES),
        "arms": [arm(name, row.old_number if name == OLD else row.new_number, counts[name]) for name in ARMS],
        "comparisons": compared(standing.comparisons),
    }


def moment(at: datetime | None) -> str | None:
    """Write a time that may not have come."""
    return None if at is None else written(at)
