"""Policies: what a project's clients name, and the immutable versions of what each says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import InvalidInput, NotFound
from app.domain.fields import text
from app.domain.ids import is_uuid
from app.domain.policies.contexts import POLICY_KEY
from app.domain.policies.rules import PolicyConfig, parse_policy
from app.models import Policy, PolicyVersion, Project
from app.services import access, audit


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy with its live version, and its draft: saved, but not yet live."""

    policy: Policy
    version: PolicyVersion
    config: PolicyConfig
    draft: PolicyVersion | None = None


def create(actor: Actor, workspace_id: str, project_id: str, fields: Mapping[str, Any]) -> PolicyView:
    """Make a policy whose first version is live at once. Editors may."""

    def work(session: Session) -> PolicyView:
        access.require(session, actor, workspace_id, "editor")
        project = session.get(Project, project_id) if is_uuid(project_id) else None
        if project is None or project.workspace_id != workspace_id:
            raise NotFound("There is no such project.")
        key = key_of(fields)
        if session.scalar(select(Policy.id).where(Policy.project_id == project.id, Policy.key == key)):
            raise InvalidInput("This project has a policy with this key already.", param="key")
        config = parse_policy({"rules": fields.get("rules")})
        name = text(fields, "name", most=200) or key
        policy = Policy(workspace_id=workspace_id, project_id=project.id, key=key, name=name)
        session.add(policy)
        session.flush()
        version = add_version(session, actor, policy, config, str(fields.get("note") or ""))
        policy.live_version_id = version.id
        audit.write(session, actor, workspace_id, audit.Change("policy.create", policy.id, key, {}))
        return PolicyView(policy, version, config)

    return database.transaction(work)


def key_of(fields: Mapping[str, Any]) -> str:
    """Return a policy's key in lower case (K13)."""
    key = text(fields, "key", most=64, required=True).lower()
    if not POLICY_KEY.fullmatch(key):
        message = "Use letters, digits, dots, hyphens and underscores, beginning with a letter or digit."
        raise InvalidInput(message, param="key")
    return key


def add_version(
    session: Session, actor: Actor, policy: Policy, config: PolicyConfig, note: str
) -> PolicyVersion:
    """Store the next version."""
    last = session.scalar(select(func.max(PolicyVersion.number)).where(PolicyVersion.policy_id == policy.id))
    version = PolicyVersion(
        workspace_id=policy.workspace_id,
        policy_id=policy.id,
        number=(last or 0) + 1,
        config=config.as_dict(),
        author=actor.label,
        note=note[:500],
    )
    session.add(version)
    session.flush()
    return version
