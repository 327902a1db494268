"""One request to several models: which they are, and how their answers become one (R14)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from app.domain.calls import Call, Usage
from app.domain.chat import choices_of
from app.domain.dialects import openai_error, openai_usage
from app.domain.errors import GatewayError, InvalidRequest
from app.domain.pricing import nano_to_usd
from app.domain.records import Record

WORD = "compare"
FEWEST, MOST = 2, 4
OWN = frozenset({"model", "models", WORD})
Json = dict[str, Any]


class Comparing(Exception):
    """The call asks several models: it is not one call but one for each of them."""

    def __init__(self, models: tuple[str, ...], body: Json) -> None:
        self.models = models
        self.body = body
        super().__init__(WORD)


def split(call: Call) -> None:
    """Raise Comparing where the body asks several models; InvalidRequest where it does so wrongly."""
    body = call.chat
    if not call.compares or (body.get(WORD) is None and body.get("model") != WORD):
        return
    name = WORD if body.get(WORD) is not None else "models"
    models = body.get(name)
    if not isinstance(models, list) or not FEWEST <= len(models) <= MOST:
        raise InvalidRequest(f"'{name}' must be a list of {FEWEST} to {MOST} models.", param=name)
    if not all(isinstance(model, str) and model.strip() not in ("", WORD) for model in models):
        raise InvalidRequest(f"Every entry of '{name}' must be the name of a model.", param=name)
    if body.get("n") not in (None, 1):
        raise InvalidRequest("'n' must be 1 where models are compared.", param="n")
    if call.headers.get("Idempotency-Key") is not None:
        text = "An Idempotency-Key is for one call, and models are compared by one call each. Leave it out."
        raise InvalidRequest(text, param="Idempotency-Key")
    shared = {name: value for name, value in call.body.items() if name not in OWN}
    raise Comparing(tuple(models), shared)


@dataclass(slots=True)
class Lane:
    """One model of a comparison. `answer`: the last it said, the whole completion where nothing streams.

    `record` is there once the answer has begun.
    """

    index: int
    model: str
    call: Call
    record: Record | None = None
    answer: Json | None = None
    error: GatewayError | None = None
    milliseconds: int = 0

    def told(self) -> Json:
        """Return what the answer says of this model."""
        cost = self.cost_nano_usd
        told: Json = {
            "model": self.model,
            "request_id": self.call.request_id,
            "cost_usd": None if cost is None else nano_to_usd(cost),
            "latency_ms": self.milliseconds,
        }
        if self.record and self.record.warnings:
            told["warnings"] = self.record.warnings
        return told if self.error is None else {**told, **openai_error(self.error)}

    @property
    def cost_nano_usd(self) -> int | None:
        """What the call cost: also one whose answer was made and then refused. None: not known."""
        if self.record is not None:
            return self.record.cost_nano_usd
        return self.error.cost_nano_usd if self.error is not None else 0

    def choice(self) -> Iterator[Json]:
        """Yield this model's choice of the common answer; none when it failed."""
        for choice in choices_of(self.answer or {})[:1]:
            yield {**choice, "index": self.index, "model": self.named}

    @property
    def named(self) -> str:
        """The model that answered, as the client is told it."""
        return (self.record.model_told if self.record else None) or self.model


def cost_usd(lanes: Iterable[Lane]) -> str:
    """Return what all of it cost; "unknown" where the price of one is."""
    costs = [lane.cost_nano_usd for lane in lanes]
    known = [cost for cost in costs if cost is not None]
    return nano_to_usd(sum(known)) if len(known) == len(costs) else "unknown"


def summary(lanes: Iterable[Lane]) -> Json:
    """Return the sums and what became of each: the end of an answer, streamed or whole."""
    lanes = list(lanes)
    usages = [lane.record.usage for lane in lanes if lane.record and lane.record.usage]
    names = Usage.__slots__
    total = Usage(**{n: sum(getattr(usage, n) for usage in usages) for n in names if n != "estimated"})
    return {"usage": openai_usage(total), "sluice": {WORD: [lane.told() for lane in lanes]}}


def base(request_id: str, kind: str) -> Json:
    """Return the fields that every part of the common answer has."""
    return {"id": f"chatcmpl-{request_id}", "object": kind, "created": int(time.time()), "model": WORD}


def whole(lanes: Iterable[Lane], request_id: str) -> Json:
    """Return one completion with a choice of each model."""
    lanes = list(lanes)
    choices = [choice for lane in lanes for choice in lane.choice()]
    return {**base(request_id, "chat.completion"), "choices": choices, **summary(lanes)}


def piece(data: Json, lane: Lane, shared: Json) -> Json | None:
    """Return one chunk of a model as one of the common stream; None when it says nothing."""
    choices = [{**choice, "index": lane.index} for choice in choices_of(data)[:1]]
    return {**shared, "model": lane.named, "choices": choices} if choices else None


def failed(lane: Lane, shared: Json) -> Json:
    """Return the chunk that ends the choice of a model that failed."""
    choice = {"index": lane.index, "delta": {}, "finish_reason": "error"}
    return {**shared, "model": lane.model, "choices": [choice]}


def ending(lanes: Iterable[Lane], shared: Json, *, bare: bool) -> Json:
    """Return the last chunk, with the sums; `bare`: without a choice, as OpenAI's usage chunk is (O1)."""
    choices = [] if bare else [{"index": 0, "delta": {"content": ""}, "finish_reason": None}]
    return {**shared, "choices": choices, **summary(lanes)}
