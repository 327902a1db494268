"""Policies: each save is a new immutable version; one of them is live and decides who answers whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import Conflict, InvalidFields, InvalidInput
from app.domain.fields import Collector, text
from app.domain.policies.contexts import POLICY_KEY
from app.domain.policies.rules import PolicyConfig, parse_policy
from app.models import Policy, PolicyVersion, Project
from app.services import access, audit, policy_checks, policy_versions, projects, rollouts
from app.services.policy_versions import PolicyView, check_no_rollout, let_live, note, owned, view_of

__all__ = ["PolicyView", "let_live", "owned"]


@dataclass(frozen=True, slots=True)
class Saving:
    """What becomes of a save: its note, and whether it is live at once or kept as the draft."""

    actor: Actor
    note: str
    live: bool


def create(
    actor: Actor,
    workspace_id: str,
    project_id: str,
    fields: Mapping[str, Any],
    note: str = "",
    *,
    live: bool = True,
) -> PolicyView:
    """Make a policy. `fields`: key, name, rules. Editors may.

    Its first version is live at once. Not `live`: that one has no rules, and these are the draft beside it.
    """
    key, name, config = parse(fields)

    def work(session: Session) -> PolicyView:
        access.require(session, actor, workspace_id, "editor")
        projects.owned(session, workspace_id, project_id)
        check_free(session, project_id, key)
        policy_checks.check(session, workspace_id, project_id, config)
        policy = Policy(workspace_id=workspace_id, project_id=project_id, key=key, name=name)
        session.add(policy)
        session.flush()
        first = config if live else PolicyConfig()
        version = policy_versions.add(session, actor, policy, first, note if live else "")
        policy_versions.go_live(session, actor, policy, version)
        policy_versions.note(session, actor, policy, "create", audit.difference({}, first.as_dict()))
        keep(session, view_of(session, policy), config, Saving(actor, note, live))
        return view_of(session, policy)

    return database.transaction(work)


def save(
    actor: Actor,
    workspace_id: str,
    policy_id: str,
    fields: Mapping[str, Any],
    note: str = "",
    *,
    base: int | None = None,
    live: bool = True,
) -> PolicyView:
    """Save a new version when the rules differ; name and key change in place. Editors may.

    `rules` left out are those of the working version: the draft where there is one, else the live one. The
    version is live at once or as the policy's plan says, or becomes the draft. Conflict when it would be live
    while a rollout is under way, and when there is another version by now than `base`, from which the editor
    started.
    """

    def work(session: Session) -> PolicyView:
        access.require(session, actor, workspace_id, "editor")
        policy = owned(session, workspace_id, policy_id, change=True)
        before = view_of(session, policy)
        check_base(before, base)
        old = {"key": policy.key, "name": policy.name, **before.working_config.as_dict()}
        key, name, config = parse({**old, **fields})
        rename(session, actor, before, key, name)
        keep(session, before, config, Saving(actor, note, live))
        return view_of(session, policy)

    return database.transaction(work)


def rename(session: Session, actor: Actor, view: PolicyView, key: str, name: str) -> None:
    """Give the policy its key and name; end users keep their side of a rollout by the key."""
    policy = view.policy
    if key != policy.key:
        check_no_rollout(view)
        check_free(session, policy.project_id, key)
    changes = audit.difference({"key": policy.key, "name": policy.name}, {"key": key, "name": name})
    policy.key, policy.name = key, name
    if changes:
        note(session, actor, policy, "change", changes)


def keep(session: Session, before: PolicyView, config: PolicyConfig, saving: Saving) -> None:
    """Make a version of what differs, and let it live or keep it as the draft."""
    if config == before.config:
        if config != before.working_config:  # there is nothing left to bring live
            set_aside(session, saving.actor, before)
        return
    is_drafted = config == before.draft_config
    if saving.live:
        check_no_rollout(before)
    elif is_drafted:
        return
    version = before.draft if is_drafted else None
    version = version or new_version(session, before.policy, config, saving)
    if saving.live:
        before.policy.draft_version_id = None
        rollouts.go_live(session, saving.actor, before.policy, version)
    else:
        draft(session, saving.actor, before, version)


def new_version(session: Session, policy: Policy, config: PolicyConfig, saving: Saving) -> PolicyVersion:
    """Check what a version names, and store it."""
    policy_checks.check(session, policy.workspace_id, policy.project_id, config)
    return policy_versions.add(session, saving.actor, policy, config, saving.note)


def draft(session: Session, actor: Actor, before: PolicyView, version: PolicyVersion) -> None:
    """Let this version be the draft, and note it."""
    before.policy.draft_version_id = version.id
    changes = audit.difference(before.working_version.config, version.config)
    changes["version"] = [before.working_version.number, version.number]
    note(session, actor, before.policy, "draft", changes)


def make_live(actor: Actor, workspace_id: str, policy_id: str, number: int) -> PolicyView:
    """Let a version decide, a draft or an earlier one: from now on, or by the policy's plan. Editors may."""

    def work(session: Session) -> PolicyView:
        access.require(session, actor, workspace_id, "editor")
        policy = owned(session, workspace_id, policy_id, change=True)
        before = view_of(session, policy)
        version = policy_versions.numbered(session, policy, number)
        if version.id != before.version.id:
            check_no_rollout(before)
            config = parse_policy(version.config)
            policy_checks.check(session, workspace_id, policy.project_id, config)
            rollouts.go_live(session, actor, policy, version)
        return view_of(session, policy)

    return database.transaction(work)


def restore(actor: Actor, workspace_id: str, policy_id: str, number: int, *, live: bool = True) -> PolicyView:
    """Make a new version of what an earlier one said, live at once or as the draft. Editors may."""

    def work(session: Session) -> PolicyView:
        access.require(session, actor, workspace_id, "editor")
        policy = owned(session, workspace_id, policy_id, change=True)
        version = policy_versions.numbered(session, policy, number)
        said = f"Restored version {number}"
        return save(actor, workspace_id, policy_id, version.config, said, live=live)

    return database.transaction(work)


def discard_draft(actor: Actor, workspace_id: str, policy_id: str) -> PolicyView:
    """Set the draft aside; it stays among the versions. Editors may."""

    def work(session: Session) -> PolicyView:
        access.require(session, actor, workspace_id, "editor")
        policy = owned(session, workspace_id, policy_id, change=True)
        set_aside(session, actor, view_of(session, policy))
        return view_of(session, policy)

    return database.transaction(work)


def set_aside(session: Session, actor: Actor, view: PolicyView) -> None:
    """Let there be no draft any more; one that is being rolled out stays."""
    if view.draft is None:
        return
    if view.rollout is not None and view.rollout.new_version_id == view.draft.id:
        check_no_rollout(view)
    view.policy.draft_version_id = None
    note(session, actor, view.policy, "discard", {"draft": [view.draft.number, None]})


def set_active(actor: Actor, workspace_id: str, policy_id: str, active: bool) -> PolicyView:
    """Switch a policy on or off; while it is off, every requested model answers as asked. Editors may."""

    def work(session: Session) -> PolicyView:
        access.require(session, actor, workspace_id, "editor")
        policy = owned(session, workspace_id, policy_id, change=True)
        if policy.active != active:
            policy.active = active
            note(session, actor, policy, "activate" if active else "deactivate", {})
        return view_of(session, policy)

    return database.transaction(work)


def find(actor: Actor, workspace_id: str, policy_id: str) -> PolicyView:
    """Return a policy with its live version; raise NotFound when it is another workspace's."""

    def work(session: Session) -> PolicyView:
        access.require(session, actor, workspace_id, "viewer")
        return view_of(session, owned(session, workspace_id, policy_id))

    return database.read(work)


def check(actor: Actor, workspace_id: str, project_id: str, rules: Any) -> PolicyConfig:
    """Return what rules of a project would say; raise InvalidFields. Nothing is saved."""
    config = parse_policy({"rules": rules})

    def work(session: Session) -> PolicyConfig:
        access.require(session, actor, workspace_id, "viewer")
        projects.owned(session, workspace_id, project_id)
        policy_checks.check(session, workspace_id, project_id, config)
        return config

    return database.read(work)


def list_all(actor: Actor, workspace_id: str, project_id: str | None = None) -> list[PolicyView]:
    """Return the policies of the workspace, or of one of its projects, by project and key."""

    def work(session: Session) -> list[PolicyView]:
        access.require(session, actor, workspace_id, "viewer")
        query = select(Policy).join(Project, Project.id == Policy.project_id)
        query = query.where(Policy.workspace_id == workspace_id).order_by(Project.name, Policy.key)
        if project_id is not None:
            projects.owned(session, workspace_id, project_id)
            query = query.where(Policy.project_id == project_id)
        return policy_versions.views_of(session, list(session.scalars(query)))

    return database.read(work)


def parse(fields: Mapping[str, Any]) -> tuple[str, str, PolicyConfig]:
    """Check key, name and rules; raise InvalidFields with all that is wrong."""
    collect = Collector()
    key = collect.take(key_of, fields) or ""
    name = collect.take(text, fields, "name", most=200) or key
    config = collect.take(parse_policy, {n: v for n, v in fields.items() if n not in ("key", "name")})
    collect.finish()
    return key, name, config


def key_of(fields: Mapping[str, Any]) -> str:
    """Return a policy's key in lower case (K13)."""
    key = text(fields, "key", most=64, required=True).lower()
    if not POLICY_KEY.fullmatch(key):
        message = "Use letters, digits, dots, hyphens and underscores, beginning with a letter or digit."
        raise InvalidInput(message, param="key")
    return key


def check_free(session: Session, project_id: str, key: str) -> None:
    """Raise InvalidFields when another policy of the project has the key."""
    if session.scalar(select(Policy.id).where(Policy.project_id == project_id, Policy.key == key)):
        raise InvalidFields({"key": "This project has a policy with this key already."})


def check_base(before: PolicyView, base: int | None) -> None:
    """Raise Conflict when somebody else has saved since the editor began."""
    version = before.working_version
    if base is not None and base != version.number:
        raise Conflict(
            f"{version.author} saved version {version.number} while you were editing. "
            "Saving again replaces it; both stay under Versions."
        )
