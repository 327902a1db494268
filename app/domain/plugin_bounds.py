"""The most that plugins can add to a call, known before anything is asked or spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.domain.bounds import Bound
from app.domain.pdf_parts import without_pdfs
from app.domain.plugin_texts import BOOKS_BYTES, FRAME_BYTES, MEMORY_BYTES, WEB_BYTES
from app.domain.plugins import InUse, price_of_image

MOST_ROUNDS = 4  # further answers after the first
MOST_CALLS = 4  # of our tools in one round
ARGUMENT_BYTES = 52_000  # what a model may hand to a tool of ours
RESULT_BYTES = 9_000  # what a tool tells the model, and the words round it
TYPICAL_ROUND_BYTES = RESULT_BYTES + 4_000  # what is held for the first further round: one call of usual size
CONTEXT_BYTES = {"web-search": WEB_BYTES, "gutenberg": BOOKS_BYTES, "memory": MEMORY_BYTES}


def sent_now(uses: Sequence[InUse], request: dict[str, Any]) -> dict[str, Any]:
    """Return the request without what the plugins will replace: the bound of that is the plugins' own."""
    if not any(use.name == "pdf-reader" for use in uses):
        return request
    return {**request, "messages": without_pdfs(request["messages"])}


def widened(bound: Bound, uses: Sequence[InUse]) -> Bound:
    """Return the bound with all that the plugins may add: context, pictures, and one further round."""
    added = sum(added_bytes(use) for use in uses)
    has_tools = any(use.tool for use in uses)
    return replace(
        bound,
        input_tokens=bound.input_tokens + added,
        estimated_input_tokens=bound.estimated_input_tokens + added // 8,
        rounds=1 if has_tools else 0,
        round_tokens=TYPICAL_ROUND_BYTES if has_tools else 0,
        fixed_nano_usd=sum(price_of_image(use) * images(use) for use in uses),
    )


def added_bytes(use: InUse) -> int:
    """Return the most bytes that a plugin puts into the request; a token is at least one of them."""
    if use.name == "pdf-reader":
        return int(use.options["characters"]) + FRAME_BYTES
    return CONTEXT_BYTES[use.name] + FRAME_BYTES if use.name in CONTEXT_BYTES else 0


def images(use: InUse) -> int:
    """Return how many pictures one call may have made."""
    return int(use.options["most_images"]) if use.name == "image-gen" else 0
