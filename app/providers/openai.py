"""The `openai` dialect: chat completions of OpenAI and of everything that imitates them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from app.domain.calls import Cancellation, Chunk, Upstream
from app.domain.chat import choices_of, join, split
from app.domain.provider_errors import ProviderFailed, ProviderRefused
from app.domain.reasoning_fields import normalized
from app.domain.sse import Event, Splitter
from app.providers.base import (
    CUT,
    END,
    UNREADABLE,
    chunk_of,
    connected,
    embeddings_chunk,
    get_json,
    looks_like_events,
    parse,
    post,
    raise_for_error,
    read_body,
    unasked_events,
)
from app.providers.events import EventReader

# These models refuse max_tokens; everything else that speaks the dialect knows it.
NEW_LIMIT = re.compile(r"(?:openai/)?(?:o[1-9]|gpt-(?:[5-9]|[1-9][0-9]))")


class OpenAI:
    """Forwards the body almost as it is; only the model and the streaming fields are ours."""

    def chat(
        self, upstream: Upstream, body: dict[str, Any], stream: bool, cancellation: Cancellation
    ) -> Iterator[Chunk]:
        sent = request(upstream, body, stream)
        answer = post(upstream, "/chat/completions", headers(upstream, stream), sent, cancellation)
        if not stream:
            whole = read_body(answer, upstream.timeout_first_byte_seconds, cancellation)
            yield chunk_of(normalized(read_completion(whole, upstream)))
            return
        reader = EventReader(answer, upstream, cancellation, Splitter())
        try:
            if reader.looks_like_json():
                whole_answer = normalized(check_completion(reader.read_json(), upstream))
                yield from map(chunk_of, split(whole_answer))
            else:
                yield from read_stream(reader)
        finally:
            reader.close()

    def embed(self, upstream: Upstream, body: dict[str, Any], cancellation: Cancellation) -> Iterator[Chunk]:
        sent = {**body, "model": upstream.model}
        answer = post(upstream, "/embeddings", headers(upstream, False), sent, cancellation)
        whole = parse(read_body(answer, upstream.timeout_first_byte_seconds, cancellation))
        yield embeddings_chunk(raise_for_error(whole, upstream))

    def test(self, upstream: Upstream) -> str:
        try:
            models = get_json(upstream, "/models", headers(upstream, False))
        except ProviderRefused as error:
            if error.upstream_status not in (404, 405):
                raise
            return "The provider answers, but it has no list of models, so the key could not be tried."
        return connected(models)


def headers(upstream: Upstream, stream: bool) -> dict[str, str]:
    """Return the headers of a call; a local server may need no key."""
    accept = "text/event-stream" if stream else "application/json"
    if not upstream.secret:
        return {"accept": accept}
    return {"accept": accept, "authorization": f"Bearer {upstream.secret}"}


def request(upstream: Upstream, body: dict[str, Any], stream: bool) -> dict[str, Any]:
    """Return the body to send: a stream always asks for its usage (O2)."""
    sent = {**body, "model": upstream.model}
    sent.pop("stream", None)
    options = sent.pop("stream_options", None)
    if "max_tokens" in sent and NEW_LIMIT.match(upstream.model):
        sent.setdefault("max_completion_tokens", sent.pop("max_tokens"))
    if stream:
        sent["stream"] = True
        sent["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    return sent


def read_stream(reader: EventReader[Event]) -> Iterator[Chunk]:
    """Yield chunks until `[DONE]`. An answer that ends cleanly after a finish reason counts as whole too:
    some servers send no `[DONE]`. Anything else is a cut.
    """
    has_finished = False

    def read(event: Event) -> Chunk | None:
        nonlocal has_finished
        if event.data == END:
            if not reader.started:
                raise ProviderFailed("The model provider sent an empty answer.")
            reader.finish()
            return None
        data = reader.parse(event)
        if not isinstance(data.get("choices"), list) and not data.get("usage"):
            return None
        chunk = chunk_of(normalized(data))
        has_finished = has_finished or chunk.finish_reason is not None
        return chunk

    yield from reader.chunks(read)
    if not has_finished and not reader.is_whole:
        raise reader.cut()


def read_completion(body: bytes, upstream: Upstream) -> dict[str, Any]:
    """Return the completion, joined when the upstream streamed it unasked (L5)."""
    if not looks_like_events(body):
        return check_completion(parse(body), upstream)
    completion = join(unasked_events(body, upstream))
    if not any(choice["finish_reason"] for choice in completion["choices"]):
        raise ProviderFailed(CUT)
    return completion


def check_completion(data: dict[str, Any], upstream: Upstream) -> dict[str, Any]:
    """Return the completion; raises for an error or for something else with status 200 (L4)."""
    messages = [choice.get("message") for choice in choices_of(raise_for_error(data, upstream))]
    if not messages or not all(isinstance(message, dict) for message in messages):
        raise ProviderFailed(UNREADABLE)
    return data
