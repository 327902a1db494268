"""Rollout plans and what is counted of arms: what may be written, and what it comes to."""

from __future__ import annotations

import pytest

from app.domain.arm_counts import Counts, counts_of, from_dict
from app.domain.errors import InvalidFields, InvalidInput
from app.domain.histograms import bucket_of
from app.domain.rollout_plans import DEFAULT, parse_plan, parse_standing, state_of


def test_a_plan_comes_back_as_it_was_written():
    plan = parse_plan({"steps": [0, 0.07, 12.5, 100], "guarded": False, "step_minutes": 30})
    assert plan is not None and plan.steps == (0, 7, 1_250, 10_000)
    assert parse_plan(plan.as_dict()) == plan
    assert plan.as_dict()["steps"] == [0, 0.07, 12.5, 100]
    assert parse_plan({}) is None and parse_plan(None) is None
    assert parse_plan({"guarded": True}) == DEFAULT


@pytest.mark.parametrize(
    "steps",
    [[], [10, 5, 100], [10, 10, 100], [1, 50], [0.001, 100], ["1", 100], "100", [True, 100], [50, 101]],
)
def test_wrong_steps_are_refused(steps):
    with pytest.raises(InvalidFields) as error:
        parse_plan({"steps": steps})
    assert "grow" in error.value.errors["steps"]


def test_every_wrong_field_is_told_at_once():
    wrong = {"step_minutes": -1, "most_slower_percent": "25", "guarded": "yes"}
    with pytest.raises(InvalidFields) as error:
        parse_plan(wrong)
    assert error.value.errors.keys() == wrong.keys()
    with pytest.raises(InvalidFields, match="no such field"):
        parse_plan({"step": 1})


def test_the_next_step_follows_the_share_wherever_it_was_set():
    assert [DEFAULT.after(share) for share in (0, 100, 700, 5_000, 10_000)] == [
        100, 1_000, 1_000, 10_000, None,
    ]  # fmt: skip
    assert [DEFAULT.step_of(share) for share in (0, 100, 700, 5_000, 10_000)] == [0, 0, 0, 2, 3]
    assert [state_of(share) for share in (0, 1, 9_999, 10_000)] == ["SHADOW", "CANARY", "CANARY", "FULL"]


@pytest.mark.parametrize(
    ("fields", "share"),
    [
        ({"share": 0.01}, 1),
        ({"state": "SHADOW"}, 0),
        ({"state": "FULL"}, 10_000),
        ({"state": "CANARY", "share": 3}, 300),
        ({}, None),
    ],
)
def test_a_state_and_a_share_say_how_many_get_it(fields, share):
    assert parse_standing(fields) == share


@pytest.mark.parametrize("fields", [{"share": 0}, {"state": "CANARY"}, {"state": "OFF"}, {"share": 0.005}])
def test_what_is_no_standing_is_refused(fields):
    with pytest.raises(InvalidInput):
        parse_standing(fields)


def test_what_says_nothing_of_a_version_is_not_counted():
    assert counts_of({"outcome": "refused", "error_code": "rate_limit_exceeded", "status": 429}) == {}
    assert counts_of({"outcome": "succeeded", "cached": True}) == {}
    assert counts_of({"outcome": "replayed"}) == {}
    failed = counts_of({"outcome": "failed", "duration_ms": 9_000, "cost_nano_usd": 5})
    assert failed == {("calls", 0): 1, ("errors", 0): 1, ("cost_nano_usd", 0): 5}


def test_who_leaves_has_waited_so_long():
    gone = counts_of({"outcome": "client_left", "duration_ms": 9_000, "cost_nano_usd": 5})
    assert gone == {("calls", 0): 1, ("cost_nano_usd", 0): 5, ("latency", bucket_of(9_000)): 1}


def test_counts_go_to_json_and_back_and_only_what_came_since_is_left():
    before = Counts(10, 1, latency={3: 4}, cost={-1: 2})
    assert from_dict(before.as_dict()) == before and from_dict({}) == Counts()
    after = Counts(15, 3, latency={3: 4, 5: 6}, cost={-1: 3})
    assert after.since(before) == Counts(5, 2, latency={5: 6}, cost={-1: 1})
