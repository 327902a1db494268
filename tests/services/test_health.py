"""Circuits over all workers on real Valkey: what one worker saw, the other knows; exactly one probe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from app import redis_store
from app.domain.targets import Candidate, CredentialValue
from app.redis_store import RedisStore
from app.services.health import INDEX, Health, Label, order
from app.services.pulse import pulse

NOON = 1_800_000_000.0  # seconds
KEY = CredentialValue("credential-1", "main", "sk-1")
OTHER_KEY = CredentialValue("credential-2", "spare", "sk-2")


class Clock:
    """One time for every worker and for Valkey."""

    now = NOON

    def __call__(self) -> float:
        return self.now

    def milliseconds(self) -> str:
        return str(int(1000 * self.now))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workers(redis_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Health, Health]]:
    """Two workers, which exchange what they know when the test says so."""
    Redis.from_url(redis_url).flushall()
    monkeypatch.setattr(redis_store, "TIMEOUT_SECONDS", 5.0)  # a busy machine is no reason to fail
    monkeypatch.setattr(pulse, "jobs", [])
    stores = [RedisStore(), RedisStore()]
    for store in stores:
        store.configure(redis_url)
    first, second = (Health(store, clock, clock.milliseconds) for store in stores)
    yield first, second
    for store in stores:
        store.close()


def candidate(name: str = "up", *credentials: CredentialValue) -> Candidate:
    keys = credentials or (KEY,)
    return Candidate(f"{name}/m", f"id-{name}", name, name, "openai", "", "m", None, keys)


def fail(worker: Health, times: int, status: str = "failed") -> None:
    for _ in range(times):
        worker.failed("workspace", candidate(), KEY, status, "provider")


def exchange(*workers: Health) -> None:
    for worker in (*workers, *workers):
        worker.exchange()


def test_failures_of_all_workers_count_and_open_it_for_all(workers: tuple[Health, Health]) -> None:
    first, second = workers
    fail(first, 3)
    fail(second, 2, "timed_out")
    assert first.wait_for("id-up") == second.wait_for("id-up") == 0
    exchange(first, second)
    assert first.wait_for("id-up") == pytest.approx(30) == second.wait_for("id-up")
    assert first.circuit("id-up").error == "timed_out" and first.circuit("id-up").failures == 5


def test_it_opens_at_once_for_the_worker_that_saw_it(workers: tuple[Health, Health]) -> None:
    fail(workers[0], 5)
    assert workers[0].wait_for("id-up") == 30
    assert workers[0].wait_for(KEY.id) == 30  # the key's own circuit too


def test_a_success_of_one_worker_ends_the_row_of_all(workers: tuple[Health, Health]) -> None:
    first, second = workers
    fail(first, 4)
    exchange(first, second)
    second.answered(candidate(), KEY, further=False)
    exchange(second, first)
    fail(first, 4)
    exchange(first, second)
    assert second.wait_for("id-up") == 0 and second.circuit("id-up").failures == 4


def test_exactly_one_probe_of_all_workers_in_each_window(
    workers: tuple[Health, Health], clock: Clock
) -> None:
    first, second = workers
    fail(first, 5)
    exchange(first, second)
    for length in (30, 60, 120):
        clock.now += length - 1
        assert [worker.wait_for("id-up") > 0 for worker in workers] == [True, True]
        clock.now += 1
        asked = [worker.wait_for("id-up") for worker in (second, first, second, first, first)]
        assert [wait == 0 for wait in asked] == [True, False, False, False, False] and asked[1] >= 1
        fail(second, 1)
        exchange(second, first)
    assert first.wait_for("id-up") == pytest.approx(240)


def test_a_probe_that_succeeds_closes_it_for_all(workers: tuple[Health, Health], clock: Clock) -> None:
    first, second = workers
    fail(first, 5)
    exchange(first, second)
    clock.now += 30
    assert second.wait_for("id-up") == 0
    second.answered(candidate(), KEY, further=False)
    exchange(second, first)
    assert first.wait_for("id-up") == 0 and first.circuit("id-up").closed_at == clock.now


def test_a_probe_that_never_comes_back_makes_room_for_another(
    workers: tuple[Health, Health], clock: Clock, redis_url: str
) -> None:
    first, second = workers
    fail(first, 5)
    exchange(first, second)
    clock.now += 30
    assert first.wait_for("id-up") == 0
    Redis.from_url(redis_url).delete(f"{INDEX}:id-up:probe:1")  # as Valkey does after half a minute
    clock.now += 30
    assert second.wait_for("id-up") == 0 and first.wait_for("id-up") > 0


def test_429_leaves_the_key_alone_for_as_long_as_it_says_a_minute_at_most(
    workers: tuple[Health, Health], clock: Clock
) -> None:
    first, second = workers
    rich = candidate("up", KEY, OTHER_KEY)
    first.limited("workspace", rich, KEY, 900.0)
    exchange(first, second)
    other = candidate("other", CredentialValue("credential-3", "main", "sk-3"))
    kept = [(c.provider_slug, [k.name for k in c.credentials]) for c in second.warm_first((rich, other))]
    assert kept == [("up", ["spare"]), ("other", ["main"]), ("up", ["main"])]
    clock.now += 60
    assert second.warm_first((rich, other)) == (rich, other)


def test_a_provider_with_one_key_is_left_alone_with_it(workers: tuple[Health, Health]) -> None:
    first, _ = workers
    first.limited("workspace", candidate(), KEY, 7.0)
    poor = candidate("up", OTHER_KEY)  # another project's key at the same provider
    assert first.warm_first((poor, candidate("other", OTHER_KEY)))[0].provider_slug == "other"
    assert order((poor,), set()) == (poor,)


def test_a_customers_own_key_proves_nothing_against_the_provider(workers: tuple[Health, Health]) -> None:
    own = CredentialValue("credential-9", "own", "sk-9", own=True)
    for _ in range(5):
        workers[0].failed("workspace", candidate("up", own), own, "failed", "provider")
    workers[0].limited("workspace", candidate("up", own), own, 30.0)
    assert workers[0].wait_for("id-up") == 0 and workers[0].wait_for(own.id) == 30
    assert not workers[0].is_left_alone("id-up") and workers[0].is_left_alone(own.id)


def test_a_key_without_credit_is_left_alone_and_its_provider_is_not(workers: tuple[Health, Health]) -> None:
    for _ in range(5):
        workers[0].failed("workspace", candidate(), KEY, "failed", "key")
    assert workers[0].wait_for("id-up") == 0 and workers[0].wait_for(KEY.id) == 30


def test_an_admin_closes_it_for_all(workers: tuple[Health, Health]) -> None:
    first, second = workers
    fail(first, 5)
    exchange(first, second)
    second.close("workspace", "id-up")
    exchange(first)
    assert first.wait_for("id-up") == second.wait_for("id-up") == 0


def test_one_worker_is_told_that_it_opened_and_of_whom(workers: tuple[Health, Health]) -> None:
    told: list[tuple[Label, str]] = []
    for worker in workers:
        worker.on_open = lambda label, name, _: told.append((label, name))
        fail(worker, 5)
    exchange(*workers)
    assert told == [(Label("workspace", "up"), "id-up")]


def test_without_redis_each_worker_has_its_own_and_tells_later(
    workers: tuple[Health, Health], clock: Clock
) -> None:
    first, second = workers
    client, first.store.client = first.store.client, None
    fail(first, 5)
    exchange(first, second)
    assert (first.wait_for("id-up"), second.wait_for("id-up")) == (30, 0)
    clock.now += 30
    assert first.wait_for("id-up") == 0 and first.wait_for("id-up") > 0  # one probe here too
    first.store.client = client
    exchange(first, second)
    assert second.wait_for("id-up") == pytest.approx(30)


def test_all_of_it_is_forgotten_in_time(workers: tuple[Health, Health], clock: Clock, redis_url: str) -> None:
    first, second = workers
    fail(first, 5)
    exchange(first, second)
    client = Redis.from_url(redis_url)
    assert all(client.pttl(name) > 0 for name in client.keys(f"{INDEX}:*"))
    clock.now += 3600
    exchange(first, second)
    assert first.circuits == {} == second.circuits and client.zcard(INDEX) == 0
