"""Fits a request's parameters to the model that is about to get it."""

from __future__ import annotations

from typing import Any

from app.domain.catalog import Model

SAMPLING = frozenset({"temperature", "top_p"})


def fit(body: dict[str, Any], facts: Model | None, most_output: int | None = None) -> dict[str, Any]:
    """Return the body without the sampling settings that the model refuses; unknown models get all.

    `most_output`: what is held covers an answer of so many tokens, and the client set no limit (O27).
    """
    if most_output is not None:
        limit = facts.max_output_tokens if facts else None
        body = {**body, "max_tokens": min(most_output, limit or most_output)}
    if facts is None or "sampling" in facts.features or not SAMPLING & body.keys():
        return body
    return {name: value for name, value in body.items() if name not in SAMPLING}
