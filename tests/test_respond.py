"""The doors' reading and watching, where the server tells of the client and where it does not."""

from __future__ import annotations

import gc
import io
import weakref
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from flask import Flask
from werkzeug.exceptions import RequestTimeout

from app import lifecycle, respond
from app.domain.calls import Call
from app.domain.clients import ENVIRON_NAME
from app.domain.dialects import OPENAI
from app.domain.errors import BodyTooLarge, BodyTooSlow, UnsupportedEncoding


class Client:
    """A connection whose server tells of it."""

    def __init__(self, body: bytes | None) -> None:
        self.body = body
        self.notices: list[Callable[[], None]] = []

    def whole_body(self) -> bytes | None:
        return self.body

    def when_gone(self, notice: Callable[[], None]) -> Callable[[], None]:
        self.notices.append(notice)
        return self.notices.clear


def environ_of(body: bytes, **more: Any) -> dict[str, Any]:
    """Return what a server tells of a request with this body on its way."""
    here = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "wsgi.input_terminated": True}
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/v1/chat/completions",
        "SERVER_NAME": "here.test",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        **here,
        **more,
    }


def new_call() -> Call:
    return respond.new_call(OPENAI, "proxy")


@pytest.mark.parametrize("client", [None, Client(None), Client(b"{}")])
def test_the_body_is_read_from_where_it_is(app: Flask, client: Client | None) -> None:
    more = {} if client is None else {ENVIRON_NAME: client}
    with app.request_context(environ_of(b"{}", **more)):
        assert new_call().read_body() == b"{}"


@pytest.mark.parametrize("told", [True, False])
def test_a_body_that_is_too_large_or_compressed_is_refused(app: Flask, told: bool) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10
    for size, more, error in (
        (11, {}, BodyTooLarge),
        (2, {"HTTP_CONTENT_ENCODING": "gzip"}, UnsupportedEncoding),
    ):
        body = b"x" * size
        client: dict[str, Any] = {ENVIRON_NAME: Client(body)} if told else {}
        with app.request_context(environ_of(body, **more, **client)), pytest.raises(error):
            new_call().read_body()
    with app.request_context(environ_of(b"x" * 10, **({ENVIRON_NAME: Client(b"x" * 10)} if told else {}))):
        assert len(new_call().read_body()) == 10


def test_a_body_that_our_own_server_found_too_slow_is_told_as_such(app: Flask) -> None:
    class Slow(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: Any) -> int:
            raise RequestTimeout("the body took too long")

    slow = {"wsgi.input": io.BufferedReader(Slow()), ENVIRON_NAME: Client(None)}
    with app.request_context(environ_of(b"{}", **slow)), pytest.raises(BodyTooSlow):
        new_call().read_body()


def test_a_call_ends_when_its_client_is_gone(app: Flask) -> None:
    client = Client(b"{}")
    with app.request_context(environ_of(b"{}", **{ENVIRON_NAME: client})):
        call = new_call()
        stop = respond.watch(call)
        assert not client.notices, "until the body is read, what comes is the body"
        call.read_body()
        client.notices[0]()
        assert call.cancellation.reason is None, "whoever tells of it is not held up"
        gevent.sleep(0)
        assert call.cancellation.reason == "client_left"
        stop()


def test_a_call_that_has_ended_is_not_watched(app: Flask) -> None:
    client = Client(b"{}")
    with app.request_context(environ_of(b"{}", **{ENVIRON_NAME: client})):
        call = new_call()
        stop = respond.watch(call)
        call.read_body()
        stop()
        stop()
        assert not client.notices and call.cancellation not in lifecycle._state.live


def test_a_call_is_freed_with_its_body_once_it_has_ended(app: Flask) -> None:
    gc.collect()
    gc.disable()
    try:
        with app.request_context(environ_of(b"{}", **{ENVIRON_NAME: Client(b"{}")})):
            call = new_call()
            respond.watch(call)()
            freed = weakref.ref(call.cancellation)
            del call
        assert freed() is None, "it refers to itself"
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({}, {}),
        ({"HTTP_X_BYOK_OPENAI": " sk-1 "}, {"openai": "sk-1"}),
        ({"HTTP_X_BYOK_MY_OWN": "a", "HTTP_X_BYOK_UP": "b"}, {"my-own": "a", "up": "b"}),
        ({"HTTP_MY_HTTP_X_BYOK_OPENAI": "sk-1"}, {}),
    ],
)
def test_a_customers_own_keys_are_found(sent: dict[str, str], found: dict[str, str]) -> None:
    assert respond.own_secrets({"PATH_INFO": "/", **sent}) == found


def test_server_timing_tells_every_step_in_milliseconds(app: Flask) -> None:
    with app.request_context(environ_of(b"")):
        record = respond.Record(new_call())
    record.steps = {"auth": 1, "upstream": 1_234_567}
    told = respond.server_timing(record).split(", ")
    assert len(told) == 11 and told[0] == "auth;dur=0.001"
    assert "upstream;dur=1234.567" in told and "plugins;dur=0.000" in told
