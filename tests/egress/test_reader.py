"""The bytes of an answer: the same however they are cut, bounded in every direction, strict besides."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.egress import reader as module
from app.egress.reader import Reader
from app.egress.wire import Malformed

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

VALID = [
    (OK + b"Content-Length: 5\r\n\r\nhello", b"hello"),
    (OK + b"Content-Length: 0\r\n\r\n", b""),
    (OK + b"content-length:  5 \r\nX-A: 1\r\nx-a: 2\r\n\r\nhello", b"hello"),
    (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    (CHUNKED + b"5;a=b;c=\"d\"\r\nhello\r\n"
     b"00B\r\n, my world\n\r\n0\r\nx-trailer: 1\r\n\r\n", b"hello, my world\n"),
    (b"HTTP/1.1 204 None\r\n\r\n", b""),
    (b"HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", b""),
    (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n"
     + OK + b"Content-Length: 2\r\n\r\nok", b"ok"),
    (OK + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    (OK + b"x-utf8: \xc3\xa9\r\nContent-Length: 2\r\n\r\nok", b"ok"),
]  # fmt: skip


def read(pieces: list[bytes], method: str = "POST") -> tuple[Reader, bytes]:
    """Feed an answer piece by piece."""
    reader = Reader(method)
    body = b"".join([reader.feed(piece) for piece in pieces if piece])
    return reader, body


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [*sorted(places), len(data)]
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(("raw", "body"), VALID)
def test_an_answer_is_the_same_however_it_is_cut(raw: bytes, body: bytes) -> None:
    whole, found = read([raw])
    assert (found, whole.done, whole.extra) == (body, True, False)
    chance = random.Random(len(raw))
    ways = [[bytes([byte]) for byte in raw], *([raw[:at], raw[at:]] for at in range(1, len(raw)))]
    ways += [cut(raw, chance.choices(range(len(raw)), k=5)) for _ in range(20)]
    for way in ways:
        reader, body_of_it = read(way)
        assert body_of_it == body
        assert reader.done and not reader.extra
        assert (reader.status, reader.headers, reader.keep_alive) == (
            whole.status, whole.headers, whole.keep_alive,
        )  # fmt: skip


@pytest.mark.parametrize(("raw", "body"), VALID)
def test_an_answer_that_ends_early_is_never_whole(raw: bytes, body: bytes) -> None:
    for at in range(len(raw)):
        reader, found = read([raw[:at]])
        assert body.startswith(found)
        assert not reader.done
        with pytest.raises(Malformed):
            reader.end()


@pytest.mark.parametrize(("raw", "body"), VALID)
@pytest.mark.parametrize("rest", [OK + b"Content-Length: 4\r\n\r\nevil", b"H", b"x", b"\0"])
def test_what_comes_after_an_answer_is_noticed_and_no_part_of_it(
    raw: bytes, body: bytes, rest: bytes
) -> None:
    for pieces in ([raw + rest], [raw, rest], [raw[:-1], raw[-1:] + rest]):
        reader, found = read(pieces)
        assert (found, reader.status) == (body, read([raw])[0].status)
        assert reader.done and reader.extra


def test_a_head_alone_answers_head() -> None:
    for headers in (b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b""):
        reader, body = read([OK + headers + b"\r\n"], "HEAD")
        assert (body, reader.done, reader.extra) == (b"", True, False)
    reader, body = read([OK + b"Content-Length: 5\r\n\r\nhello"], "HEAD")
    assert (body, reader.done, reader.extra) == (b"", True, True)


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_a_body_without_a_length_ends_with_the_connection(version: bytes) -> None:
    reader, body = read([b"HTTP/" + version + b" 200 OK\r\n\r\nhel", b"lo"])
    assert (body, reader.done, reader.keep_alive) == (b"hello", False, False)
    reader.end()
    assert reader.done


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nconnection: Keep-Alive, CLOSE\r\n", False),
        (b"HTTP/1.1 200 OK\r\n", True), (b"HTTP/1.0 200 OK\r\n", False),
    ],
)  # fmt: skip
def test_the_peer_says_whether_the_connection_stays(head: bytes, kept: bool) -> None:
    assert read([head + b"Content-Length: 1\r\n\r\nx"])[0].keep_alive is kept


EVIL = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/0.9": b"<html>hello</html>",
    "version 0.9": b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "version 2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "version 1.2": b"HTTP/1.2 200 OK\r\n\r\n",
    "a status of words": b"HTTP/1.1 abc\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
    "a request": b"GET / HTTP/1.1\r\n\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "one length twice": OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "a list of lengths": OK + b"Content-Length: 1, 1\r\n\r\nx",
    "a negative length": OK + b"Content-Length: -1\r\n\r\n",
    "a signed length": OK + b"Content-Length: +1\r\n\r\nx",
    "a length in hex": OK + b"Content-Length: 0x1\r\n\r\nx",
    "no length": OK + b"Content-Length:\r\n\r\n",
    "a length beyond 64 bits": OK + b"Content-Length: 99999999999999999999\r\n\r\n",
    "length and chunks": OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
    "length zero and chunks": OK + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked, identity": OK + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "identity": OK + b"Transfer-Encoding: identity\r\n\r\nx",
    "chunked twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "xchunked": OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a folded line": OK + b"a: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a folded first line": OK + b" a: b\r\nContent-Length: 0\r\n\r\n",
    "a bare LF in a header": OK + b"a: b\nc: d\r\nContent-Length: 0\r\n\r\n",
    "a bare CR in a header": OK + b"a: b\rc: d\r\nContent-Length: 0\r\n\r\n",
    "LF for every line": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "LF after the first line": b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "a NUL in a header": OK + b"a: b\0c\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon": OK + b"Content-Length : 0\r\n\r\n",
    "a space in a name": OK + b"a b: c\r\nContent-Length: 0\r\n\r\n",
    "no name": OK + b": c\r\nContent-Length: 0\r\n\r\n",
    "no colon": OK + b"abc\r\nContent-Length: 0\r\n\r\n",
    "switching": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "switching, without a word": b"HTTP/1.1 101 Switching\r\n\r\n",
    "an interim answer with a body": b"HTTP/1.1 150 X\r\nContent-Length: 3\r\n\r\nabc",
    "an interim answer in chunks": b"HTTP/1.1 103 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "endless interim answers": b"HTTP/1.1 103 X\r\n\r\n" * (module.MOST_INTERIM + 1),
    "a chunk of no size": CHUNKED + b"\r\nx\r\n",
    "a chunk of a negative size": CHUNKED + b"-1\r\nx\r\n",
    "a chunk size with 0x": CHUNKED + b"0x1\r\nx\r\n",
    "a chunk size beyond 64 bits": CHUNKED + b"fffffffffffffffff\r\n",
    "a space before a chunk size": CHUNKED + b" 1\r\nx\r\n",
    "a chunk longer than announced": CHUNKED + b"1\r\nxy\r\n0\r\n\r\n",
    "a chunk shorter than announced": CHUNKED + b"3\r\nx\r\n0\r\n\r\n\r\n",
    "a chunk head that ends in LF": CHUNKED + b"1\nx\r\n0\r\n\r\n",
    "a chunk that ends in LF": CHUNKED + b"1\r\nx\n0\r\n\r\n",
    "a malformed trailer": CHUNKED + b"0\r\nabc\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", EVIL)
def test_what_is_not_strictly_http_is_refused(name: str) -> None:
    for pieces in ([EVIL[name]], [bytes([byte]) for byte in EVIL[name]]):
        with pytest.raises(Malformed):
            read(pieces)[0].end()


ENDLESS = {
    "a status line": (b"HTTP/1.1 200 ", b"x"),
    "a header's name": (OK, b"x"),
    "a header's value": (OK + b"x: ", b"y"),
    "empty lines before it": (b"", b"\r\n"),
    "headers": (OK, b"a: b\r\n"),
    "interim answers": (b"", b"HTTP/1.1 103 X\r\n\r\n"),
    "one chunk's extension": (CHUNKED + b"1;", b"x"),
    "a chunk's zeros": (CHUNKED, b"0"),
    "each chunk's extension": (CHUNKED, b"1;" + b"x" * 30000 + b"\r\nx\r\n"),
    "a trailer": (CHUNKED + b"0\r\nx: ", b"y"),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n"),
}


@pytest.mark.parametrize("size", [7, 64 << 10])
@pytest.mark.parametrize("name", ENDLESS)
def test_nothing_is_endless(name: str, size: int) -> None:
    start, more = ENDLESS[name]
    block = (more * (size // len(more) + 1))[: max(size, len(more))]
    reader = Reader("POST")
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            reader.feed(start)
            for _ in range(300_000 // len(block) + 1):
                reader.feed(block)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


def test_long_heads_and_many_headers_are_read_up_to_a_bound() -> None:
    fine = b"".join(b"x-%d: %s\r\n" % (number, b"y" * 200) for number in range(module.MOST_HEADERS - 1))
    reader, body = read([OK + fine + b"Content-Length: 2\r\n\r\nok"])
    assert (body, len(reader.headers)) == (b"ok", module.MOST_HEADERS)
    for head in (
        fine + b"one: more\r\n", b"x: " + b"y" * module.MAX_LINE_BYTES + b"\r\n",
        b"".join(b"x-%d: %s\r\n" % (number, b"y" * 10_000) for number in range(7)),
    ):  # fmt: skip
        with pytest.raises(Malformed):
            read([OK + head + b"Content-Length: 2\r\n\r\nok"])


def test_many_small_chunks_in_one_read_are_fine() -> None:
    chunk = b"1;why=not\r\nx\r\n"
    reader, body = read([CHUNKED, chunk * 4000, chunk * 4000 + b"0\r\n\r\n"])
    assert (body, reader.done) == (b"x" * 8000, True)


@given(st.sampled_from(VALID), st.data())
def test_a_flipped_byte_never_crashes_it(case: tuple[bytes, bytes], data: st.DataObject) -> None:
    raw = bytearray(case[0])
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    pieces = cut(bytes(raw), data.draw(st.lists(st.integers(0, len(raw)), max_size=4)))
    try:
        read(pieces)[0].end()
    except Malformed:
        pass


@given(st.lists(st.sampled_from([
    b"HTTP/1.1 200 OK", b"\r\n", b"\n", b"\r", b"Content-Length: 3", b"Transfer-Encoding: chunked", b"3",
    b"0", b"abc", b";x", b" ", b"a: b", b"HTTP/1.1 103 X", b"\0", b"Connection: close", b"\xff",
]), max_size=20))  # fmt: skip
def test_scraps_never_crash_it_and_are_the_same_in_pieces(scraps: list[bytes]) -> None:
    results = []
    for pieces in ([b"".join(scraps)], scraps, [bytes([byte]) for byte in b"".join(scraps)]):
        reader = Reader("POST")
        try:
            body = b"".join([reader.feed(piece) for piece in pieces if piece])
        except Malformed:
            results.append((False, False, b""))
        else:
            results.append((reader.has_head, reader.done, body))
    assert results[0] == results[1] == results[2]
