"""Many clients in one thread: keep-alive connections that send at one moment and wait for all answers."""

from __future__ import annotations

import json
import selectors
import socket
import time
from dataclasses import dataclass, field
from typing import Any

ANSWER_SECONDS = 30.0


@dataclass
class Answer:
    """What one client got. Status 0: the connection broke before the answer was whole."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


def post(path: str, body: dict[str, Any], headers: dict[str, str]) -> bytes:
    """Return a request as it goes over the wire."""
    content = json.dumps(body).encode()
    named = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(content)), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    return "\r\n".join(lines).encode() + content


class Crowd:
    """So many clients of one port; those whose connection broke connect again for the next request."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._idle: list[socket.socket] = []

    def send(self, requests: list[bytes]) -> list[Answer]:
        """Send every request on a connection of its own, all at once; return the answers in that order."""
        sockets = [self._take() for _ in requests]
        for client, request in zip(sockets, requests, strict=True):
            try:
                client.sendall(request)
            except OSError:
                client.close()
        received = self._receive(sockets)
        answers = [read_answer(data) for data in received]
        for client, answer in zip(sockets, answers, strict=True):
            if answer.status and answer.headers.get("connection") != "close":
                self._idle.append(client)
            else:
                client.close()
        return answers

    def close(self) -> None:
        """Hang up."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> socket.socket:
        if self._idle:
            return self._idle.pop()
        return socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_SECONDS)

    def _receive(self, sockets: list[socket.socket]) -> list[bytes]:
        received = [b"" for _ in sockets]
        until = time.monotonic() + ANSWER_SECONDS
        with selectors.DefaultSelector() as selector:
            for number, client in enumerate(sockets):
                if client.fileno() >= 0:
                    selector.register(client, selectors.EVENT_READ, number)
            while selector.get_map():
                ready = selector.select(max(0.0, until - time.monotonic()))
                assert ready, "the server did not answer in time"
                for key, _ in ready:
                    data = read_some(key.fileobj)
                    received[key.data] += data
                    if not data or is_whole(received[key.data]):
                        selector.unregister(key.fileobj)
        return received


def read_some(client: Any) -> bytes:
    """Return the next bytes; none when the connection is over."""
    try:
        data: bytes = client.recv(65_536)
    except OSError:
        return b""
    return data


def is_whole(data: bytes) -> bool:
    """Say whether an answer with a Content-Length has come to its end."""
    head, found, body = data.partition(b"\r\n\r\n")
    return bool(found) and len(body) >= int(headers_of(head).get("content-length", "0"))


def read_answer(data: bytes) -> Answer:
    """Return the answer, or an empty one when it is not whole."""
    if not is_whole(data):
        return Answer()
    head, _, body = data.partition(b"\r\n\r\n")
    return Answer(int(head.split(b" ", 2)[1]), headers_of(head), body)


def headers_of(head: bytes) -> dict[str, str]:
    """Return the headers by their names in lower case."""
    lines = [line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:]]
    return {name.lower(): value.strip() for name, _, value in lines}
