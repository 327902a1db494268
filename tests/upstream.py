"""A local upstream that can misbehave: what it answers is scripted per model name. Standard library only.

with Upstream() as upstream:
    upstream.script("gpt-x", openai_stream("Hello ", "world"))
    ... call upstream.v1 ...
    assert upstream.requests[-1].json["stream"] is True
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from tests.upstream_replies import (
    Hang,
    Reply,
    Reset,
    Step,
    anthropic_message,
    anthropic_stream,
    models,
    openai_completion,
    openai_stream,
)


@dataclass
class Request:
    """What came in, and when its connection was last seen closed by the client."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at: float
    closed_at: float | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Upstream:
    """The server: one thread per connection, HTTP/1.1 with keep-alive, OpenAI and Anthropic defaults."""

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.replies: dict[str, list[Reply]] = {}
        self.close_idle = threading.Event()
        self._tls = tls
        self._host = host
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server((host, 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    @property
    def v1(self) -> str:
        return f"{self.url}/v1"

    @property
    def place(self) -> tuple[str, int]:
        """Host and port, as SLUICE_PRIVATE_UPSTREAMS lists them."""
        return self._host, self.port

    def script(self, model: str, *replies: Reply) -> None:
        """Answer calls for a model with these replies in turn; the last one repeats."""
        self.replies[model] = list(replies)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_connections()

    def drop_connections(self) -> None:
        """Close every connection, as a server does with idle ones."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def wait_closed(self, seconds: float = 5.0) -> float:
        """Return when the client closed the last request's connection; raises after `seconds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.requests and self.requests[-1].closed_at is not None:
                return self.requests[-1].closed_at
            time.sleep(0.005)
        raise AssertionError("the client did not close its connection")

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._open.add(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection, connection.makefile("rb") as stream:
                while self._one(connection, stream, number):
                    pass
        except (OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _one(self, connection: socket.socket, stream: Any, number: int) -> bool:
        request = read_request(stream, number)
        if request is None:
            return False
        self.requests.append(request)
        reply = self._reply(request)
        try:
            return play(connection, reply) and reply.keep_alive
        except _Left:
            request.closed_at = time.monotonic()
            return False

    def _reply(self, request: Request) -> Reply:
        if request.method == "GET":
            return self._next("GET " + request.path) or models()
        body = request.json if request.body else {}
        scripted = self._next(str(body.get("model")))
        if scripted is not None:
            return scripted
        if request.path.endswith("/messages"):
            return (
                anthropic_stream("Hello", " there")
                if body.get("stream")
                else anthropic_message("Hello there")
            )
        return openai_stream("Hello", " there") if body.get("stream") else openai_completion("Hello there")

    def _next(self, name: str) -> Reply | None:
        replies = self.replies.get(name)
        if not replies:
            return None
        return replies.pop(0) if len(replies) > 1 else replies[0]


class _Left(Exception):
    """The client closed its side."""


def read_request(stream: Any, number: int) -> Request | None:
    first = stream.readline().decode("latin-1").split()
    if len(first) < 2:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Request(first[0], first[1], headers, body, number, time.monotonic())


def play(connection: socket.socket, reply: Reply) -> bool:
    """Send the reply; True when the connection may serve another request."""
    send(connection, head(reply))
    whole = True
    while True:
        for step in reply.steps:
            whole = play_step(connection, reply, step)
            if not whole:
                return False
        if not reply.endless:
            break
    if reply.framing == "chunked":
        send(connection, b"0\r\n\r\n")
    return reply.framing in ("chunked", "length")


def play_step(connection: socket.socket, reply: Reply, step: Step) -> bool:
    if isinstance(step, bytes):
        send(connection, b"%x\r\n%s\r\n" % (len(step), step) if reply.framing == "chunked" else step)
        return True
    if isinstance(step, int | float):
        pause(connection, step)
        return True
    if step is Hang:
        pause(connection, 60)
    if step is Reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close() if step is Reset else socket.socket.shutdown(connection, socket.SHUT_RDWR)
    return False


def head(reply: Reply) -> bytes:
    if reply.framing == "raw":
        return b""
    headers = {"Content-Type": "application/json"} | reply.headers
    if reply.framing == "chunked":
        headers["Transfer-Encoding"] = "chunked"
    elif reply.framing == "length":
        size = sum(len(step) for step in reply.steps if isinstance(step, bytes))
        headers["Content-Length"] = str(size if reply.declared is None else reply.declared)
    if not reply.keep_alive or reply.framing == "close":
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {reply.status} Status", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except OSError:
        raise _Left from None


def pause(connection: socket.socket, seconds: float) -> None:
    """Wait; raises as soon as the client closes."""
    connection.settimeout(seconds)
    try:
        if connection.recv(1) == b"":
            raise _Left
    except TimeoutError:
        pass
    except OSError:
        raise _Left from None
    finally:
        with contextlib.suppress(OSError):
            connection.settimeout(None)


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until a condition holds; raises after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.005)
