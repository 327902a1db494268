"""Smuggling, abuse and limits: every request of the corpus has its fate at our server and the stock one."""

from __future__ import annotations

import pytest

from tests.live import Server
from tests.run.server.corpus import (
    CHUNKED,
    CONTENT,
    END,
    FOUR,
    HOST,
    POST,
    Case,
    Fate,
    cases,
    get,
    post,
    request,
)
from tests.run.server.echoing import wire
from tests.run.server.wire import Reply

AFTER = b"GET /after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def fate(server: Server, data: bytes, *splits: int) -> Fate:
    """Return what becomes of these bytes, sent in parts, and of a clean request after them."""
    ends = [0, *splits, len(data)]
    with wire(server) as connection:
        for start, end in zip(ends, ends[1:], strict=False):
            connection.send(data[start:end])
        connection.send(AFTER)
        replies = connection.replies()
    stays_open = bool(replies) and b'"PATH_INFO": "/after"' in replies[-1].body
    return Fate(tuple(reply.status for reply in replies[: -1 if stays_open else None]), stays_open)


def reply_of(server: Server, data: bytes) -> Reply:
    with wire(server) as connection:
        return connection.send(data).reply()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_every_request_has_its_fate_at_our_server(ours: Server, case: Case) -> None:
    assert fate(ours, case.data) == case.ours


@pytest.mark.parametrize("case", [case for case in cases() if case.stock], ids=lambda case: case.name)
def test_every_request_has_its_fate_at_the_stock_server(stock: Server, case: Case) -> None:
    assert fate(stock, case.data) == case.stock


@pytest.mark.parametrize(
    "case", [case for case in cases() if len(case.data) < 500], ids=lambda case: case.name
)
def test_where_packets_end_changes_nothing(ours: Server, case: Case) -> None:
    middle = len(case.data) // 2
    assert fate(ours, case.data, 1, middle, middle + 1, len(case.data) - 1) == case.ours


@pytest.mark.parametrize("size", range(1, 8))
def test_chunks_end_where_they_end_however_they_come(ours: Server, size: int) -> None:
    body = b'2\r\n\r\n\r\n4\r\n\r\n\r\n\r\n1;x="y"\r\na\r\n0\r\nX-T: 1\r\n\r\n'
    data = post(CHUNKED, body=body) + get()
    assert fate(ours, data, *range(size, len(data), size)) == Fate((200, 200), True)
    with wire(ours) as connection:
        assert '"body": "\\r\\n\\r\\n\\r\\na"' in connection.send(data).reply().body.decode()


def test_a_name_with_an_underscore_is_not_taken_for_one_with_a_hyphen(either: Server) -> None:
    seen = reply_of(either, get(b"X-Forwarded-For: 1.1.1.1", b"X_Forwarded_For: 2.2.2.2", b"X_Own: 3")).body
    assert b'"HTTP_X_FORWARDED_FOR": "1.1.1.1"' in seen
    assert b"2.2.2.2" not in seen and b"HTTP_X_OWN" not in seen


def test_two_credentials_are_never_one_of_them(either: Server) -> None:
    seen = reply_of(either, get(b"Authorization: Bearer a", b"authorization: Bearer b")).body
    assert b'"HTTP_AUTHORIZATION": "Bearer a,Bearer b"' in seen


def test_both_servers_show_the_app_the_same(ours: Server, stock: Server) -> None:
    data = request(
        b"POST /a%20b/c?d=%20&e HTTP/1.1", HOST + b":81", FOUR, b"Content-Type: text/x", b"X-Thing:  y z ",
        b"Cookie: a=b", b"cookie: c=d", b"Accept: \xe9", body=b"\xff\x00ab",
    )  # fmt: skip
    told = []
    for server in (ours, stock):
        words = reply_of(server, data).body.replace(str(server.port).encode(), b"PORT")
        told.append(set(words.decode().strip("{}").split(", ")))
    different = {word.partition(":")[0] for word in told[0] ^ told[1]}
    assert different <= {'"SERVER_SOFTWARE"', '"REMOTE_PORT"'}


def test_a_body_is_asked_for_only_where_it_is_read(ours: Server) -> None:
    with wire(ours) as connection:
        connection.send(request(POST, HOST, FOUR, b"Expect: 100-continue"))
        assert connection.reply().status == 100
        assert b'"body": "abcd"' in connection.send(b"abcd").reply().body
    with wire(ours) as connection:
        connection.send(request(b"POST /unread HTTP/1.1", HOST, FOUR, b"Expect: 100-continue"))
        reply = connection.reply()
        assert (reply.status, reply.headers["connection"]) == (200, "close")


def test_a_body_without_an_end_is_the_apps_error(ours: Server) -> None:
    with wire(ours) as connection:
        connection.send(post(b"Content-Length: 9", body=b"abcd"))
        assert connection.reply().status == 408
        assert connection.replies() == []


def test_a_long_trailer_ends_the_request(ours: Server) -> None:
    trailers = b"".join(b"X-%d: %b\r\n" % (number, b"y" * 1_000) for number in range(200))
    assert fate(ours, post(CHUNKED, body=CONTENT + b"0\r\n" + trailers + b"\r\n")).statuses == (400,)


def test_a_large_body_is_read_to_its_end_whatever_it_is_framed_by(either: Server) -> None:
    content = bytes(range(256)) * 2_000
    sized = post(b"Content-Length: %d" % len(content), body=content)
    chunked = post(CHUNKED, body=b"%x\r\n%b\r\n%b" % (len(content), content, END))
    for data in (sized, chunked):
        with wire(either) as connection:
            assert len(connection.send(data).reply().body) > len(content)
            assert connection.is_open()
