"""Budgets in the dashboard: set in plain words, told in bars and words, where people look for them."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from app.database import database
from app.domain.actors import SYSTEM
from app.models import BudgetPeriod
from app.services import budgets, keys

URL = "/w/acme/budgets"


@pytest.fixture
def admin(world, sign_in):
    return sign_in(world.admin)


@pytest.fixture
def form(world):
    """A form as the browser sends it."""
    return {
        "scope": f"key:{world.acme.key.id}",
        "period": "month",
        "usd": "10",
        "tokens": "",
        "consequence": "stop",
    }


@pytest.fixture
def budget(world):
    scope = "key", world.acme.key.id
    return budgets.create(SYSTEM, world.acme.workspace.id, scope, "month", {"usd": "10", "tokens": 1_000})


def standing(world):
    return budgets.status(SYSTEM, world.acme.workspace.id)


def test_an_empty_list_says_what_budgets_are_for(world, admin, sign_in):
    assert "Set the first budget" in admin.get(URL).text
    assert "Set the first budget" not in sign_in(world.viewer).get(URL).text


def test_one_is_set_and_listed(world, admin, form):
    assert f'value="key:{world.acme.key.id}"' in admin.get(f"{URL}/new").text
    page = admin.post(URL, data=form | {"usd": "12,5", "consequence": "tell"}, follow_redirects=True).text
    for words in ("Support / ci", "each month", "0 % used", "$0.00 of $12.50", "Only tells"):
        assert words in page


def test_what_is_used_is_told_in_words(world, admin, budget):
    use = update(BudgetPeriod).where(BudgetPeriod.budget_id == budget.id)
    amounts = {"spent_nano_usd": 8_250_000_000, "reserved_nano_usd": 500_000_000, "spent_tokens": 1_020}
    database.transaction(lambda session: session.execute(use.values(**amounts)))
    page = admin.get(URL).text
    for words in ("82 % used", "$8.25 of $10.00", "$0.50 held", "102 % used", "1,020 of 1,000 tokens"):
        assert words in page
    assert "meter-near" in page and "meter-over" in page and " left</span>" in page


def test_the_form_comes_chosen_from_the_page_of_a_thing(world, admin):
    for page, scope in (
        (f"/w/acme/endpoints/{world.acme.endpoint.id}", f"endpoint:{world.acme.endpoint.id}"),
        (f"/w/acme/projects/{world.acme.project.id}", f"project:{world.acme.project.id}"),
        (f"/w/acme/keys/{world.acme.key.id}/edit", f"key:{world.acme.key.id}"),
    ):
        link = f"{URL}/new?scope={scope}"
        assert f'href="{link}"' in admin.get(page).text
        assert f'value="{scope}" selected' in admin.get(link).text


def test_its_page_shows_a_thing_s_own_budget(world, admin, sign_in, budget):
    path = f"/w/acme/keys/{world.acme.key.id}/edit"
    assert f'href="{URL}/{budget.id}/edit"' in admin.get(path).text
    page = sign_in(world.teammate).get(path).text
    assert "$0.00 of $10.00" in page and f"{budget.id}/edit" not in page


def test_one_is_changed_switched_off_and_on(world, admin, budget):
    path = f"{URL}/{budget.id}"
    assert 'value="10.00"' in admin.get(f"{path}/edit").text
    changed = {"usd": "20", "tokens": "", "consequence": "tell"}
    assert "$20.00" in admin.post(f"{path}/edit", data=changed, follow_redirects=True).text
    [shown] = standing(world)
    assert (shown.budget.cap_nano_usd, shown.budget.cap_tokens, shown.budget.hard) == (
        20 * 10**9,
        None,
        False,
    )
    assert "Switched off" in admin.post(f"{path}/active", data={"active": "0"}, follow_redirects=True).text
    assert not standing(world)[0].budget.active
    admin.post(f"{path}/active", data={"active": "1"})
    assert standing(world)[0].budget.active


def test_a_budget_of_something_gone_has_no_effect_and_harms_no_page(world, admin, budget):
    keys.revoke(SYSTEM, world.acme.workspace.id, world.acme.key.id)
    page = admin.get(URL).text
    assert "Without effect" in page and "Not in use" in page
    assert admin.get(f"{URL}/{budget.id}/edit").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"usd": ""}, "Give an amount in dollars"),
        ({"usd": "0"}, "Must be more than zero"),
        ({"usd": "lots"}, "Write the amount in dollars"),
        ({"tokens": "many"}, "Must be a whole number"),
        ({"scope": ""}, "Choose from"),
        ({"scope": "key:00000000-0000-4000-8000-000000000000"}, "Choose one of the list"),
        ({"period": "week"}, "Choose from"),
    ],
)
def test_a_wrong_form_comes_back_with_what_was_typed(world, admin, form, wrong, words):
    answer = admin.post(URL, data=form | {"usd": "7.25"} | wrong)
    assert answer.status_code == 422 and words in answer.text
    assert f'value="{wrong.get("usd", "7.25")}"' in answer.text
    assert standing(world) == []


def test_a_second_one_for_the_same_time_is_refused(admin, form, budget):
    answer = admin.post(URL, data=form)
    assert answer.status_code == 422 and "There is a budget for this already" in answer.text


def test_editors_look_but_do_not_set(world, sign_in, form, budget):
    editor = sign_in(world.teammate)
    page = editor.get(URL).text
    assert "Support / ci" in page and "New budget" not in page and "Change" not in page
    assert editor.get(f"{URL}/new").status_code == 403
    assert editor.post(URL, data=form).status_code == 403
    assert editor.post(f"{URL}/{budget.id}/edit", data=form).status_code == 403
    assert editor.post(f"{URL}/{budget.id}/active", data={"active": "0"}).status_code == 403


def test_the_manual_tells_of_them(world, sign_in):
    page = sign_in(world.viewer).get("/docs").text
    assert 'id="budgets"' in page and "takes the place of the endpoint" in page
