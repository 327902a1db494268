"""An upstream that lies, breaks off or babbles costs one call, never the next one, and never hangs."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import egress
from app.domain.errors import GatewayError
from app.domain.provider_errors import ProviderFailed
from app.egress import Interrupted
from tests.egress.asking import ask, body_of
from tests.egress.test_reader import CHUNKED, EVIL, OK, VALID
from tests.upstream import Upstream
from tests.upstream_replies import Cut, Reply, Reset, json_reply

GOOD = json_reply({"mine": 1})


def outcome(upstream: Upstream) -> bytes | None:
    """Return the body of an answer, None when it failed as it may: with one of our errors."""
    try:
        return body_of(ask(upstream, first_byte_seconds=5, total_seconds=5))
    except (GatewayError, Interrupted):
        return None


@pytest.mark.parametrize("name", EVIL)
def test_nothing_evil_is_an_answer_nor_part_of_the_next(upstream: Upstream, name: str) -> None:
    upstream.script("m", Reply([EVIL[name], Cut], framing="raw"), GOOD)
    assert outcome(upstream) is None
    assert body_of(ask(upstream)) == b'{"mine": 1}'


@pytest.mark.parametrize("ending", [Cut, Reset])
def test_an_end_at_any_byte_is_noticed(upstream: Upstream, ending: type[Cut]) -> None:
    whole = [
        OK + b"Content-Length: 5\r\nX-Other: some\r\n\r\nhello",
        CHUNKED + b"2;x\r\nhe\r\n3\r\nllo\r\n0\r\nx-t: y\r\n\r\n",
    ]
    for raw in whole:
        for at in range(0, len(raw), 1 if ending is Cut else 9):
            upstream.script("m", Reply([raw[:at], ending], framing="raw"))
            assert outcome(upstream) is None
        upstream.script("m", Reply([raw, 0.0], framing="raw"))
        assert outcome(upstream) == b"hello"


@pytest.mark.parametrize(("raw", "body"), VALID)
def test_an_answer_split_between_reads_is_the_same(upstream: Upstream, raw: bytes, body: bytes) -> None:
    third = len(raw) // 3
    steps = [raw[:third], 0.003, raw[third : 2 * third], 0.003, raw[2 * third :], 0.0]
    upstream.script("m", Reply(steps, framing="raw"))
    answer = ask(upstream)
    assert body_of(answer) == body


def test_a_split_response_is_one_answer(upstream: Upstream) -> None:
    """A header with line breaks in it, as an injection leaves it, cannot make a second answer of ours."""
    raw = OK + b"x-user: a\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{evil}"
    upstream.script("m", Reply([raw, 5], framing="raw"), GOOD)
    assert body_of(ask(upstream)) == b""
    assert body_of(ask(upstream)) == b'{"mine": 1}'


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_babble_never_hangs_and_never_crashes(upstream: Upstream, data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from([raw for raw, _ in VALID])))
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw += data.draw(st.binary(max_size=20))
    at = data.draw(st.integers(0, len(raw)))
    upstream.script("m", Reply([bytes(raw[:at]), bytes(raw[at:]), Cut], framing="raw"), GOOD)
    outcome(upstream)
    assert body_of(ask(upstream)) == b'{"mine": 1}'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-a", "b\r\nx-evil: 1"), ("x-a", "b\nx-evil: 1"), ("x-a", "b\rc"), ("x-a", "b\0c"),
        ("x-a", "b\x7fc"),
        ("x-a", "\u2028"), ("x-a", "é"), ("x-a\r\nx-evil", "1"), ("x a", "1"), ("x:a", "1"), ("", "1"),
        ("é", "1"),
    ],
)  # fmt: skip
def test_no_header_breaks_out_of_its_line(upstream: Upstream, name: str, value: str) -> None:
    for _ in range(2):  # what was checked once is not trusted more
        with pytest.raises(ProviderFailed):
            egress.send("GET", upstream.url, headers={name: value})
    assert upstream.connections == 0


def test_a_tab_may_stand_in_a_value(upstream: Upstream) -> None:
    body_of(egress.send("GET", upstream.url + "/v1/models", headers={"x-a": "b\tc"}))
    assert upstream.requests[-1].headers["x-a"] == "b\tc"


@pytest.mark.parametrize("method", ["GET /evil HTTP/1.1\r\nx: y\r\n\r\nGET", "get", "", "G T"])
def test_a_method_is_a_word(upstream: Upstream, method: str) -> None:
    with pytest.raises(ProviderFailed):
        egress.send(method, upstream.url, headers={})
    assert upstream.connections == 0
