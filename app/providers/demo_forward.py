"""The demo provider's own route: what the demo says, written as an OpenAI server would send it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from app.domain.calls import Cancellation, Chunk, Upstream, Usage
from app.domain.forwarding import MODELS, Request
from app.domain.provider_errors import ProviderRefused
from app.domain.raw_answers import chat_event
from app.providers.demo import WORD_SECONDS, Demo
from app.providers.forward import Forwarded, chunk_of

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}
DONE = b"data: [DONE]\n\n"


def forward(upstream: Upstream, request: Request, cancellation: Cancellation) -> Forwarded:
    """Answer in place of a server."""
    if request.route.operation == MODELS:
        return Forwarded(False, JSON, iter([Chunk(None, Usage(), raw=models(request.route.model))]))
    body = orjson.loads(request.body or b"{}")
    if not isinstance(body.get("messages"), list):
        raise ProviderRefused("'messages' must be a list.", upstream_status=400, param="messages")
    stream = body.get("stream") is True
    chunks = Demo().chat(upstream, body, stream, cancellation)
    if stream:
        return Forwarded(True, EVENTS, events(chunks, request.hides_usage))
    return Forwarded(False, JSON, (written(chunk) for chunk in chunks))


def models(model: str) -> bytes:
    """Return the list of models, or one of them."""
    found = [{"id": name, "object": "model", "created": 0, "owned_by": "demo"} for name in WORD_SECONDS]
    if not model:
        return orjson.dumps({"object": "list", "data": found})
    one = next((entry for entry in found if entry["id"] == model), None)
    if one is None:
        raise ProviderRefused("The demo provider has no such model.", upstream_status=404, param="model")
    return orjson.dumps(one)


def events(chunks: Iterator[Chunk], hides_usage: bool) -> Iterator[Chunk]:
    """Yield the chunks as server-sent events, and the end."""
    for chunk in chunks:
        data: dict[str, Any] = chunk.data or {}
        hidden = hides_usage and not data.get("choices")
        told = written(chunk)
        told.raw = b"" if hidden else b"data: " + told.raw + b"\n\n"
        yield told
    yield Chunk(None, raw=DONE)


def written(chunk: Chunk) -> Chunk:
    """Return a chunk as the bytes of its JSON."""
    data = chunk.data or {}
    return chunk_of(orjson.dumps(data), chat_event(data))
