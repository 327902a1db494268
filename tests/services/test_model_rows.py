"""The models a workspace sees, and its own prices."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.domain.errors import InvalidInput, NotAllowed, NotFound
from app.services import endpoints, model_rows, providers
from tests.world import actor_of

OPENAI = {"slug": "openai", "name": "OpenAI", "dialect": "openai", "base_url": "https://api.openai.com/v1"}


def offered(world, query=""):
    return {view.id: view for view in model_rows.offered(SYSTEM, world.acme.workspace.id, query)}


@pytest.fixture
def openai(world):
    return providers.create(SYSTEM, world.acme.workspace.id, OPENAI)


def test_the_models_of_the_providers_are_listed_with_an_example(world, openai):
    found = offered(world)
    mini = found["openai/gpt-4o-mini"]
    assert mini.example_nano_usd == 450_000 and not mini.own and not mini.used
    assert found["demo/demo-fast"].used
    assert not any(model.startswith("anthropic/") for model in found)


def test_a_second_provider_of_a_vendor_offers_the_same_models(world, openai):
    providers.create(SYSTEM, world.acme.workspace.id, {**OPENAI, "slug": "openai-2", "vendor": "openai"})
    assert offered(world)["openai-2/gpt-4o-mini"].example_nano_usd == 450_000


def test_an_own_price_wins_and_goes_again(world, openai):
    prices = {"input_usd_per_million": "1", "output_usd_per_million": "2"}
    workspace_id = world.acme.workspace.id
    assert model_rows.set_row(SYSTEM, workspace_id, "openai/gpt-4o-mini", prices) == "created"
    assert model_rows.set_row(SYSTEM, workspace_id, "openai/gpt-4o-mini", prices) == "unchanged"
    mini = offered(world)["openai/gpt-4o-mini"]
    assert mini.own and mini.example_nano_usd == 2_000_000
    assert mini.facts.context_tokens == 128_000
    model_rows.remove_row(SYSTEM, workspace_id, "openai/gpt-4o-mini")
    assert not offered(world)["openai/gpt-4o-mini"].own
    with pytest.raises(NotFound):
        model_rows.remove_row(SYSTEM, workspace_id, "openai/gpt-4o-mini")


def test_a_used_model_that_nobody_knows_is_listed_without_a_price(world, openai):
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"model": "openai/brand-new"})
    new = offered(world)["openai/brand-new"]
    assert new.used and new.facts is None and new.example_nano_usd is None


def test_a_search_takes_every_word(world, openai):
    assert "openai/gpt-4o-mini" in offered(world, "OpenAI  4o MINI")
    assert offered(world, "gpt zebra") == {}


def test_a_price_for_a_provider_that_is_missing_is_still_shown(world):
    model_rows.set_row(SYSTEM, world.acme.workspace.id, "gone/model", {"free": True})
    gone = offered(world)["gone/model"]
    assert gone.provider is None and gone.example_nano_usd == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"input_usd_per_million": "1"},
        {"input_usd_per_million": "-1", "output_usd_per_million": "1"},
        {"input_usd_per_million": "1e3", "output_usd_per_million": "1"},
        {"input_usd_per_million": "1", "output_usd_per_million": "1", "context_tokens": 0},
    ],
)
def test_what_is_no_price_is_refused(world, fields):
    with pytest.raises(InvalidInput):
        model_rows.set_row(SYSTEM, world.acme.workspace.id, "openai/x", fields)


def test_the_catalog_s_facts_fill_the_form(world, openai):
    facts = offered(world)["openai/gpt-4o-mini"].facts
    fields = model_rows.fields_of(facts)
    assert fields["input_usd_per_million"] == "0.15" and fields["output_usd_per_million"] == "0.60"
    assert model_rows.set_row(SYSTEM, world.acme.workspace.id, "openai/gpt-4o-mini", fields) == "created"


def test_rows_are_the_workspace_s_own(world, openai):
    model_rows.set_row(SYSTEM, world.acme.workspace.id, "openai/gpt-4o-mini", {"free": True})
    assert model_rows.list_rows(actor_of(world.stranger), world.other.workspace.id) == []
    with pytest.raises(NotAllowed):
        model_rows.set_row(actor_of(world.teammate), world.acme.workspace.id, "openai/x", {"free": True})
    with pytest.raises(NotFound):
        model_rows.offered(actor_of(world.stranger), world.acme.workspace.id)
