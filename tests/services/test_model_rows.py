"""The models a workspace sees, and its own prices."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import InvalidInput, NotAllowed, NotFound
from app.models import Account
from app.services import endpoints, model_rows, price_list, providers
from tests.world import actor_of

OPENAI = {"slug": "openai", "name": "OpenAI", "dialect": "openai", "base_url": "https://api.openai.com/v1"}


def offered(world, query=""):
    return {view.id: view for view in price_list.offered(SYSTEM, world.acme.workspace.id, query)}


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
        {"cache_read_usd_per_million": "1"},
        {},
        {"free": False, "multiplier": ""},
        {"multiplier": "0"},
        {"multiplier": "-1"},
        {"multiplier": "1e2"},
        {"multiplier": "1000.000001"},
        {"multiplier": "0.0000001"},
        {"multiplier": 2},
        {"quality": 101},
        {"quality": "good"},
        {"quantization": "int3"},
        {"features": ["telepathy"]},
        {"features": "tools"},
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
        price_list.offered(actor_of(world.stranger), world.acme.workspace.id)


def test_a_multiplier_alone_keeps_the_shipped_price(world, openai):
    workspace_id = world.acme.workspace.id
    assert model_rows.set_row(SYSTEM, workspace_id, "openai/gpt-4o-mini", {"multiplier": "1.5"}) == "created"
    mini = offered(world)["openai/gpt-4o-mini"]
    assert mini.own and not mini.own_price and mini.is_multiplied
    assert (mini.effective_nano_usd("input"), mini.example_nano_usd) == (225_000_000, 675_000)
    assert model_rows.as_fields(model_rows.list_rows(SYSTEM, workspace_id)[0]) == {"multiplier": "1.5"}


def test_the_account_s_rate_multiplies_too(world, openai):
    account = Account.workspace_id == world.acme.workspace.id
    double = update(Account).where(account).values(rate_multiplier_ppm=2_000_000)
    database.transaction(lambda session: session.execute(double))
    model_rows.set_row(SYSTEM, world.acme.workspace.id, "openai/gpt-4o-mini", {"multiplier": "1.5"})
    mini = offered(world)["openai/gpt-4o-mini"]
    assert (mini.multipliers_ppm, mini.example_nano_usd) == ((2_000_000, 1_500_000), 1_350_000)


def test_a_row_that_would_change_nothing_goes(world, openai):
    workspace_id, model = world.acme.workspace.id, "openai/gpt-4o-mini"
    assert model_rows.set_row(SYSTEM, workspace_id, model, {"multiplier": "1"}) == "unchanged"
    model_rows.set_row(SYSTEM, workspace_id, model, {"multiplier": "2"})
    assert model_rows.set_row(SYSTEM, workspace_id, model, {"multiplier": "1.0"}) == "changed"
    assert model_rows.list_rows(SYSTEM, workspace_id) == []


def test_only_operators_multiply_and_what_they_set_outlives_an_admin_s_price(world, openai):
    workspace_id, model, admin = world.acme.workspace.id, "openai/gpt-4o-mini", actor_of(world.admin)
    with pytest.raises(NotAllowed, match="operator"):
        model_rows.set_row(admin, workspace_id, model, {"multiplier": "0.5"})
    model_rows.set_row(SYSTEM, workspace_id, model, {"multiplier": "2"})
    prices = {"input_usd_per_million": "1", "output_usd_per_million": "2"}
    model_rows.set_row(admin, workspace_id, model, prices)
    assert offered(world)[model].example_nano_usd == 4_000_000
    model_rows.remove_row(admin, workspace_id, model)
    assert offered(world)[model].example_nano_usd == 900_000
    with pytest.raises(NotAllowed, match="operator"):
        model_rows.remove_row(admin, workspace_id, model)


def test_the_row_of_a_second_provider_of_a_vendor_begins_with_the_vendor_s_facts(world, openai):
    eu = providers.create(SYSTEM, world.acme.workspace.id, {**OPENAI, "slug": "eu", "vendor": "openai"})
    model_rows.set_row(SYSTEM, world.acme.workspace.id, "eu/gpt-4o-mini", {"multiplier": "3"})
    found = offered(world)
    assert found["eu/gpt-4o-mini"].example_nano_usd == 1_350_000
    assert found["openai/gpt-4o-mini"].example_nano_usd == 450_000
    dated = database.read(lambda session: model_rows.facts(session, eu, "gpt-4o-mini-2024-07-18"))
    assert dated.multiplier_ppm == 3_000_000


def test_a_model_s_quality_abilities_and_precision_are_the_workspace_s_to_say(world, openai):
    workspace_id, model = world.acme.workspace.id, "openai/gpt-4o-mini"
    assert offered(world)[model].facts.quality == 60
    said = {"quality": 0, "features": ["tools"], "quantization": "FP8"}
    assert model_rows.set_row(SYSTEM, workspace_id, model, said) == "created"
    facts = offered(world)[model].facts
    assert (facts.quality, facts.quantization, facts.modality) == (0, "fp8", "text")
    assert facts.features == {"streaming", "tools"} and facts.price is not None
    written = model_rows.as_fields(model_rows.list_rows(SYSTEM, workspace_id)[0])
    assert model_rows.set_row(SYSTEM, workspace_id, model, written) == "unchanged"
    model_rows.set_row(SYSTEM, workspace_id, "openai/own-embed", {"free": True, "features": ["embeddings"]})
    assert offered(world)["openai/own-embed"].facts.modality == "embedding"
