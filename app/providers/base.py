"""What every adapter is, and the plain ways to ask an upstream and to read a whole answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import orjson

from app.domain.bodies import MOST_DEPTH, too_deep
from app.domain.calls import Cancellation, Chunk, Upstream
from app.domain.chat import finish_reason
from app.domain.provider_errors import ProviderFailed, ProviderTimedOut
from app.domain.sse import Splitter
from app.domain.usage import chunk_usage, embeddings_usage
from app.egress import Answer, Interrupted, ended_early, send
from app.providers.failures import failure, stream_failure

TEST_SECONDS = 15.0
ERROR_BYTES = 64 << 10
END = b"[DONE]"

UNREADABLE = "The model provider sent something that cannot be read."
CUT = "The model provider's answer was cut off before its end."


class Adapter(Protocol):
    """Speaks one dialect. Both calls raise GatewayError only.

    `chat` takes an OpenAI chat body. Buffered, it yields one chunk, the whole completion. Streamed, it
    yields each chunk as it arrives and ends normally only after proof that the answer is whole; else it
    raises StreamCut. A chunk's usage replaces that of an earlier chunk.
    """

    def chat(
        self, upstream: Upstream, body: dict[str, Any], stream: bool, cancellation: Cancellation
    ) -> Iterator[Chunk]: ...

    def embed(self, upstream: Upstream, body: dict[str, Any], cancellation: Cancellation) -> Iterator[Chunk]:
        """Take an OpenAI embeddings body, and yield one chunk: the whole list of embeddings."""

    def test(self, upstream: Upstream) -> str:
        """Make a cheap call and say in one sentence what it showed."""


def post(
    upstream: Upstream,
    path: str,
    headers: Mapping[str, str],
    body: dict[str, Any],
    cancellation: Cancellation,
) -> Answer:
    """Send a body; raises the error that the answer's status stands for."""
    answer = send(
        "POST",
        upstream.base_url.rstrip("/") + path,
        headers=headers,
        json=body,
        first_byte_seconds=upstream.timeout_first_byte_seconds,
        total_seconds=upstream.timeout_total_seconds,
        cancellation=cancellation,
    )
    return checked(answer, upstream)


def checked(answer: Answer, upstream: Upstream) -> Answer:
    """Return a 200 answer; raises for every other status, an empty 204 included (L4)."""
    if answer.status == 200:
        return answer
    try:
        body = answer.read_all(ERROR_BYTES, time.monotonic() + 5)
    except (TimeoutError, Interrupted):
        body = b""
    answer.close()
    raise failure(answer.status, answer.headers, body, upstream)


def get_json(upstream: Upstream, path: str, headers: Mapping[str, str]) -> Any:
    """Fetch a small document, for "Test connection"."""
    answer = send(
        "GET",
        upstream.base_url.rstrip("/") + path,
        headers=headers,
        first_byte_seconds=TEST_SECONDS,
        total_seconds=TEST_SECONDS,
    )
    body = read_body(checked(answer, upstream), TEST_SECONDS, Cancellation())
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ProviderFailed(UNREADABLE) from None


def connected(models: Any) -> str:
    """Say what the list of models showed; vendors wrap it in an object or do not."""
    found = models.get("data") if isinstance(models, dict) else models
    count = len(found) if isinstance(found, list) else 0
    if not count:
        return "Connected."
    return f"Connected. The provider lists {count} {'model' if count == 1 else 'models'}."


def read_body(answer: Answer, idle_seconds: float, cancellation: Cancellation) -> bytes:
    """Return the whole body; each wait may last `idle_seconds`."""
    parts: list[bytes] = []
    try:
        while data := answer.read_some(time.monotonic() + idle_seconds):
            parts.append(data)
    except TimeoutError:
        raise ended_early(cancellation) or ProviderTimedOut() from None
    except Interrupted:
        raise ended_early(cancellation) or ProviderFailed(CUT) from None
    finally:
        answer.close()
    return b"".join(parts)


def parse(data: bytes) -> dict[str, Any]:
    """Return the JSON object; raises ProviderFailed (L5)."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ProviderFailed(UNREADABLE) from None
    if not isinstance(value, dict) or (data.count(b"[") + data.count(b"{") > MOST_DEPTH and too_deep(value)):
        raise ProviderFailed(UNREADABLE)
    return value


def looks_like_events(body: bytes) -> bool:
    """Tell whether a body that should be JSON is a stream of events."""
    return body.lstrip()[:6].startswith((b"data:", b"event:", b":", b"id:"))


def unasked_events(body: bytes, upstream: Upstream) -> Iterator[dict[str, Any]]:
    """Yield the data of a whole body of events; raises ProviderFailed for an error among them."""
    splitter = Splitter(limit=len(body))
    for event in [*splitter.feed(body), *splitter.finish()]:
        if event.data == END:
            return
        yield raise_for_error(parse(event.data), upstream)


def raise_for_error(data: dict[str, Any], upstream: Upstream) -> dict[str, Any]:
    """Return the data unless it is an error that came with status 200 (L4, L7)."""
    if data.get("error"):
        raise stream_failure(data["error"], upstream)
    return data


def chunk_of(data: dict[str, Any]) -> Chunk:
    """Return a completion or a chunk of one with what the pipeline reads from it."""
    return Chunk(data, chunk_usage(data), finish_reason(data))


def embeddings_chunk(data: dict[str, Any]) -> Chunk:
    """Return a list of embeddings with what the pipeline reads from it; raises ProviderFailed for others."""
    items = data.get("data")
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and "embedding" in item for item in items
    ):
        raise ProviderFailed(UNREADABLE)
    return Chunk(data, embeddings_usage(data.get("usage")))
