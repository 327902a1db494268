"""Circuits as pure values: when they open, for how long, who may probe; outliers; how many retries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.circuits import (
    FAILURES_TO_OPEN,
    MOST_OPEN_SECONDS,
    RETRY_ALLOWANCE,
    Change,
    Circuit,
    RetryBudget,
    outliers,
)


def opened(times: int = 1) -> tuple[Circuit, float]:
    """Return a circuit that opened so often without a success, and the moment when it may be probed."""
    circuit = Circuit().fail(0.0, FAILURES_TO_OPEN, "failed")
    for _ in range(times - 1):
        circuit = circuit.fail(circuit.open_until)
    return circuit, circuit.open_until


def test_five_failures_in_a_row_open_it_for_thirty_seconds() -> None:
    circuit = Circuit()
    for _ in range(4):
        circuit = circuit.fail(100.0)
        assert circuit.state(100.0) == "closed"
    circuit = circuit.fail(100.0)
    states = [circuit.state(at) for at in (100.0, 129.9, 130.0)]
    assert states == ["open", "open", "half_open"]


def test_a_success_between_failures_starts_the_count_again() -> None:
    circuit = Circuit().fail(0.0, 4).succeed(0.0).fail(0.0, 4)
    assert circuit.state(0.0) == "closed" and circuit.fail(0.0).state(0.0) == "open"


def test_a_failed_probe_opens_it_for_twice_as_long_but_never_for_ever() -> None:
    lengths = []
    for times in range(1, 8):
        circuit, until = opened(times)
        before = opened(times - 1)[1] if times > 1 else 0.0
        lengths.append(until - before)
    assert lengths == [30, 60, 120, 240, 300, 300, MOST_OPEN_SECONDS]


def test_a_probe_that_succeeds_closes_it() -> None:
    circuit, until = opened(3)
    closed = circuit.succeed(until)
    assert closed.state(until) == "closed" and closed.fail(until, 4).state(until) == "closed"
    assert closed.closed_at == until


def test_what_was_sent_before_it_opened_neither_closes_it_nor_prolongs_it() -> None:
    circuit, until = opened()
    assert circuit.succeed(1.0).state(1.0) == "open"
    assert circuit.fail(1.0).open_until == until


def test_a_wish_to_be_left_alone_holds_a_minute_at_most() -> None:
    circuit = Circuit().cool(10.0, 5.0)
    assert circuit.is_cooling(14.9) and not circuit.is_cooling(15.0)
    assert circuit.cool(10.0, 9_999.0).cooling_until == 70.0
    assert circuit.cool(10.0, 1.0).cooling_until == 15.0


@given(st.lists(st.tuples(st.sampled_from(["fail", "succeed", "cool"]), st.floats(0, 400)), max_size=40))
def test_whatever_happens_it_is_never_shut_for_longer_than_the_most(story: list[tuple[str, float]]) -> None:
    circuit, now = Circuit(), 0.0
    for what, passed in story:
        now += passed
        before = circuit
        if what == "cool":
            circuit = circuit.cool(now, passed)
        else:
            circuit = circuit.fail(now) if what == "fail" else circuit.succeed(now)
        assert circuit.open_until - now < MOST_OPEN_SECONDS + 0.001 and circuit.cooling_until - now < 60.001
        if before.state(now) == "closed" and circuit.state(now) == "open":
            assert what == "fail" and circuit.failures >= FAILURES_TO_OPEN


@given(st.lists(st.sampled_from(["fail", "ok"]), max_size=25), st.integers(0, 25))
def test_what_is_told_in_two_parts_comes_to_the_same(story: list[str], cut: int) -> None:
    def told(part: list[str]) -> Change:
        change = Change()
        for what in part:
            change = change.then(Change(reset="ok") if what == "ok" else Change(failures=1))
        return change

    whole = told(story).apply(Circuit(), 0.0)
    parts = told(story[:cut]).then(told(story[cut:])).apply(Circuit(), 0.0)
    assert whole == parts


HEALTHY = (100, 1)


@pytest.mark.parametrize(
    ("shares", "ejected", "found"),
    [
        ({"a": (50, 50), "b": HEALTHY, "c": HEALTHY}, set(), ["a"]),
        ({"a": (50, 50), "b": HEALTHY}, set(), ["a"]),
        ({"a": (5, 5), "b": HEALTHY}, set(), []),  # too few to say
        ({"a": (50, 50), "b": (1, 0)}, set(), []),  # too little is known of the other
        ({"a": (90, 10), "b": HEALTHY}, set(), []),  # not that bad
        ({"a": (50, 50), "b": (55, 45)}, set(), []),  # everybody fails: it is not them
        ({"a": (0, 90)}, set(), []),  # never the last one
        ({"a": (50, 50), "b": HEALTHY}, {"b"}, []),  # half of them are out already
        ({"a": (50, 50), "b": (20, 80), "c": (900, 9), "d": (900, 9)}, set(), ["b", "a"]),
        ({"a": (50, 50), "b": (20, 80), "c": (900, 9)}, set(), ["b"]),
    ],
)
def test_outliers(shares: dict[str, tuple[int, int]], ejected: set[str], found: list[str]) -> None:
    assert outliers(shares, ejected) == found


def test_a_storm_of_retries_is_a_small_part_of_the_calls() -> None:
    budget, sent = RetryBudget(), 0
    for call in range(1, 3001):  # a minute at 50 a second, and every further attempt fails
        sent += budget.take(1_000.0 + call / 50, call)
    assert RETRY_ALLOWANCE <= sent <= 0.2 * 3000


def test_few_calls_may_always_be_tried_elsewhere() -> None:
    budget = RetryBudget()
    assert all(budget.take(60.0 * minute, minute) for minute in range(1, 200))


def test_attempts_that_succeed_are_never_too_many() -> None:
    budget = RetryBudget()
    for _ in range(1000):
        assert budget.take(5.0, 0)
        budget.give_back()
