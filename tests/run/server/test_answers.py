"""How answers are framed, what the app may put into them, and what becomes of an app that fails."""

from __future__ import annotations

import json

import pytest

from tests.live import Server
from tests.run.server.corpus import FOUR, HOST, get, post, request
from tests.run.server.echoing import wire
from tests.run.server.wire import Ended, Malformed, Reply


def ask(server: Server, path: str, *fields: bytes, method: str = "GET", version: str = "HTTP/1.1") -> Reply:
    with wire(server) as connection:
        start = f"{method} {path} {version}".encode()
        return connection.send(request(start, HOST, *fields)).reply(method)


def test_a_stream_is_chunked_and_its_first_part_comes_with_the_head(ours: Server) -> None:
    with wire(ours) as connection:
        connection.send(get(start=b"GET /stream?0.3 HTTP/1.1"))
        connection.more()
        assert connection.data.endswith(b"\r\n\r\n4\r\none \r\n")
        reply = connection.reply()
        assert (reply.body, reply.headers["transfer-encoding"]) == (b"one two three", "chunked")
        assert connection.is_open()


def test_a_whole_answer_is_one_send(ours: Server) -> None:
    with wire(ours) as connection:
        connection.send(get())
        connection.more()
        connection.reply()
        assert connection.data == b""


def test_a_stream_to_http_1_0_ends_with_the_connection(either: Server) -> None:
    with wire(either) as connection:
        connection.send(get(start=b"GET /stream HTTP/1.0"))
        reply = connection.reply()
    assert (reply.body, "transfer-encoding" in reply.headers) == (b"one two three", False)


@pytest.mark.parametrize("code", ["204", "304"])
def test_an_answer_without_a_body_leaves_the_connection_in_step(either: Server, code: str) -> None:
    with wire(either) as connection:
        reply = connection.send(get(start=f"GET /status?{code} HTTP/1.1".encode())).reply()
        assert reply.status == int(code)
        assert not {"content-length", "transfer-encoding"} & reply.headers.keys()
        assert connection.is_open()


@pytest.mark.parametrize("path", ["/", "/stream", "/status?200"])
def test_head_has_the_head_alone(either: Server, path: str) -> None:
    with wire(either) as connection:
        connection.send(get(start=f"HEAD {path} HTTP/1.1".encode()))
        assert connection.reply("HEAD").status == 200
        assert connection.is_open()


def test_an_answer_longer_than_it_says_is_cut(either: Server) -> None:
    with wire(either) as connection:
        assert connection.send(get(start=b"GET /long HTTP/1.1")).reply().body == b"long"
        assert connection.is_open()


def test_an_answer_shorter_than_it_says_ends_the_connection(ours: Server) -> None:
    with wire(ours) as connection, pytest.raises(Malformed):
        connection.send(get(start=b"GET /short HTTP/1.1")).reply()


def test_an_app_that_fails_is_answered_500_without_its_words(either: Server) -> None:
    reply = ask(either, "/crash")
    assert (reply.status, reply.headers["connection"]) == (500, "close")
    assert b"secret" not in reply.body


def test_an_app_that_fails_while_streaming_cuts_the_stream(either: Server) -> None:
    with wire(either) as connection, pytest.raises((Malformed, Ended)):
        connection.send(get(start=b"GET /break-off HTTP/1.1")).reply()


INJECTIONS = (
    "X=a\\r\\nY:b", "X=a\\nb", "X=a\\rb", "X=a\\0b", "X\\r\\nY=b", "X\\x20y=b", "=b", "X:=b", "X=\\u0100",
)  # fmt: skip


@pytest.mark.parametrize("header", INJECTIONS)
def test_nothing_can_be_injected_into_an_answer(ours: Server, header: str) -> None:
    assert ask(ours, f"/injected?{header}").status == 500


def test_what_is_the_connections_is_not_the_apps(ours: Server) -> None:
    for name in ("Connection", "Transfer-Encoding", "Date", "Server", "Keep-Alive", "Upgrade"):
        reply = ask(ours, f"/injected?{name}=evil")
        assert (reply.status, reply.body) == (200, b"ok")
        assert "evil" not in reply.headers.values()
    assert ask(ours, "/injected?Content-Length=2").body == b"ok"
    assert ask(ours, "/injected?Content-Length=3").status == 500
    assert ask(ours, "/injected?Content-Length=x").status == 500


def test_every_answer_says_when_and_by_what(either: Server) -> None:
    for path in ("/", "/stream", "/status?204"):
        headers = ask(either, path).headers
        assert headers["server"] == "Sluice" and headers["date"].endswith(" GMT")


def test_http_1_0_is_told_that_the_connection_stays(either: Server) -> None:
    kept = ask(either, "/", b"Connection: keep-alive", version="HTTP/1.0")
    assert kept.headers["connection"] == "keep-alive"
    assert ask(either, "/", version="HTTP/1.0").headers["connection"] == "close"


def test_a_body_is_whole_where_it_came_with_the_head(ours: Server) -> None:
    start = b"POST /whole HTTP/1.1"
    with wire(ours) as connection:
        assert json.loads(connection.send(request(start, HOST, FOUR, body=b"abcd")).reply().body) == [4, 4]
        assert json.loads(connection.send(request(start, HOST)).reply().body) == [0, 0]
        chunked = request(start, HOST, b"Transfer-Encoding: chunked", body=b"4\r\nabcd\r\n0\r\n\r\n")
        assert json.loads(connection.send(chunked).reply().body) == [4, 4]
        connection.send(request(start, HOST, FOUR, body=b"ab"))
        assert not connection.data
        slow = connection.send(b"cd").reply()
        assert json.loads(slow.body)[1] == 4


def test_lines_of_a_body_are_read_as_lines(either: Server) -> None:
    with wire(either) as connection:
        connection.send(request(b"POST /lines HTTP/1.1", HOST, b"Content-Length: 7", body=b"a\nb"), b"\ncd")
        connection.send(b"e")
        assert json.loads(connection.reply().body) == ["a\n", "b\n", "cde"]


def test_a_body_that_nobody_reads_never_becomes_a_request(either: Server) -> None:
    inner = get(start=b"GET /smuggled HTTP/1.1")
    body = inner + b"x" * 300_000
    start = request(b"POST /unread HTTP/1.1", HOST, b"Content-Length: %d" % len(body))
    with wire(either) as connection:
        replies = connection.send(start, body, post(FOUR, b"Connection: close")).replies()
    assert replies[0].body == b"unread"
    assert not [reply for reply in replies if b"smuggled" in reply.body]
