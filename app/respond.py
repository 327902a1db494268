"""Turns a call into a Flask response, buffered or streamed, and watches for a client that leaves.

Shared by the doors that run calls; the dialect says how answers and errors look.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import gevent
import gevent.socket
from flask import Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout

from app import http, lifecycle, pipeline
from app.domain import kagu, limits, route_headers, streams, warning_headers
from app.domain.actors import Actor
from app.domain.bodies import encoded
from app.domain.calls import Call, Cancellation, Chunk
from app.domain.client_address import client_address as address_of
from app.domain.clients import ENVIRON_NAME as CLIENT
from app.domain.clients import Client
from app.domain.dialects import Dialect
from app.domain.errors import BodyTooLarge, BodyTooSlow, GatewayError, Replayed, UnsupportedEncoding
from app.domain.pricing import nano_to_usd
from app.domain.provider_errors import ProviderAnswered
from app.domain.records import Record
from app.http import current_request
from app.services import idempotency

log = logging.getLogger(__name__)
BODY_SECONDS = 30
OWN_SECRET = "HTTP_X_BYOK_"
OF_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}
JSON = "application/json"
TIMED_STEPS = {
    name: f"{name};dur="
    for name in (
        "auth", "parse", "target", "admission", "prompt", "hold", "guardrails", "schema", "plugins",
        "upstream", "settle",
    )
}  # fmt: skip
BELOW_ONE = [f"{microseconds / 1000:.3f}" for microseconds in range(1000)]  # most steps: 4 µs per call less


def request_id() -> str:
    """Return our id of this request, the same for its whole life."""
    return current_request().sluice_id


def client_address() -> str:
    """Return the address that the request comes from; trusted proxies are believed what they say of it."""
    asked = current_request()
    trusted = http.current_config()["SETTINGS"].trusted_proxies
    return address_of(asked.remote_addr, asked.environ.get("HTTP_X_FORWARDED_FOR", ""), trusted)


def public_root() -> str:
    """Return the public URL without a slash at its end: the operator's, or as the client has it.

    A SLUICE_BASE_URL that names this machine is the default of a local run: the client knows better.
    """
    base_url: str = current_app.config["SETTINGS"].base_url
    if urlsplit(base_url).hostname in OF_THIS_MACHINE:
        return request.url_root.rstrip("/")
    return base_url.rstrip("/")


def own_secrets(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the keys of the customer's own that came with the request, by provider: x-byok-<provider>."""
    if OWN_SECRET not in " ".join(environ):  # a sixth of what looking at each name costs
        return {}
    return {
        name[len(OWN_SECRET) :].lower().replace("_", "-"): value.strip()
        for name, value in environ.items()
        if name.startswith(OWN_SECRET)
    }


def read_body() -> bytes:
    """Return the request's body; raise when it is too large, too slow or compressed."""
    asked = current_request()
    if asked.environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedEncoding
    client: Client | None = asked.environ.get(CLIENT)
    body = None if client is None else client.whole_body()
    if body is None:
        return wait_for_body(asked)
    if len(body) > http.current_config()["MAX_CONTENT_LENGTH"]:
        raise BodyTooLarge
    return body


def wait_for_body(asked: http.Request) -> bytes:
    """Return the request's body, which may still be on its way."""
    try:
        with gevent.Timeout(BODY_SECONDS, BodyTooSlow):
            body: bytes = asked.get_data(cache=False)
            if len(body) == asked.max_content_length and goes_on(asked):
                raise BodyTooLarge
            return body
    except RequestEntityTooLarge:
        raise BodyTooLarge from None
    except RequestTimeout:  # our own server's word
        raise BodyTooSlow from None


def goes_on(asked: http.Request) -> bool:
    """Tell whether a chunked body has more than may be read: werkzeug cuts it there and says nothing."""
    return asked.content_length is None and asked.environ["wsgi.input"].read(1) != b""


def new_call(dialect: Dialect, surface: str, **fields: Any) -> Call:
    """Return the call that this HTTP request makes."""
    asked = current_request()
    return Call(
        surface=surface,
        dialect=dialect.name,
        read_body=read_body,
        request_id=asked.sluice_id,
        headers=http.CallHeaders(asked.environ),
        client_request_id=asked.client_id,
        client_address=client_address(),
        own_secrets=own_secrets(asked.environ),
        **fields,
    )


def answer(call: Call, dialect: Dialect) -> Response:
    """Run the call and answer it: errors up to the first byte keep their status (C29)."""
    leave = watch(call)
    chunks = pipeline.run(call)
    try:
        head = next(chunks)
        assert isinstance(head, pipeline.Head)
        if head.streamed:
            return stream(head.record, chunks, dialect, leave)
        if head.record.forwards:
            return forwarded_whole(head.record, chunks, leave)
        completion = next(chunk.data for chunk in list(chunks) if isinstance(chunk, Chunk) and chunk.data)
    except Replayed as stored:
        leave()
        return replay(stored)
    except GatewayError as error:
        leave()
        return error_response(error, dialect)
    except BaseException:
        leave()
        raise
    leave()
    body = encoded(dialect.answer(completion, head.record))
    idempotency.keep(head.record, 200, JSON, body)
    return http.Answer(body, 200, record_headers(head.record), JSON)


def replay(stored: Replayed) -> Response:
    """Return the stored answer of the first request with the same Idempotency-Key."""
    told = {"Idempotent-Replayed": "true", "X-Sluice-First-Request-Id": stored.first_request_id}
    return http.Answer(stored.answer, stored.stored_status, told, stored.content_type)


def forwarded_whole(record: Record, chunks: Iterator[Any], leave: Callable[[], None]) -> Response:
    """Return a provider's own buffered answer, once it is settled."""
    body = b"".join([chunk.raw for chunk in chunks])
    leave()
    idempotency.keep(record, 200, record.answer_headers.get("content-type", ""), body)
    return http.Answer(body, 200, record.answer_headers | record_headers(record))


def stream(record: Record, chunks: Iterator[Any], dialect: Dialect, leave: Callable[[], None]) -> Response:
    """Return a streamed response; however it ends, the pipeline's `finally` runs."""
    write = streams.raw_events if record.forwards else streams.events
    headers = STREAM_HEADERS | record.answer_headers | record_headers(record, timed=False)

    def close() -> None:
        leave()
        chunks.close()  # type: ignore[attr-defined]

    return http.StreamedAnswer(write(chunks, dialect, record), headers, close)


def record_headers(record: Record, *, timed: bool = True) -> dict[str, str]:
    """Return what the headers can say of a call: who answered, and where our own time went."""
    by, cost = record.answered_by, record.cost_nano_usd
    headers = {"X-Sluice-Provider": "" if by is None else by.provider_slug}
    if record.counted is not None:
        headers |= limits.headers(record.counted)
    if record.call.names_model:
        headers |= route_headers.headers(record, is_done=timed)
    if record.call.by_policy:
        headers |= kagu.headers(record)
    elif record.target is not None and record.target.arm is not None:
        headers["X-Sluice-Rollout"] = f"{record.target.arm.name}; version={record.target.arm.version}"
    if record.slot is not None:
        headers |= dict.fromkeys(("X-Cache", "X-Sluice-Cache"), "hit" if record.cached else "miss")
    if record.session is not None:
        headers["X-Sluice-Session-Id"] = record.session.id
    if record.warnings:
        headers |= warning_headers.headers(record.warnings)
    if timed:
        headers["Server-Timing"] = server_timing(record)
        headers["X-Sluice-Cost-Usd"] = "unknown" if cost is None else nano_to_usd(cost)
    return headers


def server_timing(record: Record) -> str:
    """Return the Server-Timing header: milliseconds by step."""
    spent = record.steps.get
    return ", ".join(
        [
            title + (BELOW_ONE[time] if (time := spent(name, 0)) < 1000 else f"{time / 1000:.3f}")
            for name, title in TIMED_STEPS.items()
        ]
    )


def error_response(error: GatewayError, dialect: Dialect) -> Response:
    """Return the error in the route's dialect, or what a provider answered to a forwarded call as it came."""
    if isinstance(error, ProviderAnswered):
        return http.Answer(error.body, error.upstream_status, error.headers)
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(max(1, error.retry_after_seconds))
    if error.should_retry is False:
        headers["X-Should-Retry"] = "false"
    return json_response(dialect.error_body(error, request_id()), dialect.status(error), headers)


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `body` as JSON."""
    return http.Answer(encoded(body), status, headers or {}, JSON)


class Watch:
    """Ends a call when its client hangs up or the drain deadline comes, until it is stopped.

    The client is watched from when the body is read: until then, bytes wait on its socket.
    """

    __slots__ = ("cancellation", "environ", "read", "stops")

    def __init__(self, call: Call, environ: Mapping[str, Any]) -> None:
        self.cancellation, self.environ, self.read = call.cancellation, environ, call.read_body
        self.stops = [lifecycle.register(call.cancellation)]

    def read_then_watch(self) -> bytes:
        """Return the body; from then on look whether the client is still there."""
        body = self.read()
        client: Client | None = self.environ.get(CLIENT)
        if client is not None:
            self.stops.append(client.when_gone(self.leave))
        elif (held := self.environ.get("gunicorn.socket")) is not None:
            watcher = gevent.spawn(wait_for_hang_up, held, self.cancellation)
            self.stops.append(lambda: watcher.kill(block=False))
        return body

    def leave(self) -> None:
        """The client has hung up. What ends with the call may wait, which whoever tells us so may not."""
        gevent.spawn(self.cancellation.cancel, "client_left")

    def stop(self) -> None:
        """Look no longer."""
        while self.stops:
            self.stops.pop()()


def watch(call: Call) -> Callable[[], None]:
    """End the call when its client hangs up or the drain deadline comes. Returns how to stop watching."""
    watching = Watch(call, current_request().environ)
    call.read_body = watching.read_then_watch
    return watching.stop


def wait_for_hang_up(client: socket.socket, cancellation: Cancellation) -> None:
    """Cancel the call once the client's end is closed; data that waits there is the next request's."""
    try:
        gevent.socket.wait_read(client.fileno())
        gone = client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return
    except (OSError, ValueError):
        gone = True
    if gone:
        cancellation.cancel("client_left")


def person_call(actor: Actor, dialect: Dialect, surface: str, **fields: Any) -> Call:
    """Return a call made by a signed-in person from the dashboard."""
    return new_call(dialect, surface, actor=actor, source="dashboard", **fields)
