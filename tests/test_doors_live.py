"""The doors over both servers: slow, large and odd requests, and what comes behind a stream."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.models import RecordRow
from tests.databases import Databases
from tests.money import rows
from tests.run.server.wire import Wire
from tests.stage import Shop, Stage, setting
from tests.upstream import wait_for
from tests.upstream_replies import SSE, Hang, Reply, Step, data, openai_chunk, openai_events, openai_stream

MOST_BYTES = 10 * 1024 * 1024
HI = {"model": "paid", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture(scope="module", params=["sluice", "gunicorn"])
def stage(
    databases: Databases,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Stage]:
    directory: Path = tmp_path_factory.mktemp("doors")
    variables = {"SLUICE_SERVER": request.param}
    options = {"config": "tests/hurried.conf.py", "variables": variables, "graceful": 7}
    with setting(databases, directory, redis_url, **options) as stage:
        yield stage


@pytest.fixture(scope="module")
def shop(stage: Stage) -> Shop:
    return stage.shop("Doors")


def head(shop: Shop, path: str, *lines: str) -> bytes:
    """Return the head of a call."""
    named = [f"{name}: {text}" for name, text in shop.tenant.headers.items()]
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *named, *lines, "", ""]).encode()


def door(shop: Shop) -> str:
    """Return the path of the shop's door."""
    return f"/api/{shop.tenant.project.id}/v1/chat/completions"


def call(shop: Shop, *lines: str, **body: object) -> bytes:
    """Return a call of the front door."""
    content = json.dumps(HI | body).encode()
    length = f"Content-Length: {len(content)}"
    return head(shop, door(shop), "Content-Type: application/json", length, *lines) + content


def wire(shop: Shop) -> Wire:
    return Wire(("127.0.0.1", shop.server.port), 20)


@pytest.mark.parametrize("framing", ["Content-Length: 99", "Transfer-Encoding: chunked"])
def test_a_body_that_takes_too_long_is_told_as_the_door_tells_things(shop: Shop, framing: str) -> None:
    with wire(shop) as connection:
        reply = connection.send(head(shop, door(shop), framing)).reply()
    assert reply.status == 408 and json.loads(reply.body)["error"]["code"] == "request_timeout"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(MOST_BYTES, 400), (MOST_BYTES + 1, 413)])
def test_a_body_that_is_too_large_is_told_as_the_door_tells_things(
    shop: Shop, size: int, status: int, chunked: bool
) -> None:
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    body = b" " * size
    if chunked:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with wire(shop) as connection:
        reply = connection.send(head(shop, door(shop), framing), body).reply()
    assert reply.status == status and "error" in json.loads(reply.body)


def test_what_comes_behind_a_stream_is_answered_behind_it(shop: Shop) -> None:
    shop.upstream.script("m", openai_stream("Hello", " there", gap=0.2))
    with wire(shop) as connection:
        connection.send(call(shop, stream=True))
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + call(shop, stream=True))
        first, second, third = connection.reply(), connection.reply(), connection.reply()
    assert first.body.endswith(b"data: [DONE]\n\n") and b"there" in first.body
    assert second.status == 200 and b"data:" not in second.body
    assert third.body.endswith(b"data: [DONE]\n\n")


def test_a_stream_ends_with_its_connection_where_chunks_are_not_known(shop: Shop) -> None:
    shop.upstream.script("m", openai_stream("Hello", " there"))
    with wire(shop) as connection:
        reply = connection.send(call(shop, stream=True).replace(b"HTTP/1.1", b"HTTP/1.0", 1)).reply()
    assert reply.body.endswith(b"data: [DONE]\n\n") and "transfer-encoding" not in reply.headers


@pytest.mark.parametrize("line", ["Expect: 100-continue", "Connection: Upgrade\r\nUpgrade: h2c"])
def test_wishes_of_a_client_do_not_change_the_answer(shop: Shop, line: str) -> None:
    shop.upstream.script("m", openai_stream("Hello"))
    with wire(shop) as connection:
        connection.send(call(shop, line, stream=True))
        reply = connection.reply()
        if reply.status == 100:
            reply = connection.reply()
    assert reply.status == 200 and reply.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("path", ["/v1/models?a=\xff", "/login?next=\xff", "/p\xff?\xff"])
def test_bytes_that_are_no_text_are_no_fault_of_ours(shop: Shop, path: str) -> None:
    lines = b"Host: x\r\nX-Request-Id: \xff\xe9\r\nCookie: a=\xff\r\n\r\n"
    with wire(shop) as connection:
        reply = connection.send(f"GET {path} HTTP/1.1\r\n".encode("latin-1") + lines).reply()
    assert reply.status < 500


def test_a_client_that_takes_nothing_in_mid_stream_has_left(shop: Shop) -> None:
    flood: list[Step] = [data(openai_chunk({"content": "river " * 5_000}))]
    shop.upstream.script("m", Reply(flood, headers=SSE, endless=True))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", shop.server.port))
        client.sendall(call(shop, stream=True, max_tokens=5_000_000))
        assert client.recv(12) == b"HTTP/1.1 200"
        shop.upstream.wait_closed(10)
        wait_for(lambda: newest() == "client_left", 5)


def newest() -> str:
    """Return how the last call ended."""
    return str(rows(RecordRow, RecordRow.created_at)[-1].outcome)


def test_a_hang_up_behind_a_call_is_none_of_the_next(shop: Shop) -> None:
    first, second, *_ = openai_events("Hello")
    with wire(shop) as connection:
        shop.upstream.script("m", openai_stream("Hello"))
        assert connection.send(call(shop, stream=True)).reply().status == 200
        shop.upstream.script("m", Reply([first, second, Hang], headers=SSE))
        connection.send(call(shop, stream=True))
        assert b"200" in connection.line()
    shop.upstream.wait_closed(5)
    wait_for(lambda: newest() == "client_left", 5)
    shop.upstream.script("m", openai_stream("Hello"))
    with wire(shop) as connection:
        assert connection.send(call(shop, stream=True)).reply().body.endswith(b"[DONE]\n\n")
