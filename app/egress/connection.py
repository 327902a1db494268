"""One connection to a checked address: look-up, connect, TLS, bytes with deadlines, and a way to end it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator

from gevent import Timeout
from gevent.monkey import get_original, is_module_patched
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from app.domain.addresses import Target, is_allowed_private, is_public
from app.domain.provider_errors import ProviderFailed, ProviderTimedOut
from app.egress.wire import Framing

CONNECT_SECONDS = 5.0
READ_BYTES = 16 << 10

_poll: Callable[[], object] = get_original("select", "poll")
_tls: list[ssl.SSLContext] = []


def tls_context() -> ssl.SSLContext:
    """Return the one context that every connection shares; building it takes 20 ms."""
    if not _tls:
        context = ssl.create_default_context()
        context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        _tls.append(context)
    return _tls[0]


class Connection:
    """A connected socket. Each wait has a deadline on the monotonic clock; late bytes are not lost."""

    __slots__ = ("_sock", "framing", "idle_since", "target")

    def __init__(self, target: Target, sock: socket.socket) -> None:
        self.target = target
        self.framing: Framing | None = None
        self.idle_since = 0.0
        self._sock = sock

    def send(self, data: bytes, until: float) -> None:
        """Send everything; raises TimeoutError or OSError."""
        self._wait(until)
        try:
            self._sock.sendall(data)
        except (ssl.SSLError, ValueError) as error:
            raise _plain(error) from error

    def receive(self, until: float, size: int = READ_BYTES) -> bytes:
        """Return what is there, at least one byte, b"" at the end; raises TimeoutError or OSError."""
        self._wait(until)
        try:
            return self._sock.recv(size)
        except (ssl.SSLError, ValueError) as error:
            raise _plain(error) from error

    def start_tls(self, until: float) -> None:
        """Shake hands and check the certificate against the host's name."""
        self._wait(until)
        self._sock = tls_context().wrap_socket(self._sock, server_hostname=self.target.host.rstrip("."))

    def abort(self) -> None:
        """End it now, from whichever greenlet or thread: a blocked read wakes up."""
        with contextlib.suppress(OSError, ValueError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)  # past TLS, which would wait for the peer

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._sock.close()

    def is_reusable(self) -> bool:
        """Tell whether an idle connection is still good: nothing to read but the end of the last body."""
        if self.framing is None or self.framing.extra:
            return False
        if not self.framing.done:
            self._finish_body(self.framing)
        return self.framing.done and not self.framing.extra and not self._is_readable()

    def _wait(self, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)

    def _finish_body(self, framing: Framing) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._sock.settimeout(0.0)
            framing.feed(self._sock.recv(READ_BYTES))

    def _is_readable(self) -> bool:
        poll = _poll()
        poll.register(self._sock.fileno(), 1)  # type: ignore[attr-defined]
        return bool(poll.poll(0))  # type: ignore[attr-defined]


def connect(
    target: Target, private_upstreams: frozenset[tuple[str, int]], watch: Callable[[Connection], None]
) -> Connection:
    """Open a connection; `watch` sees it before the handshake. Raises ProviderFailed, ProviderTimedOut."""
    until = time.monotonic() + CONNECT_SECONDS
    try:
        with _limit(CONNECT_SECONDS):
            addresses = resolve(target, private_upstreams)
            connection = Connection(target, _connect_any(target, addresses, until))
            watch(connection)
            if target.scheme == "https":
                connection.start_tls(until)
            return connection
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


def _connect_any(target: Target, addresses: list[tuple[int, str]], until: float) -> socket.socket:
    """Try each address in turn; an early one may not eat the time of the later ones."""
    last = OSError("no address")
    for rank, (family, address) in enumerate(addresses):
        seconds = (until - time.monotonic()) / (len(addresses) - rank)
        try:
            return _connect_one(family, (address, target.port), seconds)
        except OSError as error:
            last = error
    raise last


def _connect_one(family: int, place: tuple[str, int], seconds: float) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.settimeout(max(seconds, 0.01))
        sock.connect(place)
    except BaseException:
        sock.close()
        raise
    return sock


def _plain(error: Exception) -> OSError:
    """Return the error without TLS in it; a ValueError means that the call was ended from elsewhere."""
    return TimeoutError() if "timed out" in str(error) else OSError("the connection ended")


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Bound the look-up and the handshake as a whole, where greenlets make that possible."""
    if not is_module_patched("socket"):
        yield
        return
    with Timeout(seconds, TimeoutError):
        yield
