"""How a model is shown to clients: OpenAI's shape with what we know beside it, and Anthropic's (A23, R6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.catalog import EMBEDDING, TEXT, Model
from app.domain.errors import InvalidRequest
from app.domain.pricing import Price, effective_nano_usd, nano_to_usd

OWNER = "sluice"
PRICES = ("input", "output", "cache_read", "cache_write")
MODALITIES = (TEXT, EMBEDDING)
NOT_KNOWN = "1970-01-01T00:00:00Z"  # what Anthropic says of a model whose age it does not tell
MOST_PER_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Card:
    """One name that a client can send as `model`, and what is known of what answers to it.

    `model_id`: provider/model; empty where several models stand behind the name, then `models` lists them.
    """

    name: str
    owner: str
    title: str
    modality: str
    model_id: str = ""
    models: tuple[str, ...] = ()
    facts: Model | None = None
    multipliers_ppm: tuple[int, ...] = ()
    zdr: bool | None = None
    may_train: bool | None = None
    description: str = ""


def openai_card(card: Card) -> dict[str, Any]:
    """Return OpenAI's model object and our own facts; a choice of several models has none of its own."""
    shown: dict[str, Any] = {
        "id": card.name,
        "object": "model",
        "created": 0,
        "owned_by": card.owner,
        "display_name": card.title,
        "modality": card.modality,
    }
    if card.description:
        shown["description"] = card.description
    if card.facts is None:
        return {**shown, "models": list(card.models)} if card.models else shown
    facts = card.facts
    return {
        **shown,
        "canonical_id": card.model_id,
        "pricing": pricing(facts, card.multipliers_ppm),
        "context_length": facts.context_tokens,
        "max_output_tokens": facts.max_output_tokens,
        "capabilities": sorted(facts.features),
        "quantization": facts.quantization,
        "quality": facts.quality,
        "zdr": card.zdr,
        "may_train": card.may_train,
    }


def pricing(facts: Model, multipliers_ppm: tuple[int, ...]) -> dict[str, Any] | None:
    """Return what a million tokens cost here, in dollars; None when that is not known."""
    if facts.price is None:
        return None
    shown: dict[str, Any] = {
        "currency": "USD",
        "per_tokens": 1_000_000,
        **dollars(facts.price, multipliers_ppm),
    }
    if facts.long_context is not None:
        longer = dollars(facts.long_context.price, multipliers_ppm)
        shown["long_context"] = {"above_input_tokens": facts.long_context.above_input_tokens, **longer}
    return shown


def dollars(price: Price, multipliers_ppm: tuple[int, ...]) -> dict[str, str]:
    """Return the prices that are known, with the multipliers in them."""
    listed = {kind: getattr(price, f"{kind}_nano_usd_per_million") for kind in PRICES}
    return {
        kind: nano_to_usd(effective_nano_usd(nano_usd, multipliers_ppm))
        for kind, nano_usd in listed.items()
        if nano_usd is not None
    }


def anthropic_card(card: Card) -> dict[str, Any]:
    """Return Anthropic's model object."""
    facts = card.facts
    return {
        "type": "model",
        "id": card.name,
        "display_name": card.title,
        "created_at": NOT_KNOWN,
        "max_input_tokens": facts.context_tokens if facts else None,
        "max_tokens": facts.max_output_tokens if facts else None,
    }


def openai_list(cards: Sequence[Card]) -> dict[str, Any]:
    """Return OpenAI's list."""
    return {"object": "list", "data": [openai_card(card) for card in cards]}


def anthropic_list(cards: Sequence[Card], query: Mapping[str, str]) -> dict[str, Any]:
    """Return one page of Anthropic's list, as `limit`, `after_id` and `before_id` ask for it."""
    names = [card.name for card in cards]
    size = page_size(query.get("limit", "20"))
    if "before_id" in query:
        end = place(names, query["before_id"])
        first = max(0, end - size)
        page, more = cards[first:end], first > 0
    else:
        first = place(names, query["after_id"]) + 1 if "after_id" in query else 0
        page, more = cards[first : first + size], first + size < len(cards)
    return {
        "data": [anthropic_card(card) for card in page],
        "has_more": more,
        "first_id": page[0].name if page else None,
        "last_id": page[-1].name if page else None,
    }


def page_size(written: str) -> int:
    """Return how many models a page holds."""
    if written.isascii() and written.isdecimal() and 0 < int(written[:6]) <= MOST_PER_PAGE:
        return int(written[:6])
    raise InvalidRequest(f"'limit' must be a whole number from 1 to {MOST_PER_PAGE}.", param="limit")


def place(names: Sequence[str], name: str) -> int:
    """Return where in the list a model stands."""
    if name not in names:
        raise InvalidRequest(f"There is no model '{name[:200]}' in the list to go on from.")
    return names.index(name)


def modality_of(written: str | None) -> str | None:
    """Return the modality that a query asks for; None for all."""
    if written is None or written.lower() in MODALITIES:
        return written and written.lower()
    raise InvalidRequest(f"'modality' must be one of: {', '.join(MODALITIES)}.", param="modality")
