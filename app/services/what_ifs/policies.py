"""Past requests under a policy: a saved version of it, its draft, or rules that nobody saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import GatewayError, InvalidInput, NotFound
from app.domain.fields import text
from app.domain.policies.conditions import Fact
from app.domain.policies.contexts import Context
from app.domain.policies.governed import Governed
from app.domain.policies.rules import BLOCK, PolicyConfig, Ruling, parse_policy, rule_on
from app.domain.rollouts import FULL
from app.domain.what_ifs import NO_CONTENT, NOT_NAMED, SPEND, Difference
from app.models import Policy, PolicyVersion, Project, RecordRow
from app.services import access, lineups, model_targets, policy_targets, projects
from app.services.what_ifs import fates, samples
from app.services.what_ifs.samples import Scene

BLOCKED = "The policy lets nobody answer this request."
LIVE, DRAFT = "live", "draft"


@dataclass
class AskedThen(policy_targets.Asked):
    """A past request as the rules see it: at the time when it was made."""

    at: datetime = datetime.min

    @cached_property
    def now(self) -> datetime:
        """Return the time of the request in the workspace's zone."""
        return self.at.astimezone(ZoneInfo(self.caller.timezone))


def config_of(actor: Actor, workspace_id: str, project_id: str, proposal: Mapping[str, Any]) -> PolicyConfig:
    """Return the rules that are proposed: those given, or a version of a policy. Raise NotFound."""
    if proposal.get("rules") is not None:
        return parse_policy({"rules": proposal["rules"]})
    key, named = text(proposal, "policy", most=64, required=True).lower(), version_named(proposal)

    def work(session: Session) -> PolicyConfig:
        access.require(session, actor, workspace_id, "viewer")
        project = projects.owned(session, workspace_id, project_id)
        return parse_policy(version_of(session, project, key, named).config)

    return database.read(work)


def version_named(proposal: Mapping[str, Any]) -> str | int:
    """Return which version is meant: `live`, `draft`, or its number."""
    value = proposal.get("version")
    named = LIVE if value in (None, "") else str(value).strip().lower()
    if named in (LIVE, DRAFT):
        return named
    if not named.isdecimal() or len(named) > 9:
        raise InvalidInput("Name a version by its number, or write live or draft.", param="version")
    return int(named)


def version_of(session: Session, project: Project, key: str, named: str | int) -> PolicyVersion:
    """Read one version of a policy; raise NotFound."""
    where = Policy.project_id == project.id, Policy.key == key
    policy = session.scalars(select(Policy).where(*where)).first()
    if policy is None:
        raise NotFound("There is no policy with this key in the project.", param="policy")
    wanted = {LIVE: policy.live_version_id, DRAFT: policy.draft_version_id}.get(str(named))
    which = PolicyVersion.number == named if isinstance(named, int) else PolicyVersion.id == wanted
    found = session.scalars(select(PolicyVersion).where(PolicyVersion.policy_id == policy.id, which)).first()
    if found is None:
        raise NotFound("The policy has no such version.", param="version")
    return found


def differences(scene: Scene, config: PolicyConfig) -> Iterator[Difference]:
    """Yield what becomes of each request when these rules decide."""
    for row in scene.rows:
        yield one(scene, row, config)


def one(scene: Scene, row: RecordRow, config: PolicyConfig) -> Difference:
    """Put one request to the rules."""
    before, body, caller = samples.logged(row), samples.body_of(row), scene.caller_of(row)
    if not names_models(row):
        return Difference(before, None, NOT_NAMED)
    names = tuple(row.model_requested.split(", "))
    context = Context(before.end_user, row.policy_key or "", None, **(row.context or {}))
    tokens = None if body is not None else row.input_tokens
    asked = AskedThen(caller, context, names, body or {}, row.stream, "", tokens, at=row.created_at)
    unknown = {"monthly_spend_pct": SPEND} | ({} if body is not None else {"task_type": NO_CONTENT})
    facts = {name: policy_targets.FACTS[name](asked) for name in config.needs if name not in unknown}
    if open_fact := undecided(config, facts, unknown):
        return Difference(before, None, unknown[open_fact])
    ruling = rule_on(config, names, facts)
    if ruling.action == BLOCK:
        return Difference(before, fates.refused(ruling.message or BLOCKED, ruling.rule))
    return ruled(scene, row, ruling, context, body or {})


def ruled(scene: Scene, row: RecordRow, ruling: Ruling, context: Context, body: dict[str, Any]) -> Difference:
    """Plan a request for the models that a ruling leaves."""
    before, caller = samples.logged(row), scene.caller_of(row)
    call = samples.call_for(row, scene.actor, {**body, "model": list(ruling.models)})
    try:
        requested = tuple(row.model_requested.split(", "))
        found = model_targets.find_ruled(lineups.find(caller), caller, call, ruling, requested)
    except GatewayError as error:
        return Difference(before, fates.refused(error.message, ruling.rule))
    first = model_targets.model_of(caller, ruling.models[0])
    governed = Governed("", context.policy_key, 0, FULL, context, ruling, first)
    target = replace(found, bounds=ruling.bounds, policy=governed)
    return fates.planned(row, before, caller, target, call, why=ruling.rule)


def names_models(row: RecordRow) -> bool:
    """Say whether the request named models: not an endpoint, and nothing that was passed on as it came."""
    is_chat = row.endpoint_id is None and row.upstream_id is None and row.operation == "chat"
    return is_chat and bool(row.model_requested)


def undecided(config: PolicyConfig, facts: Mapping[str, Fact], unknown: Mapping[str, str]) -> str:
    """Return the unknown fact on which it depends what the rules say; empty where none matters."""
    for rule in config.rules:
        known = [each for each in rule.when if each.field not in unknown]
        if all(each.holds(facts.get(each.field)) for each in known):  # type: ignore[arg-type]
            return next((each.field for each in rule.when if each.field in unknown), "")
    return ""
