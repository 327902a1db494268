"""How capable a model is, in three steps of the catalog's quality: economy, standard, premium."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.catalog import TEXT, Model

ECONOMY, STANDARD, PREMIUM = TIERS = ("economy", "standard", "premium")
STANDARD_FROM, PREMIUM_FROM = 70, 85  # of 100
UNKNOWN_QUALITY = 50  # of a model of which nothing is known


def tier_of(facts: Model | None) -> str:
    """Return the tier of a model: below 70 economy, from 85 on premium, standard between."""
    quality = UNKNOWN_QUALITY if facts is None or facts.quality is None else facts.quality
    if quality >= PREMIUM_FROM:
        return PREMIUM
    return STANDARD if quality >= STANDARD_FROM else ECONOMY


def cheapest(tier: str, models: Iterable[tuple[str, Model]]) -> str | None:
    """Return the id of a tier's cheapest model that chats, by its prices for input and output together."""
    found = [
        (facts.price.input_nano_usd_per_million + facts.price.output_nano_usd_per_million, model_id)
        for model_id, facts in models
        if facts.price is not None
        and facts.modality == TEXT
        and not facts.deprecated
        and tier_of(facts) == tier
    ]
    return min(found)[1] if found else None
