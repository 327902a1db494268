"""Models in the dashboard: what they cost, searching, and prices of one's own."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.services import model_rows, providers

OPENAI = {"slug": "openai", "name": "OpenAI", "dialect": "openai", "base_url": "https://api.openai.com/v1"}
EDIT = "/w/acme/models/openai/gpt-4o-mini/edit"


@pytest.fixture
def admin(world, sign_in):
    providers.create(SYSTEM, world.acme.workspace.id, OPENAI)
    return sign_in(world.admin)


def test_models_are_listed_with_price_and_example(admin):
    page = admin.get("/w/acme/models").text
    for words in ("openai/gpt-4o-mini", "$0.15", "$0.60", "$0.00045", "In use", "128k"):
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
    assert "openai/gpt-4o-mini" in page and "Change price" not in page and "Add a model" not in page
    assert editor.get(EDIT).status_code == 403
    assert editor.post(EDIT, data={"free": "1"}).status_code == 403
    assert editor.post(EDIT.replace("/edit", "/delete")).status_code == 403
