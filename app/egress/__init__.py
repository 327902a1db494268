"""The only way out: every outbound request goes to a checked address, without redirects or the environment.

`configure` once at the start; `check_url` when somebody saves a URL; `send` for each request.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

from requests.exceptions import RequestException, Timeout

from app.domain.addresses import Target, check_public, is_allowed_private, is_public, parse_url
from app.domain.bodies import encoded
from app.domain.calls import Cancellation
from app.domain.errors import InvalidInput
from app.domain.provider_errors import ProviderFailed, ProviderTimedOut
from app.egress.connection import READ_BYTES
from app.egress.endings import Interrupted, ended_early
from app.egress.exchange import MAX_BODY_BYTES, Exchange, WireResponse, connections
from app.egress.transport import Request, Transport
from app.egress.wire import destination

__all__ = ["Answer", "Interrupted", "check_url", "close_idle", "configure", "ended_early", "send"]

TOTAL_SECONDS = 600.0
FIRST_BYTE_SECONDS = 120.0
USER_AGENT = "sluice"

_settings: dict[str, frozenset[tuple[str, int]]] = {"private_upstreams": frozenset()}
_transport = Transport(max_retries=0)


def configure(*, private_upstreams: frozenset[tuple[str, int]]) -> None:
    """Say which hosts and ports may be private (`Settings.private_upstreams`)."""
    _settings["private_upstreams"] = private_upstreams
    close_idle()


def close_idle() -> None:
    """Close the idle connections."""
    connections.clear()


def check_url(url: str, *, param: str = "base_url") -> None:
    """Raise InvalidInput, in plain words, unless a URL may be saved. Names are looked up at each call."""
    try:
        target = parse_url(url)
        if not is_allowed_private(target, _settings["private_upstreams"]):
            check_public(target)
            _check_literal(target)
    except ValueError as error:
        raise InvalidInput(f"This URL cannot be used: {error}.", param=param) from None


class Answer:
    """Status, headers (lower case) and body of an answer. Close it, or finish it when it is whole."""

    def __init__(self, status: int, headers: Mapping[str, str], raw: Any, until: float) -> None:
        self.status = status
        self.headers = headers
        self.until = until  # the last moment of the whole exchange, on the monotonic clock
        self._raw = raw

    def read_some(self, until: float) -> bytes:
        """Return the next bytes at once when they come, b"" at the end; raises TimeoutError, Interrupted."""
        if isinstance(self._raw, WireResponse):
            self._raw.until = min(until, self.until)
        data: bytes = self._raw.read1(READ_BYTES)
        return data

    def read_all(self, limit: int = MAX_BODY_BYTES, until: float | None = None) -> bytes:
        """Return the whole body; raises TimeoutError, Interrupted (also when it passes `limit` bytes)."""
        parts: list[bytes] = []
        total = 0
        while data := self.read_some(self.until if until is None else until):
            parts.append(data)
            total += len(data)
            if total > limit:
                raise Interrupted("the answer is too large")
        return b"".join(parts)

    def finish(self) -> None:
        """The answer is proven whole: keep the connection."""
        if isinstance(self._raw, WireResponse):
            self._raw.finish()

    def close(self) -> None:
        """Done with it; an answer that is not whole costs its connection."""
        self._raw.close()


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    json: Any = None,
    body: bytes | None = None,
    first_byte_seconds: float = FIRST_BYTE_SECONDS,
    total_seconds: float = TOTAL_SECONDS,
    cancellation: Cancellation | None = None,
    public_only: bool = False,
) -> Answer:
    """Send a request, return the answer once its head is there; raises GatewayError only.

    `public_only`: a stranger named the URL, so the private places that are allowed do not count.
    """
    private = _settings["private_upstreams"]
    try:
        goal = destination(method, url)
    except ValueError as error:
        raise ProviderFailed(f"The provider's URL cannot be used: {error}.") from None
    if public_only and is_allowed_private(goal.target, private):
        raise ProviderFailed("The address is private.")
    complete, content = _content(headers, json, body)
    started = time.monotonic()
    until = started + min(first_byte_seconds, total_seconds)
    exchange = Exchange(goal, private, until, cancellation or Cancellation())
    try:
        response = _transport.send(Request(method, url, complete, content, exchange))
    except Timeout:
        raise ProviderTimedOut from None
    except RequestException:
        raise ProviderFailed("The model provider could not be reached.") from None
    found = response.headers
    if not isinstance(response.raw, WireResponse):
        found = {name.lower(): value for name, value in found.items()}  # type: ignore[assignment]
    answer = Answer(response.status_code, found, response.raw, started + total_seconds)
    if "content-encoding" in found:
        _refuse_compressed(answer)
    return answer


def _content(
    headers: Mapping[str, str], json: Any, body: bytes | None
) -> tuple[dict[str, str], bytes | None]:
    """Return the headers with those that always go along, and the body's bytes."""
    complete = {"accept": "*/*", "user-agent": USER_AGENT, **headers, "accept-encoding": "identity"}
    if json is not None:
        body = encoded(json)
        complete["content-type"] = "application/json"
    if body is not None:
        complete["content-length"] = str(len(body))
    return complete, body


def _refuse_compressed(answer: Answer) -> None:
    if answer.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        answer.close()
        raise ProviderFailed("The model provider sent a compressed answer, which was not asked for.")


def _check_literal(target: Target) -> None:
    """Raise ValueError for an address in any spelling (127.1, 0x7f000001) that is not public."""
    try:
        found = socket.getaddrinfo(target.host, target.port, flags=socket.AI_NUMERICHOST)
    except OSError:
        return
    if not all(is_public(str(place[0])) for _, _, _, _, place in found):
        raise ValueError("the address is not on the public internet")
