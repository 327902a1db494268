"""Many calls at once over several workers: exactly what balance and budgets cover, each round (H1, I2)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from redis import Redis
from sqlalchemy import update

from app.database import database
from app.models import BudgetPeriod, Endpoint, Reservation
from tests.crowd import Crowd
from tests.databases import ON_POSTGRESQL, Databases
from tests.money import USD, account_of, mistakes, rows, set_budget, top_up
from tests.providers_world import add_endpoint, set_price
from tests.stage import Shop, Stage, setting
from tests.upstream_replies import openai_completion

WORKERS, ROUNDS, CALLS = (4, 50, 200) if ON_POSTGRESQL else (1, 5, 100)
BUDGET_ROUNDS = 4 if ON_POSTGRESQL else 1
COVERED = 25
TOKENS = 10
PRICE = TOKENS * 2_000  # nano-dollars that one call holds, and uses up


@pytest.fixture(scope="module")
def stage(databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with setting(databases, tmp_path_factory.mktemp("crowds"), redis_url, workers=WORKERS) as stage:
        yield stage


@pytest.fixture
def crowd(stage: Stage) -> Iterator[Crowd]:
    crowd = Crowd(stage.server.port)
    yield crowd
    crowd.close()


@pytest.fixture(autouse=True)
def reply(stage: Stage) -> None:
    stage.upstream.script("m", openai_completion("Hi", usage()))


@pytest.mark.timeout(300)
def test_a_balance_for_exactly_25_calls_serves_exactly_25(stage: Stage, crowd: Crowd) -> None:
    shop = output_alone(stage.shop("Exact", 1, max_output_tokens=TOKENS))
    requests = [shop.request()] * CALLS
    for _ in range(ROUNDS):
        top_up(shop.tenant, COVERED * PRICE)
        asked = len(stage.upstream.requests)
        statuses = Counter(answer.status for answer in crowd.send(requests))
        assert statuses == {200: COVERED, 402: CALLS - COVERED}
        assert len(stage.upstream.requests) == asked + COVERED
    assert account_of(shop.tenant).balance_nano_usd == 1
    assert mistakes() == []


@pytest.mark.parametrize("scope", ["account", "project", "key"])
def test_a_budget_below_the_balance_is_as_exact_while_redis_is_flushed(
    stage: Stage, crowd: Crowd, redis_url: str, scope: str
) -> None:
    shop = output_alone(stage.shop(f"Budget of {scope}", 1_000 * USD, max_output_tokens=TOKENS))
    ids = {"account": account_of(shop.tenant).id, "project": shop.tenant.project.id}
    budget_id = set_budget(
        shop.tenant, scope, ids.get(scope, shop.tenant.key.id), "month", usd=COVERED * PRICE
    )
    requests = [shop.request()] * CALLS
    with flushed_each_second(redis_url):
        for _ in range(BUDGET_ROUNDS):
            asked = len(stage.upstream.requests)
            statuses = Counter(answer.status for answer in crowd.send(requests))
            assert statuses == {200: COVERED, 422: CALLS - COVERED}
            assert len(stage.upstream.requests) == asked + COVERED
            raise_cap(budget_id)
    assert mistakes() == []


def raise_cap(budget_id: str) -> None:
    """Make room for as many calls again."""
    more = BudgetPeriod.cap_nano_usd + COVERED * PRICE
    statement = update(BudgetPeriod).where(BudgetPeriod.budget_id == budget_id).values(cap_nano_usd=more)
    database.transaction(lambda session: session.execute(statement))


@contextmanager
def flushed_each_second(redis_url: str) -> Iterator[None]:
    """Empty Redis again and again."""
    over = threading.Event()

    def flush() -> None:
        with Redis.from_url(redis_url) as client:
            while True:
                client.flushall()
                if over.wait(1):
                    return

    flusher = threading.Thread(target=flush)
    flusher.start()
    try:
        yield
    finally:
        over.set()
        flusher.join()


def test_twenty_copies_under_one_key_are_answered_and_charged_once(
    stage: Stage, crowd: Crowd, redis_url: str
) -> None:
    shop = stage.shop("Copies", USD)
    asked = len(stage.upstream.requests)
    requests = [shop.request(headers={"Idempotency-Key": "order-7"})] * 20
    answers = crowd.send(requests)
    with Redis.from_url(redis_url) as client:
        client.flushall()
    answers += crowd.send(requests)
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) <= {200, 409} and statuses[200] >= 20
    assert len({answer.body for answer in answers if answer.status == 200}) == 1
    assert all(answer.headers["x-should-retry"] == "false" for answer in answers if answer.status == 409)
    assert len(stage.upstream.requests) == asked + 1
    charges = [row for row in rows(Reservation) if row.account_id == account_of(shop.tenant).id]
    assert len(charges) == 1 and mistakes() == []


def test_calls_in_several_budgets_never_lock_one_another_out(stage: Stage, crowd: Crowd) -> None:
    shop = stage.shop("Crossing", 1_000 * USD, max_output_tokens=TOKENS)
    other = add_endpoint(shop.tenant, "other", "up/m", max_output_tokens=TOKENS)
    ids = {
        "account": account_of(shop.tenant).id,
        "project": shop.tenant.project.id,
        "key": shop.tenant.key.id,
    }
    for scope, scope_id in ids.items():
        for period in ("day", "month"):
            set_budget(shop.tenant, scope, scope_id, period, usd=100 * USD)
    for endpoint in rows(Endpoint):
        set_budget(shop.tenant, "endpoint", endpoint.id, "day", usd=100 * USD)
    requests = [shop.request(), replace(shop, path=other).request()] * 30
    for _ in range(4):
        assert {answer.status for answer in crowd.send(requests)} == {200}
    assert mistakes() == []


def output_alone(shop: Shop) -> Shop:
    """Make a call cost what it holds."""
    set_price(shop.tenant, "up/m", input_usd_per_million="0", output_usd_per_million="2")
    return shop


def usage() -> dict[str, int]:
    return {"prompt_tokens": 0, "completion_tokens": TOKENS, "total_tokens": TOKENS}
