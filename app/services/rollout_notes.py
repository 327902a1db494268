"""What is told of rollouts: in the audit log, and by mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.domain.actors import Actor
from app.domain.rollout_plans import percent_of
from app.domain.sequential import SHARES, told
from app.models import Rollout
from app.services import alerts, audit, webhooks
from app.services.rollout_subjects import AnySubject

GUARD = Actor("system", None, "Rollout guard")
EVENTS = {
    "start": "rollout.started",
    "advance": "rollout.advanced",
    "share": "rollout.advanced",
    "roll_back": "rollout.rolled_back",
    "promote": "rollout.promoted",
    "stop": "rollout.stopped",
}


def audit_change(
    session: Session, actor: Actor, subject: AnySubject, row: Rollout, verb: str, changes: dict[str, Any]
) -> None:
    """Write to the audit log what was done to a rollout; every worker follows."""
    changed = {"version": [row.old_number, row.new_number], **changes}
    if "share" in changed:
        changed["share"] = [None if share is None else told_share(share) for share in changed["share"]]
    change = audit.Change(f"rollout.{verb}", row.id, subject.label, changed)
    audit.write(session, actor, row.workspace_id, change)
    if verb in EVENTS:
        about = {"type": subject.type, "subject_id": subject.row.id, "name": subject.label}
        numbers = {"rollout_id": row.id, "from_version": row.old_number, "to_version": row.new_number}
        data = {**about, **numbers, "state": row.state, "share_percent": percent_of(row.share)}
        webhooks.note(session, row.workspace_id, EVENTS[verb], data, row.project_id)


def told_share(share: int) -> str:
    """Return a share of 10,000 as people read it."""
    return f"{percent_of(share)} %"


def rolled_back(session: Session, actor: Actor, subject: AnySubject, row: Rollout) -> None:
    """Mail that everybody gets the old version again, and why."""
    note(session, "rollout_rolled_back", row.id, facts(actor, subject, row) | measured(row.reason or {}))


def measured(reason: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reason of a rollback as people read it."""
    if "metric" not in reason:
        return {"note": reason.get("note", "")}
    metric = reason["metric"]
    shown = {name: told(metric, reason[name]) for name in ("old", "new")}
    bound = f"{reason['bound']} points" if metric in SHARES else f"{reason['bound']} %"
    return {"metric": metric, "bound": bound, "calls": reason["calls"], **shown}


def why(reason: Mapping[str, Any]) -> str:
    """Return the reason of a rollback in a line, for the audit log."""
    facts = measured(reason)
    if "metric" not in facts:
        return str(facts["note"])
    return "{metric}: {new} against {old}, allowed {bound} more, after {calls} calls".format_map(facts)


def promoted(session: Session, actor: Actor, subject: AnySubject, row: Rollout) -> None:
    """Mail that the new version is live for good."""
    note(session, "rollout_promoted", row.id, facts(actor, subject, row))


def advanced(session: Session, actor: Actor, subject: AnySubject, row: Rollout) -> None:
    """Mail that more end users get the new version; each step is a subject of its own."""
    note(session, "rollout_advanced", f"{row.id}:{row.share}", facts(actor, subject, row))


def note(session: Session, kind: str, about: str, said: dict[str, Any]) -> None:
    """Note the alert."""
    alerts.note(session, said.pop("workspace_id"), kind, about, said)


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
        "actor": "" if actor == GUARD else actor.label,
    }
