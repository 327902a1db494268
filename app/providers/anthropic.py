"""The `anthropic` dialect: OpenAI chat calls carried over Anthropic's messages API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.domain.calls import Cancellation, Chunk, Upstream
from app.domain.chat import join, split
from app.domain.old_functions import as_functions, as_tools, uses_functions
from app.domain.provider_errors import ProviderFailed, ProviderRefused
from app.domain.sse import Event, Splitter
from app.providers.anthropic_answer import StreamTranslator, completion
from app.providers.anthropic_request import translate
from app.providers.base import (
    CUT,
    chunk_of,
    connected,
    get_json,
    looks_like_events,
    parse,
    post,
    raise_for_error,
    read_body,
    unasked_events,
)
from app.providers.events import EventReader

VERSION = "2023-06-01"  # the later one refuses temperature for every model


class Anthropic:
    """Translates both ways. A stream is proven whole by its `message_stop`.

    With `upstream.native_body` the client's own messages body is sent instead. Either way each event of the
    answer, or the whole message, is the `source` of one chunk, for doors that speak this dialect.
    """

    def chat(
        self, upstream: Upstream, body: dict[str, Any], stream: bool, cancellation: Cancellation
    ) -> Iterator[Chunk]:
        if not uses_functions(body):
            return self._ask(upstream, body, stream, cancellation)
        return map(told_as_functions, self._ask(upstream, as_tools(body), stream, cancellation))

    def _ask(
        self, upstream: Upstream, body: dict[str, Any], stream: bool, cancellation: Cancellation
    ) -> Iterator[Chunk]:
        sent = own_body(upstream, stream) or translate(body, upstream.model, stream)
        answer = post(upstream, "/v1/messages", headers(upstream, stream), sent, cancellation)
        if not stream:
            whole = read_body(answer, upstream.timeout_first_byte_seconds, cancellation)
            yield read_message(whole, upstream)
            return
        reader = EventReader(answer, upstream, cancellation, Splitter())
        try:
            if reader.looks_like_json():
                message = raise_for_error(reader.read_json(), upstream)
                yield from map(chunk_of, split(completion(message).data or {}))
            else:
                yield from read_stream(reader)
        finally:
            reader.close()

    def embed(self, upstream: Upstream, body: dict[str, Any], cancellation: Cancellation) -> Iterator[Chunk]:
        text = "This provider makes no embeddings. Name a model of another one."
        raise ProviderRefused(text, upstream_status=400, param="model")

    def test(self, upstream: Upstream) -> str:
        return connected(get_json(upstream, "/v1/models?limit=1000", headers(upstream, False)))


def headers(upstream: Upstream, stream: bool) -> dict[str, str]:
    """Return the headers of a call: the client's own betas go with its own body."""
    accept = "text/event-stream" if stream else "application/json"
    own = {"accept": accept, "x-api-key": upstream.secret, "anthropic-version": VERSION}
    return {**own, **upstream.native_headers}


def own_body(upstream: Upstream, stream: bool) -> dict[str, Any] | None:
    """Return the client's own body, for this model; None when there is none."""
    if upstream.native_body is None:
        return None
    rest = {name: value for name, value in upstream.native_body.items() if name != "stream"}
    return {**rest, "model": upstream.model, **({"stream": True} if stream else {})}


def told_as_functions(chunk: Chunk) -> Chunk:
    """Return a chunk for a client that knows the older functions."""
    return replace(chunk, data=as_functions(chunk.data)) if chunk.data is not None else chunk


def read_stream(reader: EventReader[Event]) -> Iterator[Chunk]:
    """Yield chunks until `message_stop`; raises for everything that ends without it."""
    translator = StreamTranslator()

    def read(event: Event) -> Chunk:
        chunk = translator.chunk(reader.parse(event))
        if translator.ended:
            reader.finish()
        return chunk

    yield from reader.chunks(read)
    if not reader.is_whole:
        raise reader.cut()


def read_message(body: bytes, upstream: Upstream) -> Chunk:
    """Return the completion, joined when the upstream streamed it unasked (L5)."""
    if not looks_like_events(body):
        return completion(raise_for_error(parse(body), upstream))
    translator = StreamTranslator()
    chunks = [translator.chunk(data) for data in unasked_events(body, upstream)]
    if not translator.ended:
        raise ProviderFailed(CUT)
    return chunk_of(join(chunk.data for chunk in chunks if chunk.data is not None))
