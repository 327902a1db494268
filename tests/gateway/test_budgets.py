"""Budgets at the door: what is set refuses or only tells, and a change holds from the next call on."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.services import budgets, keys

TINY = {"usd": "0.000000001"}


@pytest.fixture
def call(client, world):
    return lambda: client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code


@pytest.fixture
def put(world):
    """Return a function that sets a budget on one of Acme's things."""
    ids = {"key": world.acme.key.id, "endpoint": world.acme.endpoint.id, "project": world.acme.project.id}
    workspace_id = world.acme.workspace.id
    return lambda kind, period, fields: budgets.create(
        SYSTEM, workspace_id, (kind, ids[kind]), period, fields
    )


@pytest.mark.parametrize("period", ["request", "day", "month"])
def test_a_hard_one_refuses_until_it_is_raised_or_switched_off(world, call, put, period):
    assert call() == 200
    budget = put("project", period, TINY)
    assert call() == 422
    for fields in ({"usd": "1"}, {**TINY, "hard": False}, {**TINY, "hard": True, "active": False}):
        budgets.update_caps(SYSTEM, world.acme.workspace.id, budget.id, fields)
        assert call() == 200, fields
    budgets.update_caps(SYSTEM, world.acme.workspace.id, budget.id, {"active": True})
    assert call() == 422


def test_what_calls_cost_and_use_is_counted(world, call, put):
    put("endpoint", "month", {"usd": "5", "tokens": 1_000_000})
    assert call() == call() == 200
    [shown] = budgets.status(SYSTEM, world.acme.workspace.id)
    assert shown.spent_nano_usd > 0 and shown.spent_tokens > 0
    assert (shown.reserved_nano_usd, shown.reserved_tokens) == (0, 0)


def test_a_key_s_budget_takes_the_place_of_the_endpoint_s(world, call, put):
    put("endpoint", "month", TINY)
    assert call() == 422
    put("key", "month", {"usd": "1"})
    assert call() == 200
    put("endpoint", "day", TINY)
    assert call() == 422


def test_the_budget_of_a_revoked_key_stops_no_other_key(world, client, put):
    put("key", "month", TINY)
    other = keys.create(SYSTEM, world.acme.workspace.id, world.acme.project.id, {"name": "other"})
    keys.revoke(SYSTEM, world.acme.workspace.id, world.acme.key.id)
    headers = {"Authorization": f"Bearer {other.secret}"}
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=headers).status_code == 200
