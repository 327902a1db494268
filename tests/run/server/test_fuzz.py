"""Requests changed at random, sent in random parts: no crash, no hang, only HTTP, and never out of step."""

from __future__ import annotations

import json
import random
import socket

import pytest

from tests.live import Server
from tests.run.server.corpus import CHUNKED, END, FOUR, HOST, cases, get, post, request
from tests.run.server.echoing import wire
from tests.run.server.reference import requests_in
from tests.run.server.wire import Reply

ROUNDS = 8
STREAMS = 40
SEEDS = (
    get(),
    get(b"X-One: 1", b"Accept: */*", b"Connection: keep-alive"),
    post(FOUR),
    post(b"Content-Length: 38", body=b"GET /inner HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n\r"),
    post(CHUNKED, body=b"4\r\nabcd\r\n5;x=y\r\n\r\n\r\n0\r\n" + END),
    post(CHUNKED, body=b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"),
    post(FOUR, b"Expect: 100-continue"),
    request(b"PUT /p%20q?r HTTP/1.0", HOST, b"Connection: keep-alive", FOUR, body=b"wxyz"),
)
NASTY = (
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"\r\n\r\n", b"0\r\n\r\n", b"\x0b", b"\x7f", b"\xff",
    b"#", b"_", b"-", b"+", b"1" * 20, b" HTTP/1.1", b"Host: b\r\n", b"Connection: close\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 30\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: x\r\n",
    b"GET /new HTTP/1.1\r\nHost: a\r\n\r\n",
)  # fmt: skip


def changed(chance: random.Random, data: bytes) -> bytes:
    """Return the data with a few changes."""
    for _ in range(chance.randint(0, 3)):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.randint(1, 12))
        match chance.randrange(5):
            case 0:
                data = data[:at] + chance.choice(NASTY) + data[at:]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:at] + data[at:end] * 2 + data[end:]
            case 3:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
            case 4:
                data = data[:at] + chance.choice(NASTY) + data[end:]
    return data


def stream(chance: random.Random) -> bytes:
    """Return a few requests one after another, some of them changed."""
    corpus = [case.data for case in cases() if len(case.data) < 300 and b"/unread" not in case.data]
    picked = [chance.choice(corpus if chance.random() < 0.2 else SEEDS) for _ in range(chance.randint(1, 4))]
    return b"".join(changed(chance, data) for data in picked)


def parts(chance: random.Random, data: bytes) -> list[bytes]:
    """Return the data cut at random."""
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((0, 0, 1, 3, 8))))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def answers(server: Server, pieces: list[bytes]) -> list[Reply]:
    """Return what the server says to these pieces, of which none follows."""
    with wire(server) as connection:
        connection.send(*pieces)
        try:
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return [reply for reply in connection.replies() if reply.status >= 200]


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_the_server_stays_in_step_with_a_strict_reader(ours: Server, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(STREAMS):
        data = stream(chance)
        meant = requests_in(data)
        replies = answers(ours, parts(chance, data))
        assert len(replies) <= len(meant) + 1, data
        assert all(reply.status < 500 or reply.status == 501 for reply in replies), data
        taken = [json.loads(reply.body) for reply in replies if reply.status == 200 and reply.body]
        for told, (method, target, body) in zip(taken, meant, strict=False):
            assert told["REQUEST_METHOD"].encode() == method, data
            assert told["RAW_URI"].encode() == target, data
            assert told["body"].encode("latin-1") == body, data
        assert len(taken) <= len(meant), data
    with wire(ours) as connection:
        assert connection.is_open()


def test_noise_is_no_request(ours: Server) -> None:
    chance = random.Random(1)
    for _ in range(50):
        data = chance.randbytes(chance.randint(1, 400))
        assert all(reply.status in (400, 414, 431, 501) for reply in answers(ours, [data])), data
