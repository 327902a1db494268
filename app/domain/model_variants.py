"""Variants of a model by suffix (R19): `:free`, `:thinking`, `:extended`, `:online`."""

from __future__ import annotations

import os.path
import re

from app.domain.calls import Usage
from app.domain.catalog import Model
from app.domain.errors import ModelNotFound
from app.domain.lineups import Lineup
from app.domain.pricing import cost_nano_usd

SUFFIXES = ("free", "thinking", "extended", "online")
WEB_SEARCH = "web-search"  # the plugin that `:online` adds
EFFORT = "medium"  # what `:thinking` sets where the client sets nothing
TYPICAL = Usage(input_tokens=1_000, output_tokens=500)
FAMILY = re.compile(r"[a-z]+")


def base_of(name: str) -> str:
    """Return a name without its suffixes."""
    rest, colon, suffix = name.rpartition(":")
    return base_of(rest) if colon and rest and suffix.lower() in SUFFIXES else name


def pick(suffix: str, model_id: str, name: str, lineup: Lineup) -> str:
    """Return the model that a suffix makes of a known one; ModelNotFound when there is none."""
    chosen = {"free": cheapest, "thinking": reasoning, "extended": longest}[suffix](model_id, lineup)
    if chosen is None:
        raise ModelNotFound(f"'{name}' is not available: there is no such variant.", param="model")
    return chosen


def cheapest(model_id: str, lineup: Lineup) -> str | None:
    """Return the cheapest model of the same provider and kind; of equal ones the better."""
    priced = [
        (found, cost) for found in siblings(model_id, lineup) if (cost := typical_cost(found[1])) is not None
    ]
    if not priced:
        return None
    (chosen, _), _ = min(priced, key=lambda item: (item[1], -(item[0][1].quality or 0), item[0][0]))
    return chosen


def reasoning(model_id: str, lineup: Lineup) -> str | None:
    """Return the model itself where it reasons, else its twin of that name that does."""
    facts = lineup.facts(model_id)
    if facts is not None and "reasoning" in facts.features:
        return model_id
    plain = model_id.replace("non-reasoning", "reasoning")
    for twin in (plain, f"{model_id}-thinking", f"{model_id}-reasoning"):
        found = lineup.models.get(twin)
        if found is not None and "reasoning" in found.features:
            return twin
    return None


def longest(model_id: str, lineup: Lineup) -> str | None:
    """Return the model with the largest context of the same provider and family, the most alike by name."""
    family = family_of(model_id)
    alike = [found for found in siblings(model_id, lineup) if family_of(found[0]) == family]
    if not alike:
        return None
    most = max(facts.context_tokens or 0 for _, facts in alike)
    reaching = [other for other, facts in alike if (facts.context_tokens or 0) == most]
    return min(reaching, key=lambda other: (other != model_id, -likeness(other, model_id), other))


def siblings(model_id: str, lineup: Lineup) -> list[tuple[str, Model]]:
    """Return the provider's models of the same kind."""
    slug, facts = model_id.partition("/")[0], lineup.facts(model_id)
    if facts is None:
        return []
    return [
        (other, found)
        for other, found in lineup.models.items()
        if other.partition("/")[0] == slug and found.modality == facts.modality
    ]


def typical_cost(facts: Model) -> int | None:
    """Return what a typical call costs; None when the price is not known."""
    price = facts.price_at(TYPICAL.input_tokens)
    return None if price is None else cost_nano_usd(TYPICAL, price, (facts.multiplier_ppm,))


def family_of(model_id: str) -> str:
    """Return the family that a model's name begins with: gpt, claude, gemini."""
    found = FAMILY.match(model_id.rpartition("/")[2].lower())
    return found.group() if found else ""


def likeness(one: str, other: str) -> int:
    """Return how much of their beginning two names share."""
    return len(os.path.commonprefix([one, other]))
