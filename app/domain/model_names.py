"""Which models a name stands for (C8): an alias, `auto`, provider/model, provider:model, or a bare name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from app.domain.aliases import NO_PRESET, Preset
from app.domain.errors import InvalidRequest, ModelNotFound
from app.domain.lineups import Lineup

AUTO = "auto"
MODALITIES = ("text", "embedding")
MOST_NAMES = 6
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Resolved:
    """The models that a request names, in order. `routed`: the choice among all models is ours."""

    models: tuple[str, ...] = ()
    routed: bool = False
    alias: str | None = None
    preset: Preset = NO_PRESET


def requested_names(body: dict[str, Any]) -> tuple[str, ...]:
    """Return what the body's `model` says: one name or several; `auto` when it is left out (C10)."""
    given = body.get("model")
    names = given if isinstance(given, list) else [AUTO if given is None else given]
    if not 0 < len(names) <= MOST_NAMES or not all(is_name(name) for name in names):
        text = f"'model' must be the name of a model, or a list of 1 to {MOST_NAMES} of them."
        raise InvalidRequest(text, param="model")
    return tuple(name.strip() for name in names)


def is_name(value: Any) -> bool:
    """Say whether a value could be the name of a model."""
    return isinstance(value, str) and 0 < len(value.strip()) <= LONGEST_NAME and value.isprintable()


def resolve(names: Iterable[str], lineup: Lineup) -> Resolved:
    """Return what the names stand for, each of them tried in order; raise ModelNotFound."""
    whole = Resolved()
    for name in names:
        one = resolve_one(name, lineup)
        whole = replace(
            whole,
            models=tuple(dict.fromkeys((*whole.models, *one.models))),
            routed=whole.routed or one.routed,
            alias=whole.alias or one.alias,
            preset=whole.preset if whole.preset != NO_PRESET else one.preset,
        )
    return whole


def resolve_one(name: str, lineup: Lineup) -> Resolved:
    """Return what one name stands for."""
    alias = lineup.aliases.get(name)
    if alias is not None:
        found = [resolve_plain(model, lineup) for model in alias.models]
        models = tuple(model for one in found for model in one.models)
        return Resolved(models, any(one.routed for one in found), alias.name, alias.preset)
    return resolve_plain(name, lineup)


def resolve_plain(name: str, lineup: Lineup) -> Resolved:
    """Return what a name that is no alias stands for."""
    if is_auto(name):
        return Resolved(routed=True)
    for separator in ("/", ":"):
        slug, found, model = name.partition(separator)
        if found and model and slug.lower() in lineup.sellers:
            return Resolved((f"{slug.lower()}/{model}",))
    return Resolved((bare(name, lineup),))


def is_auto(name: str) -> bool:
    """Say whether the name leaves the choice to us: `auto`, or `auto/` and a modality."""
    head, slash, modality = name.lower().partition("/")
    if head != AUTO:
        return False
    if slash and modality not in MODALITIES:
        raise ModelNotFound(
            f"'{name}' is not available: 'auto' chooses among {' and '.join(MODALITIES)} models."
        )
    return True


def bare(name: str, lineup: Lineup) -> str:
    """Return the id of a model named without its provider; ModelNotFound unless exactly one offers it."""
    ids = lineup.by_name.get(name, ())
    if len(ids) == 1:
        return ids[0]
    if ids:
        raise ModelNotFound(
            f"Several providers offer '{name}': {', '.join(ids)}. Name one as provider/model.", param="model"
        )
    raise ModelNotFound(f"The model '{name}' does not exist here. GET /v1/models lists those that do.")
