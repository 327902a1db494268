"""Asking a plugin's server, through egress: bounded in time and size, every failure in plain words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

import orjson

from app.domain.calls import Cancellation
from app.domain.errors import GatewayError
from app.domain.plugins import InUse, PluginFailed
from app.domain.provider_errors import ProviderTimedOut
from app.domain.providers import origin_of
from app.egress import Answer, Interrupted, ended_early, send

SECONDS = 15.0
MOST_JSON = 4 << 20
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SILENT = "The server did not answer in time."
AWAY = "The server could not be reached."
UNREADABLE = "The server sent something that cannot be read."


def get_json(use: InUse, url: str, cancellation: Cancellation, seconds: float = SECONDS) -> Any:
    """Return what a server answers to GET; raise PluginFailed."""
    return as_json(ask("GET", url, headers(use), None, cancellation, seconds), MOST_JSON, cancellation)


def post_json(
    use: InUse, url: str, body: dict[str, Any], cancellation: Cancellation, seconds: float, most: int
) -> Any:
    """Return what a server answers to POST; raise PluginFailed."""
    return as_json(ask("POST", url, headers(use), body, cancellation, seconds), most, cancellation)


def fetch(url: str, cancellation: Cancellation, most: int, *, trusted: str = "") -> bytes:
    """Return the first `most` bytes of a document; a few redirects are followed, each address checked anew.

    Strangers name such addresses: of the private places that the operator allows only `trusted` will do, the
    plugin's own server.
    """
    until = time.monotonic() + SECONDS
    for _ in range(MOST_REDIRECTS + 1):
        seconds = max(0.1, until - time.monotonic())
        public = not trusted or origin_of(url) != origin_of(trusted)
        answer = ask("GET", url, {"accept": "*/*"}, None, cancellation, seconds, public=public)
        target = answer.headers.get("location")
        if answer.status in REDIRECTS and target:
            answer.close()
            url = urljoin(url, target)
            continue
        if answer.status != 200:
            answer.close()
            raise PluginFailed(f"The server answered {answer.status}.")
        return beginning(answer, most, until, cancellation)
    raise PluginFailed("The server sends from one address to the next.")


def headers(use: InUse) -> dict[str, str]:
    """Return the headers of a request to the plugin's own server."""
    found = {"accept": "application/json"}
    return found | ({"authorization": f"Bearer {use.secret}"} if use.secret else {})


def ask(
    method: str,
    url: str,
    sent: dict[str, str],
    body: dict[str, Any] | None,
    cancellation: Cancellation,
    seconds: float,
    *,
    public: bool = False,
) -> Answer:
    """Send a request; raise PluginFailed, or what ends the whole call when that was cancelled."""
    try:
        return send(
            method,
            url,
            headers=sent,
            json=body,
            first_byte_seconds=seconds,
            total_seconds=seconds,
            cancellation=cancellation,
            public_only=public,
        )
    except ProviderTimedOut:
        raise ended_early(cancellation) or PluginFailed(SILENT) from None
    except GatewayError:
        raise ended_early(cancellation) or PluginFailed(AWAY) from None


def as_json(answer: Answer, most: int, cancellation: Cancellation) -> Any:
    """Return the JSON of an answer; raise PluginFailed for a status that is no success."""
    with reading(answer, cancellation):
        data = answer.read_all(most)
    if answer.status != 200:
        raise PluginFailed(refused(answer.status))
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        raise PluginFailed(UNREADABLE) from None


@contextmanager
def reading(answer: Answer, cancellation: Cancellation) -> Iterator[None]:
    """Close the answer in the end; raise PluginFailed where it breaks off, or what ended the call."""
    try:
        yield
    except TimeoutError:
        raise ended_early(cancellation) or PluginFailed(SILENT) from None
    except Interrupted:
        raise ended_early(cancellation) or PluginFailed("The server's answer was cut off.") from None
    finally:
        answer.close()


def refused(status: int) -> str:
    """Return what a status means for an admin."""
    if status in (401, 403):
        return f"The server refuses the request ({status}): check its key, and that it may answer in JSON."
    return f"The server answered {status}."


def beginning(answer: Answer, most: int, until: float, cancellation: Cancellation) -> bytes:
    """Return the first bytes of an answer."""
    parts: list[bytes] = []
    size = 0
    with reading(answer, cancellation):
        while size < most and (data := answer.read_some(until)):
            parts.append(data)
            size += len(data)
    return b"".join(parts)[:most]
