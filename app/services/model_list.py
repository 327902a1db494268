"""The models that a key can be answered by, under the names it can call them by (A23, R6, O51)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.domain import model_names, model_schemas
from app.domain.aliases import Alias
from app.domain.callers import Caller
from app.domain.catalog import TEXT, Model
from app.domain.errors import ModelNotFound
from app.domain.lineups import Lineup
from app.domain.model_cards import OWNER, Card
from app.domain.routing.filters import DEFAULT_QUALITY
from app.domain.targets import Candidate
from app.services import introspection, lineups

AUTO_TITLE = "Automatic choice"
AUTO_TEXT = "The cheapest model that is good enough for the request."


def list_all(caller: Caller, *, modality: str | None = None, provider: str | None = None) -> list[Card]:
    """Return `auto`, the aliases, then the models by name; only what the key may use and what is ready."""
    lineup = lineups.find(caller)
    usable = usable_models(caller, lineup)
    if not usable:
        return []
    cards = [card_of(model_id, lineup, caller) for model_id in usable]
    cards.sort(key=lambda card: (card.owner, card.name))
    if provider is None:
        chosen = [auto_card(model_names.AUTO, lineup, usable), *alias_cards(lineup, caller, usable)]
        cards = [*chosen, *cards]
    return [card for card in cards if fits(card, modality, provider)]


def of_endpoints(caller: Caller) -> dict[str, Any]:
    """Return the names that a project's own OpenAI address takes: endpoints' slugs, then aliases (P28)."""
    slugs = [endpoint["slug"] for endpoint in introspection.endpoints(caller)["endpoints"]]
    lineup = lineups.find(caller)
    cards = alias_cards(lineup, caller, usable_models(caller, lineup))
    names = dict.fromkeys((*slugs, *(card.name for card in cards)))
    shown = [{"id": name, "object": "model", "created": 0, "owned_by": OWNER} for name in names]
    return {"object": "list", "data": shown}


def fits(card: Card, modality: str | None, provider: str | None) -> bool:
    """Say whether a model is of that kind and at that provider."""
    is_there = provider is None or card.model_id.startswith(f"{provider.lower()}/")
    return is_there and modality in (None, card.modality)


def find(caller: Caller, name: str) -> Card:
    """Return what answers to a name, under that name; raise ModelNotFound."""
    lineup = lineups.find(caller)
    usable = usable_models(caller, lineup)
    resolved = model_names.resolve_one(name, lineup)
    if name in lineup.aliases:
        card = alias_card(lineup.aliases[name], lineup, caller, usable)
    elif resolved.routed:
        card = auto_card(name, lineup, usable) if usable else None
    else:
        [model_id] = resolved.models
        is_known = lineup.facts(model_id) is not None and may_use(caller, model_id, lineup)
        card = card_of(model_id, lineup, caller, name) if is_known else None
    if card is None:
        text = f"The model '{name}' cannot be used with this key. GET /v1/models lists those that can."
        raise ModelNotFound(text, param="model")
    return card


def schema(caller: Caller, name: str) -> dict[str, Any]:
    """Return the parameters that the model of a name takes; of several models those of the first."""
    card, lineup = find(caller, name), lineups.find(caller)
    first = card.model_id or next(iter(card.models), "")
    candidate = lineup.candidate(first) if first else None
    if not isinstance(candidate, Candidate):
        text = f"'{name}' has no parameters of its own: ask for those of a model that GET /v1/models lists."
        raise ModelNotFound(text, param="model")
    return model_schemas.schema(name, candidate)


def usable_models(caller: Caller, lineup: Lineup) -> tuple[str, ...]:
    """Return the ids of the known models that the key may use and that could answer now."""
    return tuple(model_id for model_id in lineup.models if may_use(caller, model_id, lineup))


def may_use(caller: Caller, model_id: str, lineup: Lineup) -> bool:
    """Say whether a key's rules allow a model, and somebody has a secret for it."""
    if caller.endpoints is not None or not caller.rules.allows(model_id):
        return False
    slug, facts, least = model_id.partition("/")[0], lineup.facts(model_id), caller.rules.min_quality
    if least is not None and quality_of(facts) < least:
        return False
    seller = lineup.sellers.get(slug)
    if seller is None:
        return False
    has_own = seller.state == "no_key" and slug in dict(caller.own_credentials)
    return seller.state == "ready" or has_own


def quality_of(facts: Model | None) -> int:
    """Return how good a model is held to be."""
    return DEFAULT_QUALITY if facts is None or facts.quality is None else facts.quality


def card_of(model_id: str, lineup: Lineup, caller: Caller, name: str = "") -> Card:
    """Return the card of a known model, under its shortest name or the given one."""
    slug, _, bare = model_id.partition("/")
    seller, facts = lineup.sellers[slug], lineup.facts(model_id)
    assert facts is not None
    return Card(
        name=name or model_names.spelling(model_id, lineup),
        owner=slug,
        title=bare if facts.display_name == facts.id else facts.display_name,
        modality=facts.modality,
        model_id=model_id,
        facts=facts,
        multipliers_ppm=(caller.rate_multiplier_ppm, facts.multiplier_ppm),
        zdr=seller.zdr,
        may_train=seller.may_train,
    )


def auto_card(name: str, lineup: Lineup, usable: tuple[str, ...]) -> Card:
    """Return the card of `auto`: it chooses among texts, or embeddings where there is nothing else."""
    kinds = [facts.modality for model_id in usable if (facts := lineup.models.get(model_id)) is not None]
    modality = name.partition("/")[2] or (TEXT if TEXT in kinds else kinds[0])
    return Card(name, OWNER, AUTO_TITLE, modality, description=AUTO_TEXT)


def alias_cards(lineup: Lineup, caller: Caller, usable: tuple[str, ...]) -> Iterator[Card]:
    """Yield the cards of the aliases behind which there is a usable model, by name."""
    for name in sorted(lineup.aliases):
        card = alias_card(lineup.aliases[name], lineup, caller, usable)
        if card is not None:
            yield card


def alias_card(alias: Alias, lineup: Lineup, caller: Caller, usable: tuple[str, ...]) -> Card | None:
    """Return the card of an alias; None where none of its models can be used."""
    try:
        resolved = model_names.resolve_one(alias.name, lineup)
    except ModelNotFound:
        return None
    models = tuple(model_id for model_id in resolved.models if may_use(caller, model_id, lineup))
    if not models and not (resolved.routed and usable):
        return None
    facts = lineup.facts(models[0]) if models else None
    modality = facts.modality if facts else resolved.modality or TEXT
    return Card(alias.name, OWNER, alias.name, modality, models=models, description=alias.description)
