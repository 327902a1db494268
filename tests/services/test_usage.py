"""The numbers of Home."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import NotFound
from app.domain.ids import new_id
from app.models import RecordRow
from app.services import endpoints, first_steps, keys, providers, usage
from app.services.cache import Cache
from app.services.usage import Totals
from tests.world import Tenant, World, actor_of

NOW = datetime.now(UTC)


def add(tenant: Tenant, at: datetime, **changes: Any) -> None:
    row = {
        "id": new_id(),
        "created_at": at,
        "workspace_id": tenant.workspace.id,
        "endpoint_id": tenant.endpoint.id,
        "endpoint_slug": "hello",
        "caller_label": "ci",
        "surface": "endpoints",
        "source": "api",
        "stream": False,
        "outcome": "succeeded",
        "status": 200,
        "model_requested": "demo/demo-fast",
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "estimated": False,
        "cost_nano_usd": 7,
        "attempts": [],
        "steps": {},
        "duration_ms": 12,
        **changes,
    }
    database.transaction(lambda session: session.execute(insert(RecordRow), [row]) and None)


def test_a_day_without_calls_is_all_zero(world: World) -> None:
    day = usage.last_day(actor_of(world.viewer), world.acme.workspace.id)
    assert (day.numbers.now, day.numbers.before, day.numbers.endpoints, day.latest) == (
        Totals(),
        Totals(),
        (),
        (),
    )
    assert [hour.totals for hour in day.numbers.hours] == [Totals()] * 24


def test_sums_are_exact_and_split_at_24_hours(world: World) -> None:
    add(world.acme, NOW - timedelta(minutes=1))
    add(world.acme, NOW - timedelta(hours=23, minutes=59), outcome="failed", cost_nano_usd=0)
    add(world.acme, NOW - timedelta(hours=24, minutes=1), outcome="client_left", cost_nano_usd=None)
    add(world.acme, NOW - timedelta(hours=47, minutes=59), outcome="cut")
    add(world.acme, NOW - timedelta(hours=48, minutes=1))
    add(
        world.acme,
        NOW - timedelta(minutes=2),
        outcome="refused",
        input_tokens=0,
        output_tokens=0,
        cost_nano_usd=0,
    )
    add(world.other, NOW - timedelta(minutes=1))
    day = usage.last_day(actor_of(world.viewer), world.acme.workspace.id, NOW)
    assert day.numbers.now == Totals(calls=3, errors=1, tokens=30, cost_nano_usd=7, refused=1)
    assert day.numbers.before == Totals(calls=2, errors=1, tokens=30, cost_nano_usd=7, unpriced=1)


def test_calls_in_shadow_and_reported_ones_are_none_of_the_day(world: World) -> None:
    for source in ("api", "dashboard", "shadow", "reported"):
        add(world.acme, NOW - timedelta(minutes=1), source=source)
    day = usage.last_day(SYSTEM, world.acme.workspace.id, NOW)
    assert (day.numbers.now.calls, day.numbers.endpoints[0].totals.calls) == (2, 2)
    assert len(day.latest) == 2


def test_hours_are_clock_hours_up_to_the_running_one(world: World) -> None:
    now = NOW.replace(minute=30, second=0, microsecond=0)
    for minutes in (1, 29, 31, 23 * 60 + 29):
        add(world.acme, now - timedelta(minutes=minutes))
    day = usage.last_day(actor_of(world.viewer), world.acme.workspace.id, now)
    assert [hour.starts_at.minute for hour in day.numbers.hours] == [0] * 24
    assert day.numbers.hours[-1].starts_at == now.replace(minute=0)
    calls = [hour.totals.calls for hour in day.numbers.hours]
    assert (calls[-1], calls[-2], calls[0], sum(calls)) == (2, 1, 1, 4)


def test_the_busiest_endpoint_comes_first_and_the_newest_call_too(world: World) -> None:
    acme = world.acme
    view = endpoints.create(
        SYSTEM, acme.workspace.id, acme.project.id, {"slug": "other", "model": "demo/demo-fast"}
    )
    for minutes in (5, 4):
        add(acme, NOW - timedelta(minutes=minutes), endpoint_id=view.endpoint.id, endpoint_slug="other")
    add(acme, NOW - timedelta(minutes=3))
    add(acme, NOW - timedelta(minutes=2), endpoint_id=None, endpoint_slug="", outcome="refused")
    day = usage.last_day(actor_of(world.viewer), acme.workspace.id)
    assert [(use.slug, use.totals.calls) for use in day.numbers.endpoints] == [("other", 2), ("hello", 1)]
    assert [row.endpoint_slug for row in day.latest] == ["", "hello", "other", "other"]


def test_sums_that_took_long_serve_for_a_while_but_calls_are_always_the_newest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "SLOW_SECONDS", 0)
    monkeypatch.setattr(usage, "KEPT_FOR", 1e6)
    monkeypatch.setattr(usage, "kept", Cache(10))
    for known in (0, 0):
        day = usage.last_day(actor_of(world.viewer), world.acme.workspace.id)
        add(world.acme, datetime.now(UTC))
        assert day.numbers.now.calls == known
    assert len(usage.last_day(actor_of(world.viewer), world.acme.workspace.id).latest) == 2
    with pytest.raises(NotFound):
        usage.last_day(actor_of(world.stranger), world.acme.workspace.id)


def test_another_tenant_sees_nothing(world: World) -> None:
    for look in (usage.last_day, first_steps.look):
        with pytest.raises(NotFound):
            look(actor_of(world.stranger), world.acme.workspace.id)


def test_first_steps_are_read_off_the_data(client: FlaskClient, world: World) -> None:
    acme, actor = world.acme, actor_of(world.owner)
    looked = first_steps.look(actor, acme.workspace.id)
    assert (looked.tried, looked.provider, looked.endpoint, looked.key, looked.called) == (
        False,
        False,
        False,
        True,
        False,
    )
    assert looked.demo_endpoint is not None and looked.demo_endpoint.id == acme.endpoint.id
    add(acme, NOW, source="dashboard")
    assert first_steps.look(actor, acme.workspace.id).tried
    assert not first_steps.look(actor, acme.workspace.id).called
    client.post(acme.url, json={"message": "Hi"}, headers=acme.headers)
    fields = {"slug": "up", "dialect": "openai", "base_url": "https://api.example.com/v1"}
    providers.create(actor, acme.workspace.id, fields)
    endpoints.create(actor, acme.workspace.id, acme.project.id, {"slug": "mine", "model": "demo/demo-fast"})
    keys.revoke(actor, acme.workspace.id, acme.key.id)
    assert first_steps.look(actor, acme.workspace.id).all_done
