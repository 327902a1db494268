"""Plans in the dashboard: what one's own includes, and operators who edit them for everybody."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.services import billing, plans
from tests.world import make_person

PLANS = "/w/acme/plans"


@pytest.fixture
def operator(world, sign_in):
    return sign_in(make_person("operator@acme.test", world.acme.workspace, "owner", operator=True))


def plan(slug):
    return next(view.plan for view in plans.list_all(SYSTEM) if view.plan.slug == slug)


def test_everybody_sees_their_own_plan_and_no_other(world, sign_in):
    viewer = sign_in(world.viewer)
    assert "No plan" in viewer.get(PLANS).text
    billing.update(SYSTEM, world.acme.workspace.id, {"plan": "team"})
    page = viewer.get(PLANS).text
    for words in (
        "Team",
        "10,000,000 a month",
        "$0.40 per million",
        "600 a minute",
        "of 10,000,000 included",
    ):
        assert words in page
    assert "Business" not in page and "New plan" not in page


def test_an_operator_adds_changes_and_removes_a_plan(operator):
    form = {
        "slug": "reseller", "name": "Reseller", "price_usd_per_month": "9,90", "included_tokens": "5000",
        "overage_usd_per_million": "1.5", "plugins": "some", "plugin_names": ["web-search", "memory"],
    }  # fmt: skip
    page = operator.post(PLANS, data=form, follow_redirects=True).text
    assert "Reseller" in page and "$9.90 a month" in page and "web-search, memory" in page
    made = plan("reseller")
    assert made.plugins == ["web-search", "memory"] and made.position == 4
    edit = f"{PLANS}/{made.id}/edit"
    assert 'value="9.90"' in operator.get(edit).text and 'value="memory" checked' in operator.get(edit).text
    operator.post(edit, data={**form, "name": "Resale", "plugins": "all", "hard_cap": "1", "slug": "other"})
    made = plan("reseller")
    assert (made.name, made.plugins, made.hard_cap) == ("Resale", None, True)
    page = operator.post(f"{PLANS}/{made.id}/delete", follow_redirects=True).text
    assert "Resale is removed" in page
    with pytest.raises(StopIteration):
        plan("reseller")


def test_a_plan_in_use_stays(world, operator):
    billing.update(SYSTEM, world.acme.workspace.id, {"plan": "team"})
    answer = operator.post(f"{PLANS}/{plan('team').id}/delete")
    assert answer.status_code == 409 and "Give them another one first" in answer.text
    assert plan("team")


def test_a_wrong_form_comes_back(operator):
    right = {"slug": "new", "name": "New"}
    for wrong, told in (
        ({"slug": "No Slug"}, "lower case letters"),
        ({"slug": "team"}, "of this slug already"),
        ({"included_tokens": "many"}, "whole number"),
        ({"included_tokens": "-1"}, "whole number"),
        ({"requests_per_minute": "0"}, "whole number"),
        ({"plugins": "some", "plugin_names": "web"}, "There is no plugin “web”"),
        ({"price_usd_per_month": "NaN"}, "at most 9 decimals"),
        ({"trial_credit_usd": "-5"}, "at most 9 decimals"),
        ({"overage_usd_per_million": "1" + 20 * "0"}, "at most 9 decimals"),
    ):
        answer = operator.post(PLANS, data={**right, **wrong})
        assert answer.status_code == 422 and told in answer.text, wrong
    assert len(plans.list_all(SYSTEM)) == 4


def test_an_owner_who_is_no_operator_edits_none(world, sign_in):
    owner, team = sign_in(world.owner), plan("team")
    assert owner.get(f"{PLANS}/new").status_code == 403
    assert owner.post(PLANS, data={"slug": "mine", "name": "Mine"}).status_code == 403
    assert owner.get(f"{PLANS}/{team.id}/edit").status_code == 404
    assert owner.post(f"{PLANS}/{team.id}/edit", data={"name": "Mine"}).status_code == 404
    assert owner.post(f"{PLANS}/{team.id}/delete").status_code == 404
    assert plan("team").name == "Team"
