"""What is told of rollouts: in the audit log, and by mail."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.domain.actors import Actor
from app.domain.rollout_plans import percent_of
from app.models import Rollout
from app.services import alerts, audit
from app.services.rollout_subjects import AnySubject


def audit_change(
    session: Session, actor: Actor, subject: AnySubject, row: Rollout, verb: str, changes: dict[str, Any]
) -> None:
    """Write to the audit log what was done to a rollout; every worker follows."""
    told = {"version": [row.old_number, row.new_number], **changes}
    if "share" in told:
        told["share"] = [None if share is None else told_share(share) for share in told["share"]]
    change = audit.Change(f"rollout.{verb}", row.id, subject.label, told)
    audit.write(session, actor, row.workspace_id, change)


def told_share(share: int) -> str:
    """Return a share of 10,000 as people read it."""
    return f"{percent_of(share)} %"


def rolled_back(session: Session, actor: Actor, subject: AnySubject, row: Rollout) -> None:
    """Mail that everybody gets the old version again, and why."""
    reason = {name: value for name, value in (row.reason or {}).items() if name != "by"}
    note(session, "rollout_rolled_back", row.id, facts(actor, subject, row) | reason)


def promoted(session: Session, actor: Actor, subject: AnySubject, row: Rollout) -> None:
    """Mail that the new version is live for good."""
    note(session, "rollout_promoted", row.id, facts(actor, subject, row))


def advanced(session: Session, actor: Actor, subject: AnySubject, row: Rollout) -> None:
    """Mail that more end users get the new version; each step is a subject of its own."""
    note(session, "rollout_advanced", f"{row.id}:{row.share}", facts(actor, subject, row))


def note(session: Session, kind: str, about: str, told: dict[str, Any]) -> None:
    """Note the alert."""
    alerts.note(session, told.pop("workspace_id"), kind, about, told)


def facts(actor: Actor, subject: AnySubject, row: Rollout) -> dict[str, Any]:
    """Return what every mail of a rollout says."""
    return {
        "workspace_id": row.workspace_id,
        "type": subject.type,
        "name": subject.label,
        "subject_id": subject.row.id,
        "rollout_id": row.id,
        "version": row.new_number,
        "before": row.old_number,
        "share": told_share(row.share),
        "by": actor.label if actor.kind != "system" else "",
    }
