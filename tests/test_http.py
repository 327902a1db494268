"""The doors' request and answers: the same to the outside as Flask's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Response
from htmx_flask.requests import HtmxAwareRequest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.http import Answer, CallHeaders, Request, StreamedAnswer

TOLD = {"X-One": "1", "Server-Timing": "auth;dur=0.1, upstream;dur=2.0"}
Sent = tuple[bytes, str, dict[str, str]]


def sent(response: Response, method: str = "GET") -> Sent:
    """Return what reaches the client."""
    parts, status, headers = run_wsgi_app(response, EnvironBuilder(method=method).get_environ())
    return b"".join(parts), status, dict(headers.items())


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("status", [200, 201, 204, 304, 400, 413, 429, 503, 529, 599])
def test_an_answer_is_sent_as_flask_would(method: str, status: int) -> None:
    plain = Response(b"body", status=status, headers=TOLD, content_type="application/json")
    assert sent(Answer(b"body", status, TOLD, "application/json"), method) == sent(plain, method)


def test_an_answer_is_a_response_like_others() -> None:
    answer = Answer(b'{"a":1}', 200, TOLD, "application/json")
    assert answer.get_json() == {"a": 1} and answer.get_data() == b'{"a":1}' and answer.status == "200 OK"
    assert answer.headers["x-one"] == "1" and answer.content_length == 7 and answer.is_json
    answer.status_code = 413
    answer.headers["X-One"] = "2"
    answer.headers.extend({"Allow": "POST"})
    answer.add_headers([("X-Two", "3")])
    answer.set_data(b"short")
    body, status, headers = sent(answer)
    assert (body, status) == (b"short", "413 REQUEST ENTITY TOO LARGE") and headers["Content-Length"] == "5"
    assert (headers["X-One"], headers["X-Two"], headers["Allow"]) == ("2", "3", "POST")


def test_what_is_to_be_done_once_an_answer_is_closed_is_done() -> None:
    closed: list[int] = []
    answer = Answer(b"body", 200, {})
    answer.call_on_close(lambda: closed.append(1))
    assert sent(answer)[0] == b"body"
    answer.close()
    assert closed


@pytest.mark.parametrize("value", ["a\nb", "a\r\nSet-Cookie: x=1", "\n"])
def test_no_header_smuggles_another_one_in(value: str) -> None:
    with pytest.raises(ValueError, match="line breaks"):
        Answer(b"", 200, {"X-One": "1", "X-Two": value})
    with pytest.raises(ValueError, match="line breaks"):
        StreamedAnswer(iter(()), {"X-Two": value}, lambda: None)


class Events:
    """A stream's events, and what became of them."""

    def __init__(self) -> None:
        self.story: list[str] = []

    def __call__(self) -> Iterator[bytes]:
        try:
            yield b"one"
            yield b"two"
        finally:
            self.story.append("events ended")

    def answer(self) -> StreamedAnswer:
        return StreamedAnswer(self(), TOLD, lambda: self.story.append("closed"))


def made(headers: dict[str, str]) -> EnvironBuilder:
    """Return a request with these headers."""
    return EnvironBuilder(path="/v1/models", headers=Headers(headers))


def served(answer: Response) -> Any:
    """Return what a server iterates over."""
    return answer(EnvironBuilder().get_environ(), lambda *_: len)


def test_a_stream_ends_with_its_call_after_the_last_event() -> None:
    events = Events()
    body = served(events.answer())
    assert list(body) == [b"one", b"two"]
    body.close()
    body.close()
    assert events.story == ["events ended", "closed"]


def test_a_stream_ends_with_its_call_where_the_client_left() -> None:
    events = Events()
    body = served(events.answer())
    assert next(iter(body)) == b"one"
    body.close()
    assert events.story == ["events ended", "closed"]


def test_a_stream_that_nobody_reads_ends_with_its_call() -> None:
    events = Events()
    served(events.answer()).close()
    assert events.story == ["closed"]


def test_a_stream_whose_events_cannot_be_ended_still_ends_its_call() -> None:
    story: list[str] = []

    def stuck() -> Iterator[bytes]:
        try:
            yield b"one"
        finally:
            raise OSError("stuck")

    body = served(StreamedAnswer(stuck(), {}, lambda: story.append("closed")))
    next(iter(body))
    with pytest.raises(OSError, match="stuck"):
        body.close()
    assert story == ["closed"]


def test_headers_are_found_in_any_case() -> None:
    builder = made({"X-Api-Key": "k", "Content-Type": "text/x", "Authorization": "Bearer b"})
    headers = CallHeaders(builder.get_environ())
    for name in ("x-api-key", "X-API-KEY", "X-Api-Key"):
        assert headers.get(name) == "k"
    assert headers.get("content-type") == "text/x" and headers.get("authorization", "") == "Bearer b"
    assert headers.get("X-Absent") is None and headers.get("X-Absent", "none") == "none"


TEXT = st.text(st.characters(max_codepoint=255), max_size=12)
ENVIRONS = st.fixed_dictionaries(
    {"wsgi.url_scheme": st.sampled_from(["http", "https"])},
    optional={
        "REQUEST_METHOD": st.sampled_from(["GET", "post", "BREW"]),
        "PATH_INFO": st.one_of(TEXT, st.sampled_from(["", "/", "//a//", "/v1/models", "a%2fb"])),
        "SCRIPT_NAME": st.one_of(TEXT, st.sampled_from(["", "/", "/under/"])),
        "QUERY_STRING": st.one_of(TEXT, st.sampled_from(["a=1&a=2", "x=%ff"])),
        "REMOTE_ADDR": st.sampled_from(["127.0.0.1", ""]),
        "SERVER_NAME": st.sampled_from(["here", "::1", "/run/socket"]),
        "SERVER_PORT": st.sampled_from(["80", "", "x"]),
        "HTTP_HOST": st.sampled_from(["here.test:8000", "bad host", ""]),
        "HTTP_HX_REQUEST": st.sampled_from(["true", "false"]),
        "CONTENT_LENGTH": st.sampled_from(["3", "-1", "x"]),
        "CONTENT_TYPE": st.just("text/plain"),
    },
)
ASKED = (
    "method scheme root_path path full_path query_string args remote_addr server host url base_url root_url "
    "content_length content_type mimetype is_secure"
).split()


def told(request: Any, name: str) -> Any:
    """Return what a request says, or how it fails to."""
    try:
        return getattr(request, name)
    except ValueError as error:
        return type(error)


@given(ENVIRONS)
def test_a_request_tells_what_werkzeugs_own_tells(environ: dict[str, Any]) -> None:
    query = environ.get("QUERY_STRING", "")
    # Escaped where not ASCII: werkzeug's own fails at some of it.
    safe = environ | {"QUERY_STRING": re.sub(r"[\x80-\xff]", lambda found: f"%{ord(found[0]):02X}", query)}
    ours, plain = Request(dict(environ)), HtmxAwareRequest(safe)
    for name in ASKED:
        assert told(ours, name) == told(plain, name), name
    assert list(ours.headers) == list(plain.headers)
    assert bool(ours.htmx) == bool(plain.htmx) and ours.environ["werkzeug.request"] is ours


def test_a_query_of_any_bytes_can_be_read() -> None:
    query = b"a=\xff&b=\xc3\xa9&c=%C3%A9&d=1%2B2+3".decode("latin-1")
    asked = Request({"QUERY_STRING": query})
    assert asked.args.to_dict() == {"a": "%FF", "b": "\u00e9", "c": "\u00e9", "d": "1+2 3"}


@pytest.mark.parametrize(("sent", "known"), [("abc", "abc"), ("", None), ("a b", None), ("x" * 129, None)])
def test_a_clients_own_id_is_taken_when_it_is_well_formed(sent: str, known: str | None) -> None:
    builder = made({"X-Request-Id": sent})
    asked = Request(builder.get_environ())
    assert asked.client_id == known and asked.sluice_id != Request(builder.get_environ()).sluice_id
    assert asked.dialect is not None and asked.dialect.name == "openai"
