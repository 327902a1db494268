"""Runs past requests through a change that nobody has saved: no provider is asked, nothing is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gevent

from app.domain.actors import SYSTEM, Actor
from app.domain.callers import Caller
from app.domain.errors import InvalidInput
from app.domain.fields import refuse_unknown, text
from app.domain.what_ifs import NO_TIME, Difference, Totals, totals_of
from app.services import analytics
from app.services.what_ifs import guardrails, policies, prices, routing, samples
from app.services.what_ifs.samples import Sample, Scene, parse_sample

SECONDS = 20.0  # after so long, what is left is counted as not looked at
FIELDS = frozenset({"change", "requests", "proposal"})
PAUSE_EVERY = 5  # requests, so that calls do not wait for this

Proposed = Mapping[str, Any]
Differences = Callable[[Scene], Iterator[Difference]]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What would have happened: each request, newest first, and all of them together."""

    change: str
    sample: Sample
    differences: list[Difference]
    totals: Totals

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        requests = [each.as_dict() for each in self.differences]
        return {"change": self.change, "totals": self.totals.as_dict(), "requests": requests}


def by_policy(actor: Actor, workspace_id: str, project_id: str, proposal: Proposed) -> Differences:
    """Return the change to a policy's rules."""
    config = policies.config_of(actor, workspace_id, project_id, proposal)
    return lambda scene: policies.differences(scene, config)


def by_prices(actor: Actor, workspace_id: str, project_id: str, proposal: Proposed) -> Differences:
    """Return the change of prices."""
    found = prices.parse_prices(proposal)
    return lambda scene: prices.differences(scene, found)


def by_guardrails(actor: Actor, workspace_id: str, project_id: str, proposal: Proposed) -> Differences:
    """Return the change of guardrails."""
    found = guardrails.parse(proposal)
    return lambda scene: guardrails.differences(scene, found)


def by_routing(actor: Actor, workspace_id: str, project_id: str, proposal: Proposed) -> Differences:
    """Return the change of routing; what it says of the project's settings is checked with them."""
    return lambda scene: routing.differences(scene, routing.parse(scene.project, proposal))


BY_CHANGE: dict[str, Callable[[Actor, str, str, Proposed], Differences]] = {
    "policy": by_policy,
    "prices": by_prices,
    "guardrails": by_guardrails,
    "routing": by_routing,
}


def run(actor: Actor, workspace_id: str, change: str, asked: Proposed, proposal: Proposed) -> WhatIf:
    """Put past requests to a change; raise InvalidFields for what makes no sense. Viewers may."""
    return look(actor, workspace_id, change, parse_sample(asked), proposal)


def of_caller(caller: Caller, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a key's question about its project; a sub-account's key sees only its sub-account's requests."""
    refuse_unknown(fields, FIELDS)
    asked, proposal = object_of(fields, "requests"), object_of(fields, "proposal")
    sample = parse_sample({**asked, "project_id": caller.project_id})
    sample = replace(sample, account_id=analytics.scope_of(caller).account_id)
    change = text(fields, "change", most=16, required=True)
    return look(SYSTEM, caller.workspace_id, change, sample, proposal).as_dict()


def object_of(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of what was sent; raise InvalidInput where it is no object."""
    value = fields.get(name) or {}
    if not isinstance(value, Mapping):
        raise InvalidInput("Must be an object.", param=name)
    return value


def look(actor: Actor, workspace_id: str, change: str, sample: Sample, proposal: Proposed) -> WhatIf:
    """Put the requests of a sample to a change."""
    if change not in BY_CHANGE:
        raise InvalidInput(f"Choose from: {', '.join(BY_CHANGE)}.", param="change")
    found = BY_CHANGE[change](actor, workspace_id, sample.project_id, proposal)
    scene = samples.read(actor, workspace_id, sample)
    differences = list(in_time(scene, found(scene)))
    return WhatIf(change, sample, differences, totals_of(differences))


def in_time(scene: Scene, found: Iterator[Difference]) -> Iterator[Difference]:
    """Yield the differences for as long as there is time; then say of the rest that there was none."""
    began = time.monotonic()
    for number, row in enumerate(scene.rows):
        if time.monotonic() - began > SECONDS:
            yield Difference(samples.logged(row), None, NO_TIME)
            continue
        if number % PAUSE_EVERY == PAUSE_EVERY - 1:
            gevent.sleep(0)
        yield next(found)
