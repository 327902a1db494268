"""Finds what a call is for when its body names the model: whoever of the workspace can answer as it (C8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.domain import chat_bodies, comparisons, embeddings, model_names
from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.catalog import Model
from app.domain.endpoints import EndpointConfig
from app.domain.errors import InvalidRequest, ModelNotFound, NotAllowed
from app.domain.lineups import Lineup
from app.domain.model_names import Resolved
from app.domain.policies.rules import FALLBACK, Ruling
from app.domain.targets import Candidate, Skipped, Target
from app.domain.wishes import Wishes, parse_wishes, wishes_nothing
from app.services import lineups, own_keys

SKIPS_SHOWN = 20


def find(caller: Caller, call: Call, *, fresh: bool = False) -> Target:
    """Return the models that the body names, with what is wished of routing; raise ModelNotFound."""
    check_key(caller)
    call.chat = chat_bodies.of(call)
    comparisons.split(call)
    return find_named(caller, call, model_names.requested_names(call.chat), fresh=fresh)


def check_key(caller: Caller) -> None:
    """Raise NotAllowed for a key that may only call certain endpoints."""
    if caller.endpoints is not None:
        raise NotAllowed("This key may only call certain endpoints, not any model.")


def find_named(caller: Caller, call: Call, names: tuple[str, ...], *, fresh: bool = False) -> Target:
    """Return the models of these names for the chat body of the call; raise ModelNotFound."""
    return find_among(lineups.find(caller, fresh=fresh), caller, call, names)


def find_among(lineup: Lineup, caller: Caller, call: Call, names: tuple[str, ...]) -> Target:
    """Return the models of these names as far as a lineup offers them; raise ModelNotFound."""

    def make() -> Target:
        return target_of(lineup, caller, call, names, model_names.resolve(names, lineup))

    return made_once(lineup, names, caller, call, make)


def find_ruled(
    lineup: Lineup, caller: Caller, call: Call, ruling: Ruling, requested: tuple[str, ...]
) -> Target:
    """Return the models of a policy's ruling, with what the requested names ask for beside their models."""

    def make() -> Target:
        resolved = model_names.resolve(ruling.models, lineup)
        if ruling.names_models:
            lead = known_of(requested, lineup)
            is_behind = ruling.action == FALLBACK
            resolved = resolved.standing_in(lead) if is_behind else resolved.in_place_of(lead)
        return target_of(lineup, caller, call, ruling.models, resolved)

    return made_once(lineup, (ruling.action, ruling.models, requested), caller, call, make)


def made_once(lineup: Lineup, name: Any, caller: Caller, call: Call, make: Callable[[], Target]) -> Target:
    """Return the target of that name, made once for all calls that say nothing but which models they want."""
    is_plain = not (call.own_secrets or caller.own_credentials) and wishes_nothing(call.chat, call.headers)
    found: Target | None = lineup.made.get((name, call.operation)) if is_plain else None
    if found is not None:
        return found
    found = make()
    if is_plain and not found.altered:
        lineup.once((name, call.operation), lambda: found)
    return found


def known_of(names: tuple[str, ...], lineup: Lineup) -> Resolved:
    """Return what names stand for; nothing where they stand for nothing."""
    try:
        return model_names.resolve(names, lineup)
    except ModelNotFound:
        return Resolved()


def target_of(
    lineup: Lineup, caller: Caller, call: Call, names: tuple[str, ...], resolved: Resolved
) -> Target:
    """Return who of a lineup can answer as these models."""
    modality = model_names.check_modality(resolved, call.operation, lineup)
    body = call.chat
    call.chat = resolved.asked_of(body)
    ids = dict.fromkeys((*resolved.models, *lineup.of_kind(modality))) if resolved.routed else resolved.models
    chain = [lineup.candidate(model_id) for model_id in ids]
    chain += [Skipped(name, reason) for name, reason in resolved.missing]
    wishes = parse_wishes(call.chat, call.headers)
    return Target(
        workspace_id=caller.workspace_id,
        project_id=caller.project_id,
        endpoint_id=None,
        slug=(resolved.alias or names[0])[:64],
        version=None,
        config=config_of(resolved, names[0], call.operation),
        candidates=tuple(item for item in chain if isinstance(item, Candidate)),
        skipped=own_keys.kept_skips(
            [item for item in chain if isinstance(item, Skipped)], caller, call, SKIPS_SHOWN
        ),
        log_content=lineup.log_content,
        config_stamp=lineup.config_stamp,
        read_at=lineup.read_at,
        operation=call.operation,
        requested=names[0] if len(names) == 1 else ", ".join(names),
        spelled=resolved.spelled,
        altered=call.chat is not body,
        routed=resolved.routed,
        wishes=wishes,
        gateway=lineup.gateway,
        siblings=siblings_of(resolved.models, lineup) if wishes.fallback else (),
        baseline=baseline_of(wishes, lineup) if resolved.routed else None,
    )


def siblings_of(models: tuple[str, ...], lineup: Lineup) -> tuple[Candidate, ...]:
    """Return who offers the same models under the same name, where the project wants that (A13)."""
    if not lineup.gateway.siblings:
        return ()
    found: list[Candidate] = []
    for model_id in models:
        ids = lineup.by_name.get(model_id.partition("/")[2], ())
        others = [lineup.candidate(other) for other in ids if other not in models] if len(ids) > 1 else ()
        found += [other for other in others if isinstance(other, Candidate)]
    return tuple(found)


def baseline_of(wishes: Wishes, lineup: Lineup) -> Model | None:
    """Return the model that savings are measured against, connected or not; None: the dearest that fits.

    Raises InvalidRequest where the request names one that nobody knows.
    """
    name = wishes.baseline_model or lineup.gateway.baseline_model
    if not name:
        return None
    ids = lineup.by_name.get(name, ())
    model_id = ids[0] if ids else name.replace(":", "/", 1) if "/" not in name else name
    facts = lineup.facts(model_id) or lineup.known.find(model_id)
    if facts is None and wishes.baseline_model:
        raise InvalidRequest(f"The baseline model '{name}' is not known here.", param="baseline_model")
    return facts and replace(facts, id=model_id)


def facts_of(caller: Caller, name: str) -> Model | None:
    """Return what is known of the model that a name stands for; None when nothing is."""
    lineup, model_id = lineups.find(caller), model_of(caller, name)

    def make() -> Model | None:
        facts = lineup.facts(model_id) if model_id else None
        return facts and replace(facts, id=model_id)

    return lineup.once(("facts", model_id), make)


def model_of(caller: Caller, name: str) -> str:
    """Return the id of the first model that a name stands for; empty where the choice is ours."""
    lineup = lineups.find(caller)

    def make() -> str:
        try:
            found = model_names.resolve_one(name, lineup)
        except ModelNotFound:
            return name
        return found.models[0] if found.models else ""

    return lineup.once(("model", name), make)


def plain_model(caller: Caller, name: str) -> str | None:
    """Return the id of the one model that a name stands for; None for an alias, `auto` or no model."""
    found = resolved_of(caller, name)
    return found.models[0] if found and found.models and not found.alias and not found.routed else None


def resolved_of(caller: Caller, name: str) -> Resolved | None:
    """Return what one name stands for; None when for nothing."""
    try:
        return model_names.resolve_one(name, lineups.find(caller))
    except ModelNotFound:
        return None


def config_of(resolved: Resolved, requested: str, operation: str) -> EndpointConfig:
    """Return the settings of the alias as an endpoint has them."""
    preset = resolved.preset
    return EndpointConfig(
        model=resolved.models[0] if resolved.models else requested,
        failover=resolved.models[1:],
        prompt=preset.prompt,
        temperature=preset.temperature,
        top_p=preset.top_p,
        max_output_tokens=preset.max_output_tokens,
        streaming_enabled=operation != embeddings.OPERATION,
    )
