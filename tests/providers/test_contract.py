"""Both adapters keep the same promises: errors by status, deadlines, heartbeats, cancelling."""

from __future__ import annotations

import threading
import time
from email.utils import formatdate
from typing import Any

import pytest

from app.domain.calls import HEARTBEAT
from app.domain.errors import GatewayError
from app.domain.provider_errors import (
    CredentialRefused,
    CreditUsedUp,
    Draining,
    ProviderFailed,
    ProviderLimited,
    ProviderRefused,
    ProviderTimedOut,
    StreamCut,
)
from app.providers import adapter, events
from app.providers.failures import retry_after
from tests.providers.conftest import SECRET, Caller
from tests.upstream import Upstream
from tests.upstream_replies import (
    SSE,
    Hang,
    Reply,
    anthropic_stream,
    error_reply,
    openai_stream,
)


def slow_stream(caller: Caller, *words: str, gap: float) -> Reply:
    return (openai_stream if caller.dialect == "openai" else anthropic_stream)(*words, gap=gap)


def begun(caller: Caller, *rest: Any) -> Reply:
    """A stream that sends its first event, and then something else."""
    return Reply([slow_stream(caller, "a", gap=0).steps[0], *rest], headers=SSE)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, ProviderFailed), (307, ProviderFailed), (400, ProviderRefused), (401, CredentialRefused),
        (402, CreditUsedUp), (403, CredentialRefused), (404, ProviderRefused), (408, ProviderTimedOut),
        (413, ProviderRefused), (422, ProviderRefused), (429, ProviderLimited), (500, ProviderFailed),
        (502, ProviderFailed), (503, ProviderFailed), (529, ProviderFailed), (204, ProviderFailed),
        (201, ProviderFailed),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [True, False])
def test_each_status_has_its_error(
    either: Caller, status: int, expected: type[GatewayError], stream: bool
) -> None:
    either.server.script("m", error_reply(status))
    with pytest.raises(ProviderFailed) as caught:
        either.all(stream=stream)
    assert type(caught.value) is expected


def test_a_refusal_carries_the_providers_words_without_our_secret(either: Caller) -> None:
    text = f"max_tokens is too big for {SECRET} and sk-other-1234567890\x00\n" + "x" * 5000
    either.server.script("m", error_reply(400, text))
    with pytest.raises(ProviderRefused) as caught:
        either.all()
    message = caught.value.message
    assert message.startswith("max_tokens is too big for … and …")
    assert len(message) <= 500
    assert caught.value.upstream_status == 400
    assert message.isprintable()


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'"x"', b'{"error": "plain"}', b'{"detail": "plain"}']
)
def test_a_refusal_in_any_shape_is_one_sentence(either: Caller, body: bytes) -> None:
    either.server.script("m", Reply([body] if body else [], 400, framing="length"))
    with pytest.raises(ProviderRefused) as caught:
        either.all()
    assert caught.value.message in ("plain", "The model provider refused the request with status 400.")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7), ({"retry-after": "1.2"}, 2), ({"retry-after": "0"}, 1),
        ({"retry-after": "9" * 25}, 60),
        ({"retry-after": "-5"}, None), ({"retry-after": "NaN"}, None), ({"retry-after": "inf"}, None),
        ({"retry-after": "1e3"}, None), ({"retry-after": "soon"}, None), ({"retry-after": ""}, None),
        ({}, None),
        ({"retry-after": formatdate(1000 + 30, usegmt=True)}, 30),
        ({"retry-after": formatdate(10, usegmt=True)}, 1),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 2), ({"retry-after-ms": "x", "retry-after": "9"}, 9),
        ({"retry-after": "Fri, 99 Foo 2026 99:99:99 GMT"}, None), ({"retry-after": "٣"}, None),
    ],
)  # fmt: skip
def test_retry_after_is_read_with_care(headers: dict[str, str], seconds: int | None) -> None:
    assert retry_after(headers, now=1000) == seconds


def test_a_limit_says_when_to_come_back(either: Caller) -> None:
    either.server.script("m", error_reply(429, retry_after="12"))
    with pytest.raises(ProviderLimited) as caught:
        either.all()
    assert caught.value.retry_after_seconds == 12


@pytest.mark.parametrize("reply", [Reply([Hang], framing="raw"), Reply([Hang], headers=SSE)])
@pytest.mark.parametrize("stream", [True, False])
def test_no_first_byte_is_a_time_out(either: Caller, reply: Reply, stream: bool) -> None:
    either.server.script("m", reply)
    either.first_byte_seconds = 0.2
    started = time.monotonic()
    with pytest.raises(ProviderTimedOut):
        either.all(stream=stream)
    assert time.monotonic() - started < 1.2
    either.server.wait_closed()


@pytest.mark.parametrize("rest", [[Hang], [b"x", 0.05] * 100])
def test_silence_and_drip_end_a_stream_at_the_idle_limit(either: Caller, rest: list[Any]) -> None:
    either.server.script("m", begun(either, *rest))
    either.idle_seconds = 0.3
    started = time.monotonic()
    with pytest.raises(StreamCut, match="stopped sending"):
        either.all()
    assert time.monotonic() - started < 1.3
    either.server.wait_closed()


def test_a_comment_is_a_sign_of_life(either: Caller) -> None:
    whole = slow_stream(either, "a", gap=0).steps
    steps = [whole[0], *[b": processing\n\n", 0.1] * 6, *whole[1:]]
    either.server.script("m", Reply(steps, headers=SSE))
    either.idle_seconds = 0.3
    assert either.all()[-1].usage


def test_comments_alone_do_not_starve_the_client(either: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.1)
    whole = slow_stream(either, "a", gap=0).steps
    either.server.script("m", Reply([whole[0], *[b": processing\n\n", 0.05] * 8, *whole[1:]], headers=SSE))
    assert 2 <= either.all().count(HEARTBEAT) <= 6


def test_silence_after_the_first_byte_is_filled_with_heartbeats(
    either: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.1)
    either.server.script("m", slow_stream(either, "a", "b", gap=0.25))
    chunks = either.all()
    assert chunks[0] is not HEARTBEAT
    assert chunks.count(HEARTBEAT) >= 4
    assert [chunk for chunk in chunks if chunk is not HEARTBEAT][-1].usage


def test_each_event_arrives_at_once(either: Caller) -> None:
    either.server.script("m", slow_stream(either, *"abcd", gap=0.1))
    times = []
    for _ in either.chunks():
        times.append(time.monotonic())
    assert times[-1] - times[0] > 0.4


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("client_left", StreamCut), ("draining", Draining), ("deadline", ProviderTimedOut)],
)
@pytest.mark.parametrize("place", ["head", "first event", "later"])
def test_cancelling_ends_a_silent_upstream_within_a_second(
    either: Caller, reason: str, expected: type[GatewayError], place: str
) -> None:
    replies = {
        "head": Reply([Hang], framing="raw"),
        "first event": Reply([Hang], headers=SSE),
        "later": begun(either, Hang),
    }
    either.server.script("m", replies[place])
    threading.Timer(0.1, lambda: either.cancellation.cancel(reason)).start()
    started = time.monotonic()
    with pytest.raises(ProviderFailed) as caught:
        either.all()
    assert type(caught.value) is expected
    assert either.server.wait_closed() - started < 1


def test_cancelling_ends_a_buffered_call_too(either: Caller) -> None:
    either.server.script("m", Reply([b"{", Hang]))
    threading.Timer(0.1, lambda: either.cancellation.cancel("client_left")).start()
    started = time.monotonic()
    with pytest.raises(StreamCut):
        either.all(stream=False)
    assert either.server.wait_closed() - started < 1


def test_cancelling_ends_an_upstream_that_never_stops_talking(either: Caller) -> None:
    steps = slow_stream(either, *"abcdef", gap=0).steps[:6]
    either.server.script("m", Reply(steps, headers=SSE, endless=True))
    started = time.monotonic()
    with pytest.raises(StreamCut):
        for number, _ in enumerate(either.chunks()):
            if number == 100:
                either.cancellation.cancel("client_left")
    assert either.server.wait_closed() - started < 2


def test_closing_the_generator_closes_the_upstream(either: Caller) -> None:
    either.server.script("m", begun(either, Hang))
    chunks = either.chunks()
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    either.server.wait_closed(1)


def test_nothing_is_sent_for_a_cancelled_call(either: Caller) -> None:
    either.cancellation.cancel("client_left")
    with pytest.raises(StreamCut):
        either.all()
    assert either.server.connections == 0


def test_a_line_without_end_stops_at_a_megabyte(either: Caller) -> None:
    either.server.script("m", begun(either, *[b"y" * 65536] * 64))
    started = time.process_time()
    with pytest.raises(StreamCut):
        either.all()
    assert time.process_time() - started < 2


def test_a_compressed_answer_is_refused(either: Caller) -> None:
    either.server.script("m", Reply([b"\x1f\x8b"], headers={"Content-Encoding": "gzip"}))
    with pytest.raises(ProviderFailed):
        either.all()


def test_a_private_provider_is_refused_when_not_listed(either: Caller) -> None:
    with Upstream() as hidden:
        either.server.port = hidden.port
        with pytest.raises(ProviderFailed, match="private"):
            either.all()
        assert hidden.connections == 0


def test_an_unknown_dialect_is_a_failure() -> None:
    with pytest.raises(ProviderFailed):
        adapter("telepathy")
