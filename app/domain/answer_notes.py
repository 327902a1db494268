"""What a receipt says of an answer beside who gave it: by a rule, from the cache, mended or not as asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from app.domain.healing import STEPS
from app.domain.sentences import Sentence


class Noted(Protocol):
    """What is read of a stored record."""

    cached: Any
    healing: Any
    routing_decision: Any


FROM_CACHE = Sentence(
    "The project's cache had the answer of an equal request: no model was asked, and nothing is charged."
)
BY_RULE = "The endpoint's routing rule “%(rule)s” said who is asked first."
HEALINGS = {
    "mended": "The JSON was mended: %(steps)s.",
    "repaired": "The answer was not the JSON that was asked for, so the model was asked to repair it, once. "
    "That is on the bill.",
    "failed": "The answer is not the JSON that was asked for. It was passed on as the model wrote it.",
    "streamed": "JSON was asked for as a stream. What is passed on at once cannot be mended.",
}


def notes(row: Noted) -> Iterator[Sentence]:
    """Yield what there is to say."""
    if row.routing_decision:
        yield Sentence(BY_RULE, {"rule": row.routing_decision})
    if row.cached:
        yield FROM_CACHE
    if row.healing and row.healing.get("outcome") in HEALINGS:
        steps = [STEPS[name] for name in row.healing.get("steps", ()) if name in STEPS]
        text = HEALINGS[row.healing["outcome"]]
        yield Sentence(text, {"steps": listed(steps)} if "%(steps)s" in text else {})


def listed(steps: list[str]) -> Sentence:
    """Put steps in a row, with commas."""
    text = ", ".join(f"%(part{number})s" for number in range(len(steps)))
    return Sentence(text, {f"part{number}": Sentence(step) for number, step in enumerate(steps)})
