"""Turns a call into a Flask response, buffered or streamed, and watches for a client that leaves.

Shared by the doors that run calls; the dialect says how answers and errors look.
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import gevent
import gevent.socket
from flask import Response, current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from app import lifecycle, pipeline
from app.domain import kagu, limits, route_headers, streams, warning_headers
from app.domain.actors import Actor
from app.domain.bodies import encoded
from app.domain.calls import Call, Cancellation, Chunk
from app.domain.client_address import client_address as address_of
from app.domain.dialects import Dialect, summary
from app.domain.errors import BodyTooLarge, BodyTooSlow, GatewayError, Replayed, UnsupportedEncoding
from app.domain.ids import new_id
from app.domain.provider_errors import ProviderAnswered
from app.domain.records import Record
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
CLIENT_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
TIMED_STEPS = (
    "auth", "parse", "target", "admission", "prompt", "hold", "guardrails", "schema", "plugins", "upstream",
    "settle",
)  # fmt: skip


def request_id() -> str:
    """Return our id of this request, the same for its whole life."""
    if "request_id" not in g:
        g.request_id = new_id()
    return g.request_id  # type: ignore[no-any-return]


def client_request_id() -> str | None:
    """Return the client's own x-request-id when it is well-formed."""
    sent = request.headers.get("X-Request-Id", "")
    return sent if CLIENT_REQUEST_ID.fullmatch(sent) else None


def client_address() -> str:
    """Return the address that the request comes from; trusted proxies are believed what they say of it."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    trusted = current_app.config["SETTINGS"].trusted_proxies
    return address_of(request.remote_addr, forwarded, trusted)


def public_root() -> str:
    """Return the public URL without a slash at its end: the operator's, or as the client has it.

    A SLUICE_BASE_URL that names this machine is the default of a local run: the client knows better.
    """
    base_url: str = current_app.config["SETTINGS"].base_url
    if urlsplit(base_url).hostname in OF_THIS_MACHINE:
        return request.url_root.rstrip("/")
    return base_url.rstrip("/")


def own_secrets() -> dict[str, str]:
    """Return the keys of the customer's own that came with the request, by provider: x-byok-<provider>."""
    return {
        name[len(OWN_SECRET) :].lower().replace("_", "-"): value.strip()
        for name, value in request.environ.items()
        if name.startswith(OWN_SECRET)
    }


def read_body() -> bytes:
    """Return the request's body; raise when it is too large, too slow or compressed."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedEncoding
    try:
        with gevent.Timeout(BODY_SECONDS, BodyTooSlow):
            return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise BodyTooLarge from None


def new_call(dialect: Dialect, surface: str, **fields: Any) -> Call:
    """Return the call that this HTTP request makes."""
    return Call(
        surface=surface,
        dialect=dialect.name,
        read_body=read_body,
        request_id=request_id(),
        headers=request.headers,
        client_request_id=client_request_id(),
        client_address=client_address(),
        own_secrets=own_secrets(),
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
    response = json_response(dialect.answer(completion, head.record), 200, record_headers(head.record))
    idempotency.keep(head.record, 200, response.content_type or "", response.get_data())
    return response


def replay(stored: Replayed) -> Response:
    """Return the stored answer of the first request with the same Idempotency-Key."""
    response = Response(stored.answer, status=stored.stored_status, content_type=stored.content_type)
    response.headers["Idempotent-Replayed"] = "true"
    response.headers["X-Sluice-First-Request-Id"] = stored.first_request_id
    return response


def forwarded_whole(record: Record, chunks: Iterator[Any], leave: Callable[[], None]) -> Response:
    """Return a provider's own buffered answer, once it is settled."""
    body = b"".join([chunk.raw for chunk in chunks])
    leave()
    response = Response(body, headers={**record.answer_headers, **record_headers(record)})
    idempotency.keep(record, 200, response.content_type or "", body)
    return response


def stream(record: Record, chunks: Iterator[Any], dialect: Dialect, leave: Callable[[], None]) -> Response:
    """Return a streamed response; however it ends, the pipeline's `finally` runs."""
    write = streams.raw_events if record.forwards else streams.events
    response = Response(write(chunks, dialect, record), headers={**STREAM_HEADERS, **record.answer_headers})
    response.headers.update(record_headers(record, timed=False))

    def close() -> None:
        leave()
        chunks.close()  # type: ignore[attr-defined]

    response.call_on_close(close)
    return response


def record_headers(record: Record, *, timed: bool = True) -> dict[str, str]:
    """Return what the headers can say of a call: who answered, and where our own time went."""
    told = summary(record)
    headers = {"X-Sluice-Provider": told["provider"] or "", **limits.headers(record.counted)}
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
        headers["X-Sluice-Cost-Usd"] = told["cost_usd"] or "unknown"
    return headers


def server_timing(record: Record) -> str:
    """Return the Server-Timing header: milliseconds by step."""
    return ", ".join(f"{name};dur={record.steps.get(name, 0) / 1000:.3f}" for name in TIMED_STEPS)


def error_response(error: GatewayError, dialect: Dialect) -> Response:
    """Return the error in the route's dialect, or what a provider answered to a forwarded call as it came."""
    if isinstance(error, ProviderAnswered):
        return Response(error.body, status=error.upstream_status, headers=error.headers)
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(max(1, error.retry_after_seconds))
    if error.should_retry is False:
        headers["X-Should-Retry"] = "false"
    return json_response(dialect.error_body(error, request_id()), dialect.status(error), headers)


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return `body` as JSON."""
    return Response(encoded(body), status=status, headers=headers, content_type="application/json")


def watch(call: Call) -> Callable[[], None]:
    """End the call when its client hangs up or the drain deadline comes. Returns how to stop watching.

    The client's socket is watched from when the body is read: until then, bytes wait on it.
    """
    watchers = []
    read, client = call.read_body, request.environ.get("gunicorn.socket")

    def read_then_watch() -> bytes:
        body = read()
        if client is not None:
            watchers.append(gevent.spawn(wait_for_hang_up, client, call.cancellation))
        return body

    def stop() -> None:
        gevent.killall(watchers, block=False)
        unregister()

    call.read_body = read_then_watch
    unregister = lifecycle.register(call.cancellation)
    return stop


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
