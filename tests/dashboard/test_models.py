"""Models in the dashboard: what they cost, searching, and prices of one's own."""

from __future__ import annotations

import re

import pytest

from app.domain.actors import SYSTEM
from app.services import endpoints, model_rows, providers
from tests.world import make_person

OPENAI = {"slug": "openai", "name": "OpenAI", "dialect": "openai", "base_url": "https://api.openai.com/v1"}
EDIT = "/w/acme/models/openai/gpt-4o-mini/edit"


@pytest.fixture
def admin(world, sign_in):
    providers.create(SYSTEM, world.acme.workspace.id, OPENAI)
    return sign_in(world.admin)


def test_models_are_listed_with_price_and_example(admin):
    page = admin.get("/w/acme/models").text
    for words in ("openai/gpt-4o-mini", "$0.15", "$0.60", "$0.00045", "In use", "128k", "Catalog"):
        assert words in page


def test_a_search_returns_only_the_table_to_htmx(admin):
    part = admin.get("/w/acme/models?q=gpt-4o-mini", headers={"HX-Request": "true"}).text
    assert part.strip().startswith('<div id="models"') and "openai/gpt-4o-mini" in part
    assert "gpt-4.1" not in part
    assert "No model matches" in admin.get("/w/acme/models?q=zebra").text


def test_an_own_price_is_set_changed_and_removed(admin, world):
    assert 'value="0.15"' in admin.get(EDIT).text
    prices = {"input_usd_per_million": "1,5", "output_usd_per_million": "2"}
    page = admin.post(EDIT, data=prices, follow_redirects=True).text
    assert "Own price" in page and "$1.50" in page
    assert "Remove the own price" in admin.get(EDIT).text
    assert "Own price" not in admin.post(EDIT.replace("/edit", "/delete"), follow_redirects=True).text
    assert model_rows.list_rows(SYSTEM, world.acme.workspace.id) == []


def test_the_form_shows_what_an_example_costs_and_each_price_beside_it(admin):
    admin.post(EDIT, data={"price": "own", "input_usd_per_million": "2", "output_usd_per_million": "8"})
    page = admin.get(EDIT).text
    for name, cost in (
        ("input", "$0.002"),
        ("output", "$0.004"),
        ("cache_read", "$0.002"),
        ("call", "$0.006"),
    ):
        assert re.search(rf'data-cost="{name}"[^>]*>{re.escape(cost)}<', page), name


def test_going_back_to_the_shipped_price_removes_the_row(admin, world):
    admin.post(EDIT, data={"price": "own", "input_usd_per_million": "2", "output_usd_per_million": "8"})
    admin.post(EDIT, data={"price": "shipped", "input_usd_per_million": "2", "output_usd_per_million": "8"})
    assert model_rows.list_rows(SYSTEM, world.acme.workspace.id) == []


def test_free_is_said_never_assumed(admin, world):
    zero = {"input_usd_per_million": "0", "output_usd_per_million": "0"}
    answer = admin.post(EDIT, data={"price": "own", **zero})
    assert answer.status_code == 422 and "say that it is free instead" in answer.text
    assert "free</td>" in admin.post(EDIT, data={"price": "free"}, follow_redirects=True).text


def test_only_operators_see_and_set_the_multiplier(admin, world, sign_in):
    factor = {"price": "shipped", "multiplier": "1,25"}
    assert 'name="multiplier"' not in admin.get(EDIT).text
    assert admin.post(EDIT, data=factor).status_code == 403
    operator = sign_in(make_person("op@acme.test", world.acme.workspace, "owner", operator=True))
    assert 'name="multiplier"' in operator.get(EDIT).text
    page = operator.post(EDIT, data=factor, follow_redirects=True).text
    for words in ("× 1.25 for this model", "you pay $0.188", "$0.000563"):
        assert words in page
    assert "multiplies the price of this model by 1.25" in admin.get(EDIT).text
    admin.post(EDIT, data={"price": "own", "input_usd_per_million": "1", "output_usd_per_million": "1"})
    assert model_rows.list_rows(SYSTEM, world.acme.workspace.id)[0].multiplier_ppm == 1_250_000


def test_models_in_use_without_a_price_lead_to_their_form(admin, world, sign_in):
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"model": "openai/brand-new"})
    page = admin.get("/w/acme/models").text
    assert "In use without a price" in page and 'href="/w/acme/models/openai/brand-new/edit"' in page
    path = "/w/acme/models/openai/brand-new/edit"
    assert 'value="shipped"' not in admin.get(path).text
    admin.post(path, data={"price": "own", "input_usd_per_million": "1", "output_usd_per_million": "1"})
    assert "In use without a price" not in admin.get("/w/acme/models").text


def test_the_price_list_has_the_prices_of_this_workspace(admin, world):
    admin.post(EDIT, data={"price": "own", "input_usd_per_million": "2", "output_usd_per_million": "8"})
    model_rows.set_row(SYSTEM, world.acme.workspace.id, "openai/gpt-4.1", {"multiplier": "2"})
    page = admin.get("/w/acme/docs/pricing").text
    for words in ("$0.006", "you pay $4.00", "What each outcome is charged", "rounded once", "is held"):
        assert words in page
    part = admin.get("/w/acme/docs/pricing?q=4o-mini", headers={"HX-Request": "true"}).text
    assert part.strip().startswith('<div id="prices"') and "gpt-4.1" not in part
    assert "No model matches" in admin.get("/w/acme/docs/pricing?q=zebra").text


def test_the_price_list_outside_a_workspace_is_the_catalog_s(admin):
    admin.post(EDIT, data={"price": "own", "input_usd_per_million": "2", "output_usd_per_million": "8"})
    page = admin.get("/docs/pricing?q=4o-mini").text
    assert "$0.00045" in page and "$0.15" in page and "$2.00" not in page
    assert 'href="/w/acme/docs/pricing"' in page
    assert "anthropic/" in admin.get("/docs/pricing").text


def test_a_model_that_the_catalog_does_not_know_is_added(admin):
    fields = {"id": "openai/my/own:7b", "input_usd_per_million": "0", "output_usd_per_million": "0.1"}
    page = admin.post("/w/acme/models", data=fields, follow_redirects=True)
    assert page.status_code == 200 and "openai/my/own:7b" in page.text
    assert admin.get("/w/acme/models/openai/my/own:7b/edit").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "nonsense"},
        {"input_usd_per_million": ""},
        {"context_tokens": "many"},
        {"output_usd_per_million": "x"},
    ],
)
def test_a_wrong_form_comes_back(admin, wrong):
    fields = {"id": "openai/x", "input_usd_per_million": "12.5", "output_usd_per_million": "2", **wrong}
    answer = admin.post("/w/acme/models", data=fields)
    assert answer.status_code == 422 and "Please correct" in answer.text
    assert wrong.get("input_usd_per_million", "12.5") in answer.text


def test_others_read_only(world, sign_in, admin):
    editor = sign_in(world.teammate)
    page = editor.get("/w/acme/models").text
    assert "openai/gpt-4o-mini" in page and EDIT not in page and "Add a model" not in page
    assert editor.get(EDIT).status_code == 403
    assert editor.post(EDIT, data={"free": "1"}).status_code == 403
    assert editor.post(EDIT.replace("/edit", "/delete")).status_code == 403


def test_what_a_model_can_do_and_how_good_it_is_can_be_said(admin, world):
    shown = ["", "json_schema", "sampling", "tools", "vision"]
    answer = admin.post(
        EDIT, data={"price": "shipped", "features": shown, "quality": "72", "quantization": "fp8"}
    )
    assert answer.status_code == 303
    [row] = model_rows.list_rows(SYSTEM, world.acme.workspace.id)
    assert (row.quality, row.features, row.quantization) == (72, None, "fp8")  # the abilities are as shipped
    admin.post(EDIT, data={"price": "shipped", "features": ["", "sampling"]})
    [row] = model_rows.list_rows(SYSTEM, world.acme.workspace.id)
    assert (row.quality, row.features, row.quantization) == (None, ["sampling", "streaming"], None)
    page = admin.get(EDIT).text
    assert re.search(r'value="sampling"[^>]* checked', page) and not re.search(
        r'value="tools"[^>]* checked', page
    )
    wrong = admin.post(
        EDIT, data={"price": "shipped", "features": ["", "embeddings", "tools"], "quality": "101"}
    )
    assert wrong.status_code == 422 and "does nothing else" in wrong.text and "from 0 to 100" in wrong.text
    assert re.search(r'value="tools"[^>]* checked', wrong.text)
