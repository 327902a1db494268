"""Reaching a provider: look-up, the check of every address, and a connection to one that was checked."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from gevent import Timeout, get_hub, getcurrent
from gevent.monkey import is_module_patched

from app.domain.addresses import Target, is_allowed_private, is_public
from app.domain.provider_errors import ProviderFailed, ProviderTimedOut
from app.egress.connection import Connection
from app.egress.tls import SecureConnection

CONNECT_SECONDS = 5.0  # look-up, connect and handshake together

Watch = Callable[["Connection | Lookup"], None]


def connect(target: Target, private_upstreams: frozenset[tuple[str, int]], watch: Watch) -> Connection:
    """Open a connection; `watch` sees each step before it starts. Raises ProviderFailed, ProviderTimedOut."""
    until = time.monotonic() + CONNECT_SECONDS
    try:
        lookup = Lookup(target, private_upstreams)
        watch(lookup)
        return _connect_any(target, lookup.addresses(CONNECT_SECONDS), until, watch)
    except TimeoutError:
        raise ProviderTimedOut("The model provider could not be reached in time.") from None
    except ssl.SSLCertVerificationError:
        raise ProviderFailed("The model provider's certificate is not valid.") from None
    except OSError:
        raise ProviderFailed("The model provider could not be reached.") from None


def resolve(target: Target, private_upstreams: frozenset[tuple[str, int]]) -> list[tuple[int, str]]:
    """Return (family, address) pairs, every one of them checked; raises ProviderFailed, OSError."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise ProviderFailed("The model provider's host name is unknown.") from None
    addresses = [(int(family), str(place[0])) for family, _, _, _, place in found]
    if is_allowed_private(target, private_upstreams):
        return addresses
    if target.scheme != "https" or not addresses or not all(is_public(address) for _, address in addresses):
        raise ProviderFailed("The model provider's address is private, and the operator has not allowed it.")
    return addresses


def _connect_any(target: Target, addresses: list[tuple[int, str]], until: float, watch: Watch) -> Connection:
    """Try each address in turn; an early one may not eat the time of the later ones."""
    last = OSError("no address")
    for rank, (family, address) in enumerate(addresses):
        now = time.monotonic()
        try:
            return _connect_one(target, family, address, now + (until - now) / (len(addresses) - rank), watch)
        except ssl.SSLCertVerificationError:
            raise
        except OSError as error:
            last = error
    raise last


def _connect_one(target: Target, family: int, address: str, until: float, watch: Watch) -> Connection:
    kind = SecureConnection if target.scheme == "https" else Connection
    connection = kind(target, family)
    try:
        watch(connection)
        connection.open(address, until)
    except BaseException:
        connection.close()
        raise
    return connection


class Lookup:
    """A look-up of a name. Where there are greenlets it has a deadline and can be ended from elsewhere."""

    def __init__(self, target: Target, private_upstreams: frozenset[tuple[str, int]]) -> None:
        self._target = target
        self._private_upstreams = private_upstreams
        self._on_greenlets = is_module_patched("socket")
        self._hub: Any = None
        self._waiting: Any = None

    def addresses(self, seconds: float) -> list[tuple[int, str]]:
        """Return the checked addresses; raises TimeoutError, ProviderFailed, OSError."""
        if not self._on_greenlets:
            return resolve(self._target, self._private_upstreams)
        self._hub, self._waiting = get_hub(), getcurrent()
        try:
            with Timeout(seconds, TimeoutError):
                return resolve(self._target, self._private_upstreams)
        finally:
            self._waiting = None

    def abort(self) -> None:
        """End it now, from whichever greenlet or thread."""
        if self._waiting is not None:
            self._hub.loop.run_callback_threadsafe(self._end)

    def close(self) -> None:
        """There is nothing to close."""

    def _end(self) -> None:
        if self._waiting is not None:
            self._waiting.throw(TimeoutError)
