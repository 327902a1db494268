"""Limits on real Valkey: check all, then count all; leases, corrections, honest waits, and Redis away."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest
from redis import Redis

from app import redis_store
from app.domain.limits import KINDS, Counted, Full, Limiter, refusal
from app.domain.windows import LEASE_MS, counter_for
from app.redis_store import RedisAway, RedisStore
from app.services import limits, stamps

NOON = 1_800_000_000_000  # milliseconds; a full minute and a full hour


@pytest.fixture
def store(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisStore]:
    """An empty Valkey that the limits count in."""
    Redis.from_url(redis_url).flushall()
    limits.forget_all()
    monkeypatch.setattr(limits.failopen, "workers", 1)
    monkeypatch.setattr(limits.failopen, "total", 0)
    monkeypatch.setattr(redis_store, "TIMEOUT_SECONDS", 5.0)  # a busy machine is no reason to fail
    own = RedisStore()
    own.configure(redis_url)
    monkeypatch.setattr(limits, "redis", own)
    yield own
    own.close()


def limiter(kind: str, limit: int, scope: str = "key") -> Limiter:
    return Limiter(scope, f"{scope}-1", kind, limit)


def call(*applying: Limiter, at: int = NOON, member: str = "", tokens: int = 0) -> Counted | Full | None:
    member = member or f"call-{random.random()}"
    return limits.count(applying, "w", limits.ANY_STAMP, member, tokens, str(at))


def admitted(*applying: Limiter, at: int = NOON, tokens: int = 0) -> bool:
    return isinstance(call(*applying, at=at, tokens=tokens), Counted)


def wait(*applying: Limiter, at: int = NOON, tokens: int = 0) -> int:
    outcome = call(*applying, at=at, tokens=tokens)
    assert isinstance(outcome, Full)
    return outcome.wait_ms


def everything(store: RedisStore) -> dict[bytes, bytes]:
    client = Redis.from_url(store.url or "")
    return {name: client.dump(name) for name in client.keys("*")}


def test_a_limit_admits_as_many_as_it_says(store: RedisStore) -> None:
    rpm = limiter("requests_per_minute", 3)
    assert [admitted(rpm) for _ in range(5)] == [True, True, True, False, False]


@pytest.mark.parametrize("kind", ["requests_per_minute", "burst_per_second", "concurrency"])
def test_many_at_once_never_pass_the_limit(store: RedisStore, kind: str) -> None:
    rule, outcomes, start = limiter(kind, 25), [], threading.Barrier(4)

    def hit(number: int) -> None:
        start.wait()
        outcomes.extend(call(rule, member=f"{number}-{n}") for n in range(100))

    threads = [threading.Thread(target=hit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(outcome, Counted) for outcome in outcomes) == 25 and len(outcomes) == 400


def test_it_counts_by_the_clock_of_redis(store: RedisStore) -> None:
    hour = limiter("requests_per_hour", 1)
    first = limits.count((hour,), "w", limits.ANY_STAMP, "a", 0)
    assert isinstance(first, Counted) and abs(first.at_ms / 1000 - int(store.command("TIME")[0])) < 60
    assert isinstance(limits.count((hour,), "w", limits.ANY_STAMP, "b", 0), Full)


def test_what_one_limiter_refuses_counts_in_none(store: RedisStore) -> None:
    key, endpoint = limiter("requests_per_minute", 1), limiter("requests_per_minute", 5, "endpoint")
    slots = limiter("concurrency", 2, "plan")
    assert admitted(key, endpoint, slots)
    before = everything(store)
    outcome = call(slots, key, endpoint)
    assert isinstance(outcome, Full) and outcome.limiter == key
    assert everything(store) == before


def test_the_longest_wait_is_told(store: RedisStore) -> None:
    burst, hour = limiter("burst_per_second", 1), limiter("requests_per_hour", 1)
    assert admitted(burst, hour)
    outcome = call(burst, hour)
    assert isinstance(outcome, Full) and outcome.limiter == hour


@pytest.mark.parametrize("kind", ["requests_per_minute", "requests_per_hour", "burst_per_second"])
@pytest.mark.parametrize("share", [0, 0.3, 0.999])
def test_after_the_wait_there_is_room_and_not_before(store: RedisStore, kind: str, share: float) -> None:
    rule, window = limiter(kind, 7), KINDS[kind].window_ms
    now = NOON + int(window * share)
    while admitted(rule, at=now):
        pass
    for _ in range(12):
        rest = wait(rule, at=now)
        assert 0 < rest <= 2 * window and not admitted(rule, at=now + rest - 1)
        now += rest
        assert admitted(rule, at=now)


def test_a_window_slides(store: RedisStore) -> None:
    rpm = limiter("requests_per_minute", 10)
    assert sum(admitted(rpm, at=NOON + 59_000) for _ in range(20)) == 10
    assert not admitted(rpm, at=NOON + 60_500), "the edge of a minute brings no second helping"
    assert sum(admitted(rpm, at=NOON + 90_000) for _ in range(20)) == 5
    assert sum(admitted(rpm, at=NOON + 240_000) for _ in range(20)) == 10


def test_the_headers_numbers_say_what_is_left(store: RedisStore) -> None:
    outcome = call(limiter("requests_per_minute", 10), limiter("concurrency", 2), at=NOON + 15_000)
    assert isinstance(outcome, Counted) and outcome.left == ((9, 105_000), (1, 0))


def test_a_refusal_tells_whole_seconds_at_least_one() -> None:
    rpm = limiter("requests_per_minute", 60)
    told = [refusal(Full(rpm, milliseconds)) for milliseconds in (1, 1000, 1001, 37_001)]
    assert [error.retry_after_seconds for error in told] == [1, 1, 2, 38]
    assert told[3].message == (
        "Rate limit exceeded. This key allows 60 requests per minute. Try again in 38 seconds."
    )


def test_tokens_are_counted_as_estimated_then_as_used(store: RedisStore) -> None:
    tpm = limiter("tokens_per_minute", 1_000)
    counted = call(tpm, tokens=900, member="a")
    assert isinstance(counted, Counted) and not admitted(tpm, tokens=200)
    limits.give_back(counted, "a", 100, str(NOON + 5_000))
    assert admitted(tpm, tokens=900, at=NOON + 5_000) and not admitted(tpm, tokens=1, at=NOON + 5_000)


def test_tokens_beyond_the_estimate_count_when_they_are_known(store: RedisStore) -> None:
    tpm = limiter("tokens_per_minute", 1_000)
    counted = call(tpm, tokens=10, member="a")
    assert isinstance(counted, Counted)
    limits.give_back(counted, "a", 5_010, str(NOON + 300_000))
    assert not admitted(tpm, tokens=1, at=NOON + 300_000)
    assert not admitted(tpm, tokens=1, at=NOON + 360_000)


def test_what_is_given_back_late_makes_no_room_it_did_not_take(store: RedisStore) -> None:
    tpm = limiter("tokens_per_minute", 1_000)
    early, later = call(tpm, tokens=800, member="a"), NOON + 180_000
    assert isinstance(early, Counted) and admitted(tpm, tokens=1_000, at=later)
    limits.give_back(early, "a", 0, str(later))
    assert not admitted(tpm, tokens=1, at=later)


def test_a_call_larger_than_the_limit_waits_until_nothing_else_counts(store: RedisStore) -> None:
    tpm = limiter("tokens_per_minute", 1_000)
    assert admitted(tpm, tokens=10)
    rest = wait(tpm, tokens=4_000)
    assert admitted(tpm, tokens=4_000, at=NOON + rest)


def test_large_numbers_stay_exact(store: RedisStore) -> None:
    most = 10**9
    tpm = limiter("tokens_per_minute", most)
    counted = call(tpm, tokens=most, member="a")
    assert isinstance(counted, Counted) and counted.left == ((0, 120_000),)
    limits.give_back(counted, "a", most - 1, str(NOON))
    assert store.command("HGET", limits.key_of(tpm), "current") == str(most - 1)
    assert admitted(tpm, tokens=1) and not admitted(tpm, tokens=1)
    for number in range(200):
        limits.give_back(Counted((tpm,), ((0, 0),), 0, NOON), str(number), most, str(NOON))
    assert store.command("HGET", limits.key_of(tpm), "current") == str(201 * most)
    assert 0 < wait(tpm, tokens=1) <= 120_000


def test_a_lease_ends_with_its_call(store: RedisStore) -> None:
    slots = limiter("concurrency", 1)
    counted = call(slots, member="a")
    assert isinstance(counted, Counted) and not admitted(slots)
    limits.give_back(counted, "a", 0)
    assert admitted(slots)


def test_the_lease_of_a_killed_worker_ends_by_itself(store: RedisStore) -> None:
    slots = limiter("concurrency", 50)
    assert all(admitted(slots) for _ in range(50)) and wait(slots) == 1_000
    assert not admitted(slots, at=NOON + LEASE_MS - 1)
    assert admitted(slots, at=NOON + LEASE_MS)


def test_every_key_has_an_end(store: RedisStore) -> None:
    assert admitted(*(limiter(kind, 100) for kind in KINDS), tokens=5)
    names = store.command("KEYS", "*")
    assert len(names) == len(KINDS)
    assert all(0 < int(store.command("PTTL", name)) <= 7_200_000 for name in names)


def test_a_stale_stamp_counts_nothing(store: RedisStore) -> None:
    rpm = limiter("requests_per_minute", 1)
    store.command("SET", stamps.name("w"), "new")
    assert limits.count((rpm,), "w", "old", "a", 0) is None
    assert limits.count((rpm,), "w", "", "a", 0) is None
    assert isinstance(limits.count((rpm,), "w", "new", "a", 0), Counted)


@pytest.mark.parametrize("loss", ["FLUSHALL", "SCRIPT FLUSH"])
def test_a_redis_that_forgot_everything_only_starts_over(store: RedisStore, loss: str) -> None:
    rules = limiter("requests_per_minute", 1), limiter("concurrency", 1), limiter("tokens_per_minute", 9)
    counted = call(*rules, member="a", tokens=9)
    assert isinstance(counted, Counted)
    store.command(*loss.split())
    limits.give_back(counted, "a", 3)
    assert admitted(*rules) is (loss == "FLUSHALL")
    assert admitted(limiter("requests_per_hour", 1))


def test_a_full_redis_is_as_good_as_none(store: RedisStore) -> None:
    store.command("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(RedisAway):
            call(limiter("requests_per_minute", 1))
    finally:
        store.command("CONFIG", "SET", "maxmemory", "0")


def test_both_ways_of_counting_agree(store: RedisStore) -> None:
    """The script and the process's own counters answer a long random story alike."""
    dice, now, story = random.Random(7), NOON, []
    rules = [limiter("requests_per_minute", 20), limiter("tokens_per_minute", 900), limiter("concurrency", 6)]
    mine = {rule: counter_for(rule) for rule in rules}
    for number in range(400):
        now += dice.choice([0, 1, 700, 5_000, 31_000])
        member, tokens = str(number), dice.choice([1, 60, 400, 2_000])
        waits = {rule: mine[rule].wait(rule.limit, rule.cost(tokens), now) for rule in rules}
        outcome = call(*rules, at=now, member=member, tokens=tokens)
        if isinstance(outcome, Full):
            assert outcome.wait_ms == max(waits.values())
        else:
            assert isinstance(outcome, Counted) and not any(waits.values())
            left = [mine[rule].count(rule.limit, rule.cost(tokens), member, now) for rule in rules]
            assert list(outcome.left) == left
            story.append((outcome, member))
        if story and dice.random() < 0.6:
            counted, member = story.pop(0)
            used = dice.choice([0, 50, 700])
            limits.give_back(counted, member, used, str(now))
            for rule in rules:
                delta = limits.correction(rule, counted, used)
                if delta or not rule.window_ms:
                    mine[rule].give_back(member, delta, counted.at_ms, now)


def test_alone_a_process_uses_its_share_and_counts_how_often(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits.failopen, "workers", 4)
    rules = (limiter("requests_per_minute", 10), limiter("concurrency", 100))
    outcomes = [limits.count_locally(rules, str(number), 0) for number in range(6)]
    assert [isinstance(outcome, Counted) for outcome in outcomes] == [True] * 3 + [False] * 3
    assert limits.failopen.total == 6 and outcomes[0].local  # type: ignore[union-attr]


def test_alone_a_lease_ends_with_its_call_too(store: RedisStore) -> None:
    slots = (limiter("concurrency", 1), limiter("tokens_per_minute", 10))
    counted = limits.count_locally(slots, "a", 5)
    assert isinstance(counted, Counted) and isinstance(limits.count_locally(slots, "b", 5), Full)
    limits.give_back(counted, "a", 0)
    assert isinstance(limits.count_locally(slots, "b", 10), Counted)
