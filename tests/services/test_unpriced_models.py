"""Models in use without a price: served and counted, told once a day, listed until they have one."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import NotFound
from app.models import Alert
from app.services import endpoints, model_rows, unpriced_models
from tests.providers_world import add_provider, records
from tests.world import actor_of

MODEL = "up/brand-new"


@pytest.fixture
def new_model(world, upstream):
    """An endpoint that answers with a model which nobody priced."""
    add_provider(world.acme, upstream, "up")
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"model": MODEL})


def listed(world):
    return unpriced_models.list_all(SYSTEM, world.acme.workspace.id)


def alerts():
    return database.read(lambda session: list(session.scalars(select(Alert))))


def test_it_is_served_told_once_and_listed_with_its_calls(world, client, upstream, new_model):
    for _ in range(2):
        answer = client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
        assert answer.status_code == 200
    assert [row.cost_nano_usd for row in records()] == [None, None]
    [alert] = alerts()
    assert (alert.kind, alert.subject, alert.facts) == ("unpriced_model", MODEL, {"model": MODEL})
    [found] = listed(world)
    assert (found.model_id, found.calls, found.used) == (MODEL, 2, True)


def test_one_that_is_only_named_is_listed_too_until_it_has_a_price(world, new_model):
    assert [(found.model_id, found.calls) for found in listed(world)] == [(MODEL, 0)]
    model_rows.set_row(SYSTEM, world.acme.workspace.id, MODEL, {"multiplier": "2"})
    assert [found.model_id for found in listed(world)] == [MODEL]
    model_rows.set_row(SYSTEM, world.acme.workspace.id, MODEL, {"free": True})
    assert listed(world) == []


def test_one_that_no_endpoint_names_any_more_stays_listed_until_it_has_a_price(world, client, new_model):
    client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"model": "demo/demo-fast"})
    assert [(found.model_id, found.calls, found.used) for found in listed(world)] == [(MODEL, 1, False)]
    model_rows.set_row(SYSTEM, world.acme.workspace.id, MODEL, {"free": True})
    assert listed(world) == []


def test_strangers_see_nothing_of_it(world):
    with pytest.raises(NotFound):
        unpriced_models.list_all(actor_of(world.stranger), world.acme.workspace.id)
