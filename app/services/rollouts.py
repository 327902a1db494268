"""Rollouts: a new version of a policy or an endpoint goes live step by step, and back again (K13, O47)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import Conflict, InvalidInput
from app.domain.fields import text
from app.domain.rollout_plans import DEFAULT, RolloutPlan, parse_plan, parse_standing, state_of
from app.domain.rollouts import WHOLE
from app.models import Endpoint, Policy, Rollout
from app.models.columns import utc_now
from app.services import access, arm_sums, audit, rollout_notes, rollout_subjects
from app.services.live_policies import rollout_of
from app.services.rollout_history import current, find, list_all, owned, plan_of
from app.services.rollout_subjects import AnySubject, Version

__all__ = ["current", "find", "list_all"]

PROMOTED, ROLLED_BACK, STOPPED, UNDONE = ("promoted", "rolled_back", "stopped", "undone")
UNDER_WAY = (
    "A rollout of version %d is under way: until it ends nothing else can go live or be pinned. "
    "Drafts can be saved."
)
OVER = "This rollout is over."
CHANGED = "Something else went live since, so there is nothing to undo."


def start(
    actor: Actor,
    workspace_id: str,
    subject_type: str,
    subject_id: str,
    number: int,
    fields: Mapping[str, Any] | None = None,
) -> Rollout:
    """Begin to let a version go live. Editors may.

    `fields`: `state` SHADOW, CANARY or FULL, `share` in per cent, `plan`; what is absent is as the plan of
    the policy or the endpoint says, else as the default one.
    """

    def work(session: Session) -> Rollout:
        access.require(session, actor, workspace_id, "editor")
        subject = rollout_subjects.find(session, workspace_id, subject_type, subject_id, change=True)
        given = fields or {}
        plan = parse_plan(given.get("plan")) or subject.plan or DEFAULT
        wanted = parse_standing(given)
        version = subject.numbered(session, number)
        return begin(session, actor, subject, version, plan, plan.steps[0] if wanted is None else wanted)

    return database.transaction(work)


def go_live(session: Session, actor: Actor, row: Policy | Endpoint, version: Version) -> Rollout | None:
    """Let a version go live as the plan of its policy or endpoint says: by a rollout, or at once (None).

    Whoever calls has locked the row, checked the actor's role, and writes the save itself to the audit log.
    """
    subject = rollout_subjects.of(row)
    if subject.plan is not None:
        return begin(session, actor, subject, version, subject.plan, subject.plan.steps[0])
    check_none(session, row.id)
    subject.check_may_change()
    subject.let_live(session, actor, version.number)
    return None


def begin(
    session: Session, actor: Actor, subject: AnySubject, version: Version, plan: RolloutPlan, share: int
) -> Rollout:
    """Store the rollout; its version is a draft until it is promoted, where there is no other one."""
    check_none(session, subject.row.id)
    subject.check_may_change()
    if version.id == subject.live_id:
        raise InvalidInput(f"Version {version.number} answers everybody already.", param="number")
    row = Rollout(
        workspace_id=subject.row.workspace_id,
        project_id=subject.row.project_id,
        subject_type=subject.type,
        subject_id=subject.row.id,
        old_version_id=subject.live_id,
        new_version_id=version.id,
        old_number=subject.live_number(session),
        new_number=version.number,
        state=state_of(share),
        share=share,
        step=plan.step_of(share),
        step_at=utc_now(),
        plan=plan.as_dict(),
        author=actor.label,
    )
    session.add(row)
    session.flush()
    subject.keep_as_draft(version.id)
    rollout_notes.audit_change(session, actor, subject, row, "start", {"share": [None, row.share]})
    return row


def check_none(session: Session, subject_id: str) -> None:
    """Raise Conflict where a rollout decides which version answers."""
    running = rollout_of(session, subject_id)
    if running is not None:
        raise Conflict(UNDER_WAY % running.new_number)


def advance(actor: Actor, workspace_id: str, rollout_id: str, *, at: int | None = None) -> Rollout:
    """Begin the plan's next step; after the last one, promote. Editors may.

    `at`: the share from which; Conflict when it is another by now, so that nobody skips a step.
    """

    def work(session: Session, subject: AnySubject, row: Rollout) -> None:
        if at not in (None, row.share):
            raise Conflict("The share was changed meanwhile.")
        following = plan_of(row).after(row.share)
        if following is None:
            end_promoted(session, actor, subject, row)
        else:
            move(session, actor, subject, row, following, "advance")
            rollout_notes.advanced(session, actor, subject, row)

    return change(actor, workspace_id, rollout_id, work)


def set_share(actor: Actor, workspace_id: str, rollout_id: str, fields: Mapping[str, Any]) -> Rollout:
    """Give the new version to more end users or to fewer: `state` and `share`, as `start`. Editors may."""
    wanted = parse_standing(fields)
    if wanted is None:
        raise InvalidInput("Say how many of the end users shall get it.", param="share")

    def work(session: Session, subject: AnySubject, row: Rollout) -> None:
        if wanted != row.share:
            move(session, actor, subject, row, wanted, "share")

    return change(actor, workspace_id, rollout_id, work)


def move(session: Session, actor: Actor, subject: AnySubject, row: Rollout, share: int, verb: str) -> None:
    """Set another share; from now on only what comes now is compared."""
    before = row.share
    row.share, row.state = share, state_of(share)
    row.step, row.step_at = plan_of(row).step_of(share), utc_now()
    arm_sums.mark(session, row)
    rollout_notes.audit_change(session, actor, subject, row, verb, {"share": [before, share]})


def roll_back(
    actor: Actor, workspace_id: str, rollout_id: str, reason: Mapping[str, Any] | str = ""
) -> Rollout:
    """Give everybody the old version again; `reason` is kept and mailed. Editors may."""
    told = {"note": text({"reason": reason}, "reason", most=300)} if isinstance(reason, str) else dict(reason)

    def work(session: Session, subject: AnySubject, row: Rollout) -> None:
        end(row, ROLLED_BACK, {**told, "by": actor.label})
        changes: dict[str, list[Any]] = {"version": [row.new_number, row.old_number], "share": [row.share, 0]}
        changes["reason"] = [None, rollout_notes.why(told)]
        rollout_notes.audit_change(session, actor, subject, row, "roll_back", changes)
        rollout_notes.rolled_back(session, actor, subject, row)

    return change(actor, workspace_id, rollout_id, work)


def stop(actor: Actor, workspace_id: str, rollout_id: str) -> Rollout:
    """End it as if it had never been: everybody gets the old version, and nobody is mailed. Editors may."""

    def work(session: Session, subject: AnySubject, row: Rollout) -> None:
        end(row, STOPPED, {"by": actor.label})
        rollout_notes.audit_change(session, actor, subject, row, "stop", {"share": [row.share, 0]})

    return change(actor, workspace_id, rollout_id, work)


def promote(actor: Actor, workspace_id: str, rollout_id: str) -> Rollout:
    """Let the new version be the live one, for everybody and for good. Editors may."""
    return change(actor, workspace_id, rollout_id, lambda *where: end_promoted(where[0], actor, *where[1:]))


def end_promoted(session: Session, actor: Actor, subject: AnySubject, row: Rollout) -> None:
    """Make the new version live."""
    subject.check_may_change()
    subject.let_live(session, actor, row.new_number)
    end(row, PROMOTED, {"by": actor.label})
    changes = {"share": [row.share, WHOLE]}
    rollout_notes.audit_change(session, actor, subject, row, "promote", changes)
    rollout_notes.promoted(session, actor, subject, row)


def end(row: Rollout, outcome: str, reason: dict[str, Any]) -> None:
    """Note how it ended."""
    row.outcome, row.reason, row.ended_at = outcome, reason, utc_now()


def undo(actor: Actor, workspace_id: str, rollout_id: str) -> Rollout | None:
    """Take back how a rollout ended. Editors may.

    A promoted version makes place for the one before it. One that was rolled back or stopped goes on where it
    was: the new rollout is returned.
    """

    def work(session: Session) -> Rollout | None:
        access.require(session, actor, workspace_id, "editor")
        row = owned(session, workspace_id, rollout_id)
        place = row.subject_type, row.subject_id
        subject = rollout_subjects.find(session, workspace_id, *place, change=True)
        if row.ended_at is None:
            raise Conflict("This rollout is under way: roll it back instead.")
        check_none(session, subject.row.id)
        if not may_undo(subject, row):
            raise Conflict(CHANGED)
        if row.outcome != PROMOTED:
            version = subject.numbered(session, row.new_number)
            return begin(session, actor, subject, version, plan_of(row), row.share)
        subject.check_may_change()
        subject.let_live(session, actor, row.old_number)
        row.outcome = UNDONE
        changes = {"version": [row.new_number, row.old_number]}
        rollout_notes.audit_change(session, actor, subject, row, "undo", changes)
        return None

    return database.transaction(work)


def may_undo(subject: AnySubject, row: Rollout) -> bool:
    """Say whether what the rollout left is still what answers."""
    left = row.new_version_id if row.outcome == PROMOTED else row.old_version_id
    return row.ended_at is not None and row.outcome != UNDONE and subject.live_id == left


def set_plan(
    actor: Actor, workspace_id: str, subject_type: str, subject_id: str, raw: Mapping[str, Any] | None
) -> bool:
    """Set how new versions go live, empty for at once; say whether that changed anything. Editors may."""
    plan = parse_plan(raw)
    after = plan.as_dict() if plan else {}

    def work(session: Session) -> bool:
        access.require(session, actor, workspace_id, "editor")
        subject = rollout_subjects.find(session, workspace_id, subject_type, subject_id, change=True)
        changes = audit.difference(subject.row.rollout_plan, after)
        if changes:
            subject.row.rollout_plan = after
            told = audit.Change("rollout.plan", subject.row.id, subject.label, changes)
            audit.write(session, actor, workspace_id, told)
        return bool(changes)

    return database.transaction(work)


def change(
    actor: Actor, workspace_id: str, rollout_id: str, work: Callable[[Session, AnySubject, Rollout], None]
) -> Rollout:
    """Do something to a rollout that is under way; nobody else changes it or its subject meanwhile."""

    def locked(session: Session) -> Rollout:
        access.require(session, actor, workspace_id, "editor")
        row = owned(session, workspace_id, rollout_id)
        place = row.subject_type, row.subject_id
        subject = rollout_subjects.find(session, workspace_id, *place, change=True)
        session.refresh(row)
        if row.ended_at is not None:
            raise Conflict(OVER)
        work(session, subject, row)
        return row

    return database.transaction(locked)
