"""Reads a project's policies as calls need them, and remembers them until the configuration changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.callers import Caller
from app.domain.endpoints import EndpointConfig, parse_config
from app.domain.errors import NotFound
from app.domain.policies.rules import PolicyConfig, parse_policy
from app.domain.rollouts import RolloutFacts
from app.models import Endpoint, EndpointVersion, Plan, Policy, PolicyVersion, Rollout
from app.services import stamps, turns
from app.services.cache import Cache

_known: Cache[tuple[str, str], LivePolicy] = Cache(20_000)


@dataclass(frozen=True, slots=True)
class LivePolicy:
    """A policy with the versions that may answer: the live one, and the new one of a rollout.

    `prompts`: the versions whose prompts the rules name, by that name. `plans`: keys by id.
    """

    id: str
    key: str
    active: bool
    live_number: int
    versions: Mapping[int, PolicyConfig]
    rollout: RolloutFacts | None
    prompts: Mapping[str, EndpointConfig]
    plans: Mapping[str, str]
    config_stamp: str | None
    read_at: float


def find(caller: Caller, key: str, *, fresh: bool = False) -> LivePolicy:
    """Return a policy of the caller's project by its lower-case key; raise NotFound."""
    policy = None if fresh else known(caller, key)
    return policy or turns.read_once(
        f"policy {caller.project_id} {key}", lambda: known(caller, key), lambda: read(caller, key)
    )


def known(caller: Caller, key: str) -> LivePolicy | None:
    """Return the remembered policy, where it holds for the caller."""
    policy = _known.get((caller.project_id, key))
    if policy is None or not stamps.holds_for(caller, policy.config_stamp, policy.read_at):
        return None
    return policy


def read(caller: Caller, key: str) -> LivePolicy:
    """Read and remember the policy."""
    began = stamps.begin(caller)
    policy = database.read(lambda session: load(session, caller, key, began))
    _known.put((caller.project_id, key), policy)
    return policy


def load(session: Session, caller: Caller, key: str, began: float) -> LivePolicy:
    """Read the policy, its versions and its rollout."""
    where = Policy.project_id == caller.project_id, Policy.key == key, Policy.live_version_id.is_not(None)
    policy = session.scalars(select(Policy).where(*where)).first()
    if policy is None:
        raise NotFound("There is no policy with this key in the project.", param="x-kagu-policy-key")
    rollout = rollout_of(session, policy.id)
    ids = {policy.live_version_id, *((rollout.old_version_id, rollout.new_version_id) if rollout else ())}
    rows = session.scalars(select(PolicyVersion).where(PolicyVersion.id.in_(ids))).all()
    versions = {row.number: parse_policy(row.config, stored=True) for row in rows}
    names = {rule.prompt for config in versions.values() for rule in config.rules if rule.prompt}
    found = {name: prompt_of(session, policy.project_id, name) for name in names}
    return LivePolicy(
        id=policy.id,
        key=policy.key,
        active=policy.active,
        live_number=next(row.number for row in rows if row.id == policy.live_version_id),
        versions=versions,
        rollout=facts_of(rollout) if rollout else None,
        prompts={name: prompt for name, prompt in found.items() if prompt is not None},
        plans=dict(session.execute(select(Plan.id, Plan.slug)).all()),
        config_stamp=caller.config_stamp,
        read_at=began,
    )


def rollout_of(session: Session, subject_id: str) -> Rollout | None:
    """Return the rollout of a policy or an endpoint that is under way."""
    where = Rollout.subject_id == subject_id, Rollout.ended_at.is_(None)
    return session.scalars(select(Rollout).where(*where)).first()


def facts_of(row: Rollout) -> RolloutFacts:
    """Return what calls must know of a rollout."""
    percent = row.plan.get("shadow_percent", 100)
    return RolloutFacts(row.id, row.state, row.share, row.old_number, row.new_number, percent, row.step_at)


def prompt_of(session: Session, project_id: str, name: str) -> EndpointConfig | None:
    """Return the version that `address` or `address@3` names; None when there is no such version."""
    slug, _, number = name.partition("@")
    where = Endpoint.project_id == project_id, Endpoint.slug == slug
    endpoint = session.scalars(select(Endpoint).where(*where)).first()
    if endpoint is None:
        return None
    mine = EndpointVersion.endpoint_id == endpoint.id
    which = (
        EndpointVersion.number == int(number)
        if number
        else EndpointVersion.id == endpoint.published_version_id
    )
    version = session.scalars(select(EndpointVersion).where(mine, which)).first()
    return parse_config(version.config) if version else None
