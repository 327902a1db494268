"""Reaching a provider: look-up, the check of every address, and a connection to one that was checked."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator

from gevent import Timeout
from gevent.monkey import is_module_patched

from app.domain.addresses import Target, is_allowed_private, is_public
from app.domain.provider_errors import ProviderFailed, ProviderTimedOut
from app.egress.connection import Connection
from app.egress.tls import SecureConnection

CONNECT_SECONDS = 5.0  # look-up, connect and handshake together

Watch = Callable[[Connection], None]


def connect(target: Target, private_upstreams: frozenset[tuple[str, int]], watch: Watch) -> Connection:
    """Open a connection; `watch` sees it before anything is sent. Raises ProviderFailed, ProviderTimedOut."""
    until = time.monotonic() + CONNECT_SECONDS
    try:
        with _limit(CONNECT_SECONDS):
            addresses = resolve(target, private_upstreams)
        return _connect_any(target, addresses, until, watch)
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


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Bound the look-up, where greenlets make that possible."""
    if not is_module_patched("socket"):
        yield
        return
    with Timeout(seconds, TimeoutError):
        yield
