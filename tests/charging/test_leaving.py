"""Calls that end before their time: the client goes, the provider dies or never ends (H5, H6, L6, L8)."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.domain.tokens import estimate_messages, estimate_tokens
from app.models import Reservation
from tests.databases import Databases
from tests.money import USD, account_of, mistakes, rows
from tests.stage import Shop, Stage, setting
from tests.upstream import wait_for
from tests.upstream_replies import SSE, USAGE, Cut, Hang, Reply, Reset, data, openai_chunk

MESSAGE = "Tell me a long story about a river. " * 20
INPUT = estimate_messages([{"role": "user", "content": MESSAGE}])
WORD = "river "
SECONDS = 5  # generous; the watcher takes milliseconds


@pytest.fixture(scope="module")
def stage(databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with setting(databases, tmp_path_factory.mktemp("leaving"), redis_url) as stage:
        yield stage


@pytest.fixture(scope="module")
def shop(stage: Stage) -> Shop:
    return stage.shop("Leaving", 100 * USD)


class Client:
    """A client on a bare socket, which can leave by FIN or RST."""

    def __init__(self, shop: Shop, **body: Any) -> None:
        self.socket = socket.create_connection(("127.0.0.1", shop.server.port), timeout=20)
        self.socket.sendall(shop.request(MESSAGE, **body))
        self.received = b""

    def read_until(self, text: bytes) -> None:
        """Read until this was sent."""
        while text not in self.received:
            received = self.socket.recv(65_536)
            assert received, self.received
            self.received += received

    def leave(self, how: str) -> None:
        """Hang up."""
        if how == "RST":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def settled() -> Reservation:
    """Return the newest reservation once it is no longer held."""

    def newest() -> Any:
        return rows(Reservation, Reservation.created_at)[-1]

    wait_for(lambda: newest().state != "held", SECONDS)
    return newest()


def charge(words: int) -> int:
    """Return what the input and so many words cost."""
    return 1_000 * INPUT + 2_000 * estimate_tokens(WORD * words)


def events(words: int) -> list[Any]:
    return [data(openai_chunk({"content": WORD})) for _ in range(words)]


def before_first_byte(shop: Shop, client: Client, asked: int) -> None:
    wait_for(lambda: len(shop.upstream.requests) > asked, SECONDS)


def after_one_word(shop: Shop, client: Client, asked: int) -> None:
    client.read_until(b"river")


def after_all_words(shop: Shop, client: Client, asked: int) -> None:
    client.read_until(b"last")


LEAVING: dict[str, tuple[list[Any], Callable[[Shop, Client, int], None], int]] = {
    "before the first byte": ([Hang], before_first_byte, 0),
    "after one chunk, in silence": ([*events(1), Hang], after_one_word, 1),
    "at the last chunk": ([*events(3), data(openai_chunk({"content": "last"})), Hang], after_all_words, 3),
}


@pytest.mark.parametrize("how", ["FIN", "RST"])
@pytest.mark.parametrize("when", LEAVING)
def test_a_client_that_leaves_pays_input_and_what_it_got(shop: Shop, when: str, how: str) -> None:
    steps, wait, words = LEAVING[when]
    shop.upstream.script("m", Reply(steps, headers=SSE))
    asked = len(shop.upstream.requests)
    client = Client(shop, stream=True)
    wait(shop, client, asked)
    left_at = time.monotonic()
    client.leave(how)
    assert shop.upstream.wait_closed(SECONDS) - left_at < 2
    row = settled()
    assert (row.state, row.outcome) == ("settled", "client_left")
    assert abs(row.charged_nano_usd - charge(words)) <= 2 * 2_000
    assert row.charged_nano_usd >= 1_000 * INPUT
    assert account_of(shop.tenant).reserved_nano_usd == 0 and mistakes() == []


@pytest.mark.parametrize("how", ["FIN", "RST"])
def test_leaving_a_buffered_call_pays_its_input(shop: Shop, how: str) -> None:
    shop.upstream.script("m", Reply([Hang]))
    asked = len(shop.upstream.requests)
    client = Client(shop)
    before_first_byte(shop, client, asked)
    client.leave(how)
    shop.upstream.wait_closed(SECONDS)
    row = settled()
    assert (row.outcome, row.charged_nano_usd) == ("client_left", charge(0))
    assert mistakes() == []


def cut_in_body(step: Any) -> Reply:
    """Return a buffered answer that breaks off."""
    whole = json.dumps({"choices": [{"message": {"role": "assistant", "content": WORD}}]}).encode()
    return Reply([whole[:30], step], framing="length", declared=len(whole))


@pytest.mark.parametrize("end", [Cut, Reset, None], ids=["cut", "reset", "clean end without a proof"])
def test_a_stream_that_the_provider_breaks_off_costs_what_came(shop: Shop, end: Any) -> None:
    shop.upstream.script("m", Reply([*events(3), *([end] if end else [])], headers=SSE))
    text = shop.post(MESSAGE, stream=True).read()
    assert b"event: error" in text
    row = settled()
    assert row.outcome == "cut" and abs(row.charged_nano_usd - charge(3)) <= 2_000
    assert mistakes() == []


@pytest.mark.parametrize("end", [Cut, Reset], ids=["cut", "reset"])
def test_a_buffered_answer_that_breaks_off_costs_nothing(shop: Shop, end: Any) -> None:
    shop.upstream.script("m", cut_in_body(end))
    assert shop.post(MESSAGE).status == 502
    row = settled()
    assert (row.state, row.charged_nano_usd) == ("voided", 0)
    assert mistakes() == []


def test_a_stream_that_never_ends_is_ended(shop: Shop) -> None:
    endless = [data(openai_chunk({"content": WORD * 100}))]
    shop.upstream.script("m", Reply(endless, headers=SSE, endless=True))
    path = f"/api/{shop.tenant.project.id}/v1/chat/completions"
    body = {"model": "paid", "messages": [{"role": "user", "content": MESSAGE}], "max_tokens": 1_000}
    answer = shop.server.post(path, body | {"stream": True}, shop.tenant.headers)
    text = answer.read()
    assert b"longer than the limit" in text and b"[DONE]" not in text
    shop.upstream.wait_closed(SECONDS)
    assert 16_000 < text.count(b"river") * len(WORD) < 16_000 + 4_096 + 10 * 600
    row = settled()
    assert row.outcome == "cut" and row.charged_nano_usd == row.amount_nano_usd
    assert mistakes() == []


def test_fifty_calls_left_at_once_pay_their_input(shop: Shop) -> None:
    shop.upstream.script("m", Reply([Hang], headers=SSE))
    asked, before = len(shop.upstream.requests), account_of(shop.tenant).balance_nano_usd
    clients = [Client(shop, stream=True) for _ in range(50)]
    wait_for(lambda: len(shop.upstream.requests) == asked + 50, 30)
    for client in clients:
        client.leave("FIN")
    wait_for(lambda: account_of(shop.tenant).reserved_nano_usd == 0, 20)
    assert before - account_of(shop.tenant).balance_nano_usd == 50 * charge(0)
    assert mistakes() == []


def test_usage_before_the_end_counts_also_when_the_client_leaves(shop: Shop) -> None:
    steps = [*events(1), data(openai_chunk({}, choices=[], usage=USAGE)), Hang]
    shop.upstream.script("m", Reply(steps, headers=SSE))
    client = Client(shop, stream=True)
    client.read_until(b"river")
    client.leave("FIN")
    shop.upstream.wait_closed(SECONDS)
    assert settled().charged_nano_usd <= charge(1)
    assert mistakes() == []
