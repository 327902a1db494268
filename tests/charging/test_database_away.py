"""The database goes away, or somebody holds its rows: calls are refused fast and streams go on (K1-K4)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from sqlalchemy import make_url, text

from app.database import database
from tests.crowd import Crowd
from tests.databases import ON_POSTGRESQL, Databases
from tests.money import USD, account_of, mistakes
from tests.stage import Stage, setting
from tests.tap import Tap
from tests.upstream import wait_for
from tests.upstream_replies import SSE, Hang, Reply, openai_completion, openai_events

pytestmark = pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite is a file: it does not go away")
USAGE = {"prompt_tokens": 10, "completion_tokens": 5}
PAID = 20_000


class Line:
    """The tap between server and database, once it is laid."""

    tap: Tap


@pytest.fixture(scope="module")
def line() -> Line:
    return Line()


@pytest.fixture(scope="module")
def stage(
    databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory, line: Line
) -> Iterator[Stage]:
    with ExitStack() as stack:

        def through(database_url: str) -> str:
            url = make_url(database_url)
            line.tap = stack.enter_context(Tap(f"{url.query['host']}/.s.PGSQL.5432"))
            tapped = url.set(host="127.0.0.1", port=line.tap.port, query={})
            return tapped.render_as_string(hide_password=False)

        directory = tmp_path_factory.mktemp("away")
        yield stack.enter_context(setting(databases, directory, redis_url, through=through))


def test_without_the_database_a_call_is_refused_at_once_and_nobody_is_asked(stage: Stage, line: Line) -> None:
    shop = stage.shop("Away", USD)
    assert shop.post().status == 200
    asked = len(stage.upstream.requests)
    line.tap.cut()
    try:
        started = time.monotonic()
        answers = [shop.post() for _ in range(3)]
        assert time.monotonic() - started < 3
        assert [answer.status for answer in answers] == [503] * 3
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
    finally:
        line.tap.mend()
    assert len(stage.upstream.requests) == asked
    wait_for(lambda: shop.post().status == 200)
    assert mistakes() == []


def test_a_stream_goes_on_without_the_database_and_is_settled_when_it_is_back(
    stage: Stage, line: Line
) -> None:
    shop = stage.shop("Back", USD)
    first, *rest = openai_events("Hello", " there", usage=USAGE)
    stage.upstream.script("m", Reply([first, 0.5, *rest], headers=SSE))
    answer = shop.post(stream=True)
    answer.readline()
    line.tap.cut()
    try:
        text_left = answer.read()
    finally:
        line.tap.mend()
    assert b"there" in text_left and text_left.endswith(b"data: [DONE]\n\n")
    wait_for(lambda: account_of(shop.tenant).reserved_nano_usd == 0, 15)
    assert account_of(shop.tenant).balance_nano_usd == USD - PAID
    assert mistakes() == []


@pytest.mark.parametrize(("name", "balance"), [("Turn", USD), ("Free turn", None)])
def test_a_turn_is_kept_when_the_database_is_back_and_the_next_one_waits_for_it(
    stage: Stage, line: Line, name: str, balance: int | None
) -> None:
    shop = stage.shop(name, balance, session={})
    first, *rest = openai_events("Hello", " there", usage=USAGE)
    stage.upstream.script("m", Reply([first, 0.5, *rest], headers=SSE), openai_completion("Fine.", USAGE))
    answer = shop.post("Hi", stream=True)
    session_id = answer.headers["X-Sluice-Session-Id"]
    answer.readline()
    line.tap.cut()
    try:
        assert answer.read().endswith(b"data: [DONE]\n\n")
    finally:
        line.tap.mend()
    wait_for(lambda: shop.post("And you?", session_id=session_id).status == 200, 15)
    said = [message["content"] for message in stage.upstream.requests[-1].json["messages"]]
    assert said == ["Hi", "Hello there", "And you?"]
    assert mistakes() == []


def test_while_somebody_holds_the_rows_calls_are_refused_and_probes_answer(
    stage: Stage, databases: Databases
) -> None:
    shop = stage.shop("Locked", USD)
    stage.upstream.script("m", openai_completion("Hello", USAGE))
    assert shop.post().status == 200
    asked, crowd = len(stage.upstream.requests), Crowd(stage.server.port)
    statuses: list[int] = []
    calls = threading.Thread(
        target=lambda: statuses.extend(a.status for a in crowd.send([shop.request()] * 20))
    )

    def hold(session: object) -> float:
        session.execute(text("LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE"))  # type: ignore[attr-defined]
        calls.start()
        slowest = 0.0
        while calls.is_alive():
            slowest = max(slowest, probe(stage))
        return slowest

    slowest = database.transaction(hold)
    crowd.close()
    assert statuses == [503] * 20 and slowest < 1
    assert len(stage.upstream.requests) == asked
    assert shop.post().status == 200
    assert mistakes() == []


def probe(stage: Stage) -> float:
    """Return how many seconds the probe takes."""
    started = time.monotonic()
    connection = stage.server.connect(timeout=5)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()
    return time.monotonic() - started


def test_streams_hold_no_connection_of_the_database(stage: Stage, databases: Databases) -> None:
    shop = stage.shop("Streams", 100 * USD)
    first, *_ = openai_events("Hello")
    stage.upstream.script("m", Reply([first, Hang], headers=SSE))
    asked = len(stage.upstream.requests)
    answers = [shop.post(stream=True) for _ in range(60)]
    assert len(stage.upstream.requests) == asked + 60 and {answer.status for answer in answers} == {200}
    query = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    with psycopg.connect(databases.server_url or "") as connection:
        idle = connection.execute(query).fetchone()
    assert idle == (0,)
    for answer in answers:
        answer.close()
    wait_for(lambda: account_of(shop.tenant).reserved_nano_usd == 0, 20)
    assert mistakes() == []
