"""Which models a name stands for (C8): an alias, `auto`, provider/model, provider:model, or a bare name.

A suffix (`:free`, `:online` …) comes last: where the whole name is a model's own, it is that model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain import model_variants
from app.domain.aliases import NO_PRESET, Preset
from app.domain.catalog import EMBEDDING, SNAPSHOT, TEXT
from app.domain.errors import InvalidRequest, ModelNotFound
from app.domain.lineups import Lineup

AUTO = "auto"
MODALITIES = (TEXT, EMBEDDING)
MOST_NAMES = 6
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Resolved:
    """The models that a request names, in order. `routed`: the choice among all models is ours.

    `spelled`: models that were named plainly, with the name they were given. `reasons` and `plugins`:
    what a suffix asks for beside the model.
    """

    models: tuple[str, ...] = ()
    routed: bool = False
    alias: str | None = None
    preset: Preset = NO_PRESET
    modality: str | None = None  # what `auto/…` asks for
    spelled: Mapping[str, str] = field(default_factory=dict)
    reasons: bool = False
    plugins: tuple[str, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()  # names of a list that stand for nothing, and why

    def joined(self, other: Resolved) -> Resolved:
        """Return both, this one first."""
        return Resolved(
            models=tuple(dict.fromkeys((*self.models, *other.models))),
            routed=self.routed or other.routed,
            alias=self.alias or other.alias,
            preset=self.preset if self.preset != NO_PRESET else other.preset,
            modality=self.modality or other.modality,
            spelled={**other.spelled, **self.spelled},
            reasons=self.reasons or other.reasons,
            plugins=tuple(dict.fromkeys((*self.plugins, *other.plugins))),
        )

    def standing_in(self, lead: Resolved) -> Resolved:
        """Return these models for a request of the lead's: only what that asks for beside models counts."""
        return replace(self, alias=lead.alias, preset=lead.preset, reasons=lead.reasons, plugins=lead.plugins)

    def in_place_of(self, lead: Resolved) -> Resolved:
        """Return these models with what the lead asks for, as far as they bring nothing of their own."""
        return replace(
            self,
            preset=self.preset if self.preset != NO_PRESET else lead.preset,
            reasons=self.reasons or lead.reasons,
            plugins=tuple(dict.fromkeys((*self.plugins, *lead.plugins))),
        )

    def asked_of(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body with what a suffix asks for; the client's own effort stands."""
        asked: dict[str, Any] = {}
        if self.reasons and body.get("reasoning_effort") is None:
            asked["reasoning_effort"] = model_variants.EFFORT
        if self.plugins:
            own = body.get("plugins")
            given = own if isinstance(own, list) else []
            asked["plugins"] = [*given, *(name for name in self.plugins if name not in given)]
        return {**body, **asked} if asked else body


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


def resolve(names: Sequence[str], lineup: Lineup) -> Resolved:
    """Return what the names stand for, in order; raise ModelNotFound where none stands for anything."""
    if len(names) == 1:
        return resolve_one(names[0], lineup)
    whole, missing = Resolved(), dict[str, ModelNotFound]()
    for name in names:
        try:
            whole = whole.joined(resolve_one(name, lineup))
        except ModelNotFound as error:
            missing[name] = error
    if missing and not (whole.models or whole.routed):
        raise next(iter(missing.values()))
    reasons = tuple((name, error.message) for name, error in missing.items())
    return replace(whole, missing=reasons) if missing else whole


def resolve_one(name: str, lineup: Lineup) -> Resolved:
    """Return what one name stands for: an alias comes before everything."""
    alias = lineup.aliases.get(name)
    if alias is None:
        return resolve_plain(name, lineup)
    whole = Resolved()
    for model in alias.models:
        whole = whole.joined(resolve_plain(model, lineup))
    return replace(whole, alias=alias.name, preset=alias.preset, spelled={})


def resolve_plain(name: str, lineup: Lineup) -> Resolved:
    """Return what a name that is no alias stands for."""
    if (modality := auto_modality(name)) is not None:
        return Resolved(routed=True, modality=modality or None)
    model_id = of_provider(name, lineup)
    known = lineup.facts(model_id) is not None if model_id else name in lineup.by_name
    varied = None if known else variant(name, lineup)
    if varied is not None:
        return varied
    model_id = model_id or bare(name, lineup)
    return Resolved((model_id,), spelled={model_id: name})


def auto_modality(name: str) -> str | None:
    """Return what is to be chosen among, "" for whatever fits the route; None when the name is not `auto`."""
    head, slash, modality = name.lower().partition("/")
    if head != AUTO:
        return None
    if slash and modality not in MODALITIES:
        text = f"'{name}' is not available: 'auto' chooses among {' and '.join(MODALITIES)} models."
        raise ModelNotFound(text, param="model")
    return modality


def of_provider(name: str, lineup: Lineup) -> str | None:
    """Return the id of a name that begins with a provider, in any case (C28); None when it does not."""
    for separator in ("/", ":"):
        slug, found, model = name.partition(separator)
        if found and model and slug.lower() in lineup.sellers:
            return f"{slug.lower()}/{model}"
    return None


def bare(name: str, lineup: Lineup) -> str:
    """Return the id of a model named without its provider; ModelNotFound unless exactly one offers it.

    A dated snapshot is offered by whoever offers its family.
    """
    family = SNAPSHOT.sub("", name)
    ids = lineup.by_name.get(name) or tuple(
        model_id.removesuffix(family) + name for model_id in lineup.by_name.get(family, ())
    )
    if len(ids) == 1:
        return ids[0]
    if ids:
        raise ModelNotFound(
            f"Several providers offer '{name}': {', '.join(ids)}. Name one as provider/model.", param="model"
        )
    text = f"The model '{name}' does not exist here. GET /v1/models lists those that do."
    raise ModelNotFound(text, param="model")


def variant(name: str, lineup: Lineup) -> Resolved | None:
    """Return what a name with a suffix stands for; None when it has none, or its model is not known."""
    rest, colon, suffix = name.rpartition(":")
    if not colon or not rest or suffix.lower() not in model_variants.SUFFIXES:
        return None
    try:
        found = resolve_one(rest, lineup)
    except ModelNotFound:
        return None
    if any(lineup.facts(model_id) is None for model_id in found.models):
        return None
    return varied(found, suffix.lower(), name, lineup)


def varied(found: Resolved, suffix: str, name: str, lineup: Lineup) -> Resolved:
    """Return the models of that suffix instead of those found without it."""
    if suffix == "online":
        return replace(found, plugins=tuple(dict.fromkeys((*found.plugins, model_variants.WEB_SEARCH))))
    if suffix == "thinking" and found.routed:
        return replace(found, reasons=True)
    if found.routed:
        raise ModelNotFound(f"'{name}' is not available: 'auto' has no ':{suffix}'.", param="model")
    models = tuple(model_variants.pick(suffix, model_id, name, lineup) for model_id in found.models)
    spelled = {model_id: found.spelled[model_id] for model_id in models if model_id in found.spelled}
    models = tuple(dict.fromkeys(models))
    return replace(found, models=models, spelled=spelled, reasons=found.reasons or suffix == "thinking")


def spelling(model_id: str, lineup: Lineup) -> str:
    """Return the shortest name of a known model: bare where that stands for it and for nothing else."""
    name = model_id.partition("/")[2]
    try:
        return name if resolve_one(name, lineup).models == (model_id,) else model_id
    except ModelNotFound:
        return model_id


def check_modality(resolved: Resolved, operation: str, lineup: Lineup) -> str:
    """Return what kind of model a route needs; InvalidRequest when the named ones are of another kind."""
    needed = EMBEDDING if operation == "embeddings" else TEXT
    if resolved.modality not in (None, needed):
        raise InvalidRequest(wrong_kind(f"{AUTO}/{resolved.modality}", needed), param="model")
    for model_id in resolved.models:
        facts = lineup.facts(model_id)
        if facts is not None and facts.modality != needed:
            raise InvalidRequest(wrong_kind(model_id, needed), param="model")
    return needed


def wrong_kind(name: str, needed: str) -> str:
    """Say that a model does not do what this route is for, and which does."""
    if needed == EMBEDDING:
        return f"'{name}' makes no embeddings. GET /v1/models?modality=embedding lists the models that do."
    return f"'{name}' makes embeddings and answers no chat. Send it to POST /v1/embeddings."
