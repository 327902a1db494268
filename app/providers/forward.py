"""Forwards a call to its provider and hands the answer back byte for byte, reading along (M5, O3, O6)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.calls import HEARTBEAT, Cancellation, Chunk, Upstream
from app.domain.forwarding import ANTHROPIC_VERSION, Request, handed_back, url_path
from app.domain.provider_errors import CredentialRefused, ProviderAnswered, ProviderFailed, ReportedCut
from app.domain.raw_answers import EventReading, Reading, read_whole
from app.domain.raw_events import RawEvent, RawSplitter
from app.egress import Answer, Interrupted, send
from app.providers.base import UNREADABLE
from app.providers.events import EventReader
from app.providers.failures import failure, read_error, scrub

MOST_ERROR_BYTES = 1 << 20
TAIL_SECONDS = 2.0  # for what may come after the proof that an answer is whole
REPORTED = "The model provider answered with an error."


@dataclass(frozen=True, slots=True)
class Forwarded:
    """An answer that has begun. `streamed`: its form, whatever was asked for; `headers` may be handed on."""

    streamed: bool
    headers: dict[str, str]
    chunks: Iterator[Chunk]


def forward(upstream: Upstream, request: Request, cancellation: Cancellation) -> Forwarded:
    """Send the request on; raises GatewayError only: ProviderAnswered for every answer that is no success."""
    answer = send(
        request.route.method,
        upstream.base_url.rstrip("/") + prefix(upstream) + url_path(request.route) + request.query,
        headers=headers(upstream, request),
        body=request.body,
        first_byte_seconds=upstream.timeout_first_byte_seconds,
        total_seconds=upstream.timeout_total_seconds,
        cancellation=cancellation,
    )
    if answer.status != 200:
        raise refusal(answer, upstream)
    back = handed_back(answer.headers)
    reader = EventReader(answer, upstream, cancellation, RawSplitter())
    try:
        is_json = reader.looks_like_json()
        streamed = not is_json and (is_stream(back) or reader.starts_with_events())
        whole = b"" if streamed else reader.read_whole()
    except BaseException:
        reader.close()
        raise
    chunks = read_stream(reader, request) if streamed else iter([whole_chunk(whole, request, back)])
    return Forwarded(streamed, back, chunks)


def prefix(upstream: Upstream) -> str:
    """Return what comes between the provider's address and the path."""
    return "/v1" if upstream.dialect == "anthropic" else ""


def headers(upstream: Upstream, request: Request) -> dict[str, str]:
    """Return the headers to send: the client's that go on, and our key."""
    if upstream.dialect == "anthropic":
        return {"anthropic-version": ANTHROPIC_VERSION, **request.headers, "x-api-key": upstream.secret}
    secret = {"authorization": f"Bearer {upstream.secret}"} if upstream.secret else {}
    return request.headers | secret


def is_stream(back: dict[str, str]) -> bool:
    """Say whether the provider calls its answer a stream."""
    return back["content-type"].lower().startswith("text/event-stream")


def refusal(answer: Answer, upstream: Upstream) -> ProviderFailed:
    """Return the error for an answer that is no success: as it came, unless it is about our own key."""
    try:
        body = answer.read_all(MOST_ERROR_BYTES, time.monotonic() + 5)
    except (TimeoutError, Interrupted):
        body = b""
    answer.close()
    known = failure(answer.status, answer.headers, body, upstream)
    if isinstance(known, CredentialRefused) or answer.status < 400:
        return known
    return answered(answer.status, handed_back(answer.headers), body, upstream)


def answered(status: int, back: dict[str, str], body: bytes, upstream: Upstream) -> ProviderAnswered:
    """Return the provider's own answer as an error; our secret is scrubbed from it."""
    if upstream.secret:
        body = body.replace(upstream.secret.encode(), "…".encode())
    said = read_error(body).get("message")
    text = scrub(said, upstream.secret) if isinstance(said, str) else ""
    message = text or f"The model provider answered with status {status}."
    return ProviderAnswered(message, upstream_status=status, headers=back, body=body)


def whole_chunk(body: bytes, request: Request, back: dict[str, str]) -> Chunk:
    """Return the one chunk of a buffered answer; raises for what is none (L4, L5)."""
    reading = read_whole(request.route.operation, body)
    if reading is None:
        raise ProviderFailed(UNREADABLE)
    if reading.failed:
        raise ProviderAnswered(REPORTED, upstream_status=200, headers=back, body=body)
    return chunk_of(body, reading)


def read_stream(reader: EventReader[RawEvent], request: Request) -> Iterator[Chunk]:
    """Yield each event's bytes; ends normally only after proof that the answer is whole."""
    reading, whole, failed = EventReading(request.route.operation), False, False

    def read(event: RawEvent) -> Chunk:
        nonlocal whole, failed
        told = reading.read(event.name, event.data)
        failed = told.failed
        if told.ended:
            whole = True
            reader.end_soon(TAIL_SECONDS)
        return chunk_of(b"" if request.hides_usage and told.only_usage else event.raw, told)

    try:
        for chunk in reader.chunks(read):
            if chunk is not HEARTBEAT:
                yield chunk
            if failed:
                raise ReportedCut
        if not whole:
            raise reader.cut()
    except ProviderFailed:
        if not whole:
            raise
    finally:
        reader.close()


def chunk_of(raw: bytes, told: Reading) -> Chunk:
    """Return bytes of the answer with what was read in them."""
    return Chunk(None, told.usage, told.finish_reason, raw, told.text, told.model, told.id)
