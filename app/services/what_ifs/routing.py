"""Past requests under other settings of routing, or as if all of them had asked for another model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.callers import Caller
from app.domain.errors import GatewayError, InvalidInput
from app.domain.fields import text
from app.domain.gateway_settings import GatewaySettings, parse_settings
from app.domain.lineups import Lineup
from app.domain.what_ifs import GOVERNED, NO_CONTENT, NOT_NAMED, Difference
from app.models import Project, RecordRow
from app.services import lineups, model_targets
from app.services.what_ifs import fates, samples
from app.services.what_ifs.policies import names_models
from app.services.what_ifs.samples import Scene


@dataclass(frozen=True, slots=True)
class Proposal:
    """Settings of the project, and a name that all requests ask for (`auto`, an alias); empty: their own."""

    gateway: GatewaySettings
    model: str = ""


def parse(project: Project, fields: Mapping[str, Any]) -> Proposal:
    """Check what is proposed; what of the settings is not said stays as it is. Raise InvalidFields."""
    given = fields.get("gateway")
    if given is not None and not isinstance(given, Mapping):
        raise InvalidInput("Must be an object.", param="gateway")
    model = text(fields, "model", most=200)
    if not given and not model:
        raise InvalidInput("Change a setting, or name a model for all requests.", param="model")
    return Proposal(parse_settings({**project.gateway, **(given or {})}), model)


def differences(scene: Scene, proposal: Proposal) -> Iterator[Difference]:
    """Yield what becomes of each request."""
    made = dict[str | None, Lineup]()
    for row in scene.rows:
        caller = scene.caller_of(row)
        if caller.key_id not in made:
            made[caller.key_id] = changed(lineups.find(caller), proposal)
        yield one(scene, row, caller, made[caller.key_id], proposal.model)


def changed(lineup: Lineup, proposal: Proposal) -> Lineup:
    """Return a lineup as it would be."""
    return replace(lineup, gateway=proposal.gateway, candidates={}, kinds={}, made={})


def one(scene: Scene, row: RecordRow, caller: Caller, lineup: Lineup, model: str) -> Difference:
    """Plan one request."""
    before, body = samples.logged(row), samples.body_of(row)
    if not model and not names_models(row):
        return Difference(before, None, NOT_NAMED)
    if not model and row.policy_key:
        return Difference(before, None, GOVERNED)
    if row.operation != "chat" or row.upstream_id is not None:
        return Difference(before, None, NOT_NAMED)
    names = (model,) if model else tuple(row.model_requested.split(", "))
    call = samples.call_for(row, scene.actor, {**(body or {}), "model": list(names)})
    try:
        target = model_targets.find_among(lineup, caller, call, names)
    except GatewayError as error:
        return Difference(before, fates.refused(error.message))
    if target.routed and body is None:
        return Difference(before, None, NO_CONTENT)
    return fates.planned(row, before, caller, target, call)
