"""A connection to Redis: where it is, how it begins, and one exchange after another on it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, cast

from hiredis import Reader, ReplyError, pack_command
from redis.connection import parse_url

MOST_BYTES = 65_536  # of one read
pack = cast("Callable[[tuple[str, ...]], bytes]", pack_command)
VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class Address:
    """Where a Redis is and what it must be told first: who we are, which of its databases is ours.

    Takes the URLs that redis-py takes: redis://, rediss:// and unix://, with user, password and number, and
    certificates as ssl_* options. `seconds`: for how long a connection, and each answer, is waited for.
    """

    def __init__(self, url: str, seconds: float) -> None:
        told: dict[str, Any] = dict(parse_url(url))
        self.path = str(told.get("path", ""))
        self.host, self.port = str(told.get("host", "localhost")), int(told.get("port", 6379))
        self.seconds = float(told.get("socket_timeout", seconds))
        self.connect_seconds = float(told.get("socket_connect_timeout", seconds))
        self.is_encrypted = url.startswith("rediss:")
        self._greetings = [words for words in (authentication(told), selection(told)) if words]
        self._options = {name: value for name, value in told.items() if name.startswith("ssl_")}

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Return what a server must prove; read from the disk once, not for each connection."""
        options = self._options
        context = ssl.create_default_context(
            cafile=options.get("ssl_ca_certs"),
            capath=options.get("ssl_ca_path"),
            cadata=options.get("ssl_ca_data"),
        )
        required = VERIFY[options.get("ssl_cert_reqs", "required")]
        context.check_hostname = required != ssl.CERT_NONE and options.get("ssl_check_hostname", True)
        context.verify_mode = required
        certificate = options.get("ssl_certfile")
        if certificate:
            context.load_cert_chain(certificate, options.get("ssl_keyfile"), options.get("ssl_password"))
        if options.get("ssl_ciphers"):
            context.set_ciphers(options["ssl_ciphers"])
        return context

    def connect(self) -> socket.socket:
        """Return a connection that may be used; raise OSError or ReplyError where it may not."""
        connection = self._opened()
        try:
            if self.is_encrypted:
                connection = self._context.wrap_socket(connection, server_hostname=self.host)
            connection.settimeout(self.seconds)
            if self._greetings:
                connection.sendall(b"".join(map(pack, self._greetings)))
                raise_errors(read(connection, reader(), len(self._greetings)))
        except BaseException:
            connection.close()
            raise
        return connection

    def _opened(self) -> socket.socket:
        if not self.path:
            connection = socket.create_connection((self.host, self.port), self.connect_seconds)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return connection
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self.connect_seconds)
        try:
            connection.connect(self.path)
        except BaseException:
            connection.close()
            raise
        return connection


class Wire:
    """One connection that one caller uses at a time."""

    def __init__(self, address: Address, thread: int) -> None:
        self.thread = thread
        self._socket = address.connect()
        self._reader = reader()

    def exchange(self, packed: bytes, wanted: int) -> list[Any]:
        """Send packed commands and return so many replies; raise OSError or HiredisError."""
        self._socket.sendall(packed)
        return read(self._socket, self._reader, wanted)

    def send(self, packed: bytes) -> None:
        """Send packed commands; their replies are still to be read."""
        self._socket.sendall(packed)

    def read(self, wanted: int) -> list[Any]:
        """Return the replies to what was sent."""
        return read(self._socket, self._reader, wanted)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


def authentication(told: dict[str, Any]) -> tuple[str, ...]:
    """Return the words that say who we are; none where nobody asks."""
    user, password = told.get("username"), told.get("password")
    if not (user or password):
        return ()
    return ("AUTH", user, password or "") if user else ("AUTH", str(password))


def selection(told: dict[str, Any]) -> tuple[str, ...]:
    """Return the words that choose a database; none for the first."""
    number = told.get("db") or 0
    return ("SELECT", str(number)) if number else ()


def reader() -> Reader:
    """Return what parses replies; texts are UTF-8."""
    return Reader(encoding="utf-8", errors="replace")


def read(connection: socket.socket, replies: Reader, wanted: int) -> list[Any]:
    """Return so many replies; raise OSError once the server says nothing for too long or has gone."""
    found: list[Any] = []
    while len(found) < wanted:
        reply = replies.gets()
        if reply is not False:  # RESP2 has no such value: the reply is not whole yet
            found.append(reply)
            continue
        data = connection.recv(MOST_BYTES)
        if not data:
            raise ConnectionResetError("Redis closed the connection.")
        replies.feed(data)
    return found


def raise_errors(replies: Iterable[Any]) -> None:
    """Raise the first reply that is an error."""
    for reply in replies:
        if isinstance(reply, ReplyError):
            raise reply
