"""What a reported call costs at the catalog's prices: its client pays its provider, and nothing here."""

from __future__ import annotations

from app.domain.calls import Usage
from app.domain.catalog import Model
from app.domain.light.told import Report
from app.domain.pricing import cost_nano_usd


def list_nano_usd(facts: Model | None, input_tokens: int, output_tokens: int) -> int | None:
    """Return what so many tokens cost where they are bought; None when the price is not known."""
    price = facts.price_at(input_tokens) if facts else None
    return None if price is None else cost_nano_usd(Usage(input_tokens, output_tokens), price)


def cost_of(facts: Model | None, report: Report) -> int | None:
    """Return what a reported call cost; an answer from the client's own cache costs nothing."""
    if report.from_cache or report.outcome == "refused":
        return 0
    return list_nano_usd(facts, report.input_tokens, report.output_tokens)


def saved_nano_usd(requested: Model | None, facts: Model | None, report: Report) -> int | None:
    """Return what was saved against the requested model for the same tokens, never less than nothing (O37).

    None: a price is not known. A call that failed saved nothing, nor did one that only a cache answered.
    """
    if report.outcome != "succeeded" or report.from_cache:
        return 0
    would = list_nano_usd(requested, report.input_tokens, report.output_tokens)
    did = list_nano_usd(facts, report.input_tokens, report.output_tokens)
    return None if would is None or did is None else max(0, would - did)
