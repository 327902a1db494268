"""Versions of policies: immutable rows, of which one is live; a rollout may put a second one beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import Conflict, NotFound
from app.domain.ids import is_uuid
from app.domain.policies.rules import PolicyConfig, parse_policy
from app.domain.rollouts import FULL, OFF
from app.models import Policy, PolicyPublication, PolicyVersion, Project, Rollout
from app.services import access, audit, publications, webhooks
from app.services.publications import Answered

UNDER_WAY = "A rollout of version %d is under way: roll it back or finish it first. A draft can be saved."


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy with its project, its live version, its draft (saved, not live) and a rollout under way."""

    policy: Policy
    version: PolicyVersion
    config: PolicyConfig
    draft: PolicyVersion | None = None
    draft_config: PolicyConfig | None = None
    rollout: Rollout | None = None
    project: Project | None = None

    @property
    def working_version(self) -> PolicyVersion:
        """The version that is worked on: the draft, else the live one."""
        return self.draft or self.version

    @property
    def working_config(self) -> PolicyConfig:
        """What the next save starts from."""
        return self.config if self.draft_config is None else self.draft_config

    @property
    def state(self) -> str:
        """Return the state that calls are told: OFF, SHADOW, CANARY or FULL."""
        if not self.policy.active:
            return OFF
        return self.rollout.state if self.rollout else FULL


def list_versions(
    actor: Actor, workspace_id: str, policy_id: str, *, upto: int | None = None, limit: int | None = None
) -> list[PolicyVersion]:
    """Return a policy's versions, newest first, from number `upto` down."""

    def work(session: Session) -> list[PolicyVersion]:
        access.require(session, actor, workspace_id, "viewer")
        where = PolicyVersion.policy_id == owned(session, workspace_id, policy_id).id
        query = select(PolicyVersion).where(where).order_by(PolicyVersion.number.desc())
        if upto is not None:
            query = query.where(PolicyVersion.number <= upto)
        return list(session.scalars(query.limit(limit)))

    return database.read(work)


def find_version(actor: Actor, workspace_id: str, policy_id: str, number: int) -> PolicyVersion:
    """Return one version by its number; raise NotFound."""

    def work(session: Session) -> PolicyVersion:
        access.require(session, actor, workspace_id, "viewer")
        return numbered(session, owned(session, workspace_id, policy_id), number)

    return database.read(work)


def history(actor: Actor, workspace_id: str, policy_id: str) -> Mapping[str, Sequence[Answered]]:
    """Return when each version was live, newest first, by the version's id."""

    def work(session: Session) -> dict[str, list[Answered]]:
        access.require(session, actor, workspace_id, "viewer")
        where = PolicyPublication.policy_id == owned(session, workspace_id, policy_id).id
        order = PolicyPublication.created_at, PolicyPublication.id
        rows = session.scalars(select(PolicyPublication).where(where).order_by(*order)).all()
        return publications.by_version(rows)

    return database.read(work)


def owned(session: Session, workspace_id: str, policy_id: str, *, change: bool = False) -> Policy:
    """Return the workspace's own policy; raise NotFound. With `change` nobody else changes it meanwhile."""
    policy = session.get(Policy, policy_id, with_for_update=change) if is_uuid(policy_id) else None
    if policy is None or policy.workspace_id != workspace_id:
        raise NotFound("There is no such policy.")
    return policy


def view_of(session: Session, policy: Policy) -> PolicyView:
    """Return the policy with its live version, its draft and its rollout."""
    return views_of(session, [policy])[0]


def views_of(session: Session, policies: Sequence[Policy]) -> list[PolicyView]:
    """Return policies with their live versions, their drafts and their rollouts."""
    ids = {one for row in policies for one in (row.live_version_id, row.draft_version_id) if one}
    versions = session.scalars(select(PolicyVersion).where(PolicyVersion.id.in_(ids)))
    under_way = Rollout.subject_id.in_([row.id for row in policies]), Rollout.ended_at.is_(None)
    rollouts = session.scalars(select(Rollout).where(*under_way))
    projects = session.scalars(select(Project).where(Project.id.in_({row.project_id for row in policies})))
    found = {version.id: version for version in versions}
    running = {rollout.subject_id: rollout for rollout in rollouts}
    homes = {project.id: project for project in projects}
    return [view_with(row, found, running.get(row.id), homes[row.project_id]) for row in policies]


def view_with(
    policy: Policy, versions: Mapping[str, PolicyVersion], rollout: Rollout | None, project: Project
) -> PolicyView:
    """Return a policy with those of the versions that are its own."""
    version = versions[policy.live_version_id or ""]
    draft = versions.get(policy.draft_version_id or "")
    drafted = parse_policy(draft.config, stored=True) if draft else None
    config = parse_policy(version.config, stored=True)
    return PolicyView(policy, version, config, draft, drafted, rollout, project)


def numbered(session: Session, policy: Policy, number: int) -> PolicyVersion:
    """Return the policy's version of that number; raise NotFound."""
    where = PolicyVersion.policy_id == policy.id, PolicyVersion.number == number
    version = session.scalars(select(PolicyVersion).where(*where)).first()
    if version is None:
        raise NotFound("There is no such version.")
    return version


def add(session: Session, actor: Actor, policy: Policy, config: PolicyConfig, note: str) -> PolicyVersion:
    """Store the next version."""
    last = select(func.max(PolicyVersion.number)).where(PolicyVersion.policy_id == policy.id)
    version = PolicyVersion(
        workspace_id=policy.workspace_id,
        policy_id=policy.id,
        number=(session.scalar(last) or 0) + 1,
        config=config.as_dict(),
        author=actor.label,
        note=note[:500],
    )
    session.add(version)
    session.flush()
    return version


def let_live(session: Session, actor: Actor, policy: Policy, version: PolicyVersion) -> None:
    """Let this version decide from now on, and note it; a draft of that version is none any more."""
    before = session.get(PolicyVersion, policy.live_version_id) if policy.live_version_id else None
    if before is not None and before.id == version.id:
        return
    go_live(session, actor, policy, version)
    if policy.draft_version_id == version.id:
        policy.draft_version_id = None
    changes = audit.difference(before.config if before else {}, version.config)
    changes["version"] = [before.number if before else None, version.number]
    note(session, actor, policy, "publish", changes)
    told = {"policy": policy.key, "version": version.number, "project_id": policy.project_id}
    webhooks.note(session, policy.workspace_id, "policy.published", told, policy.project_id)


def go_live(session: Session, actor: Actor, policy: Policy, version: PolicyVersion) -> None:
    """Make this version the live one, and keep since when."""
    policy.live_version_id = version.id
    session.add(
        PolicyPublication(
            workspace_id=policy.workspace_id,
            policy_id=policy.id,
            version_id=version.id,
            author=actor.label,
        )
    )


def check_no_rollout(view: PolicyView) -> None:
    """Raise Conflict where a rollout decides which version is live."""
    if view.rollout is not None:
        raise Conflict(UNDER_WAY % view.rollout.new_number)


def note(session: Session, actor: Actor, policy: Policy, verb: str, changes: dict[str, list[object]]) -> None:
    """Write what was done to a policy to the audit log."""
    audit.write(
        session, actor, policy.workspace_id, audit.Change(f"policy.{verb}", policy.id, policy.key, changes)
    )
