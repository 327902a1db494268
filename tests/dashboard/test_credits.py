"""Credits in the dashboard: the balance, moving money once per form, the ledger, and who may do what."""

from __future__ import annotations

import csv
import io
import re

import pytest

from app.domain.actors import SYSTEM
from app.domain.pricing import NANO_PER_USD
from app.services import accounts, billing, credits
from tests.world import make_person

CREDITS = "/w/acme/credits"


@pytest.fixture
def acme(world):
    billing.update(SYSTEM, world.acme.workspace.id, {"billing": "prepaid", "low_balance_usd": "2"})
    return world.acme.workspace.id


@pytest.fixture
def operator(world, acme, sign_in):
    return sign_in(make_person("operator@acme.test", world.acme.workspace, "owner", operator=True))


def balance(workspace_id):
    return accounts.find(SYSTEM, workspace_id).account.balance_nano_usd


def ref_in(page):
    return re.search(r'name="ref" value="([^"]+)"', page.text)[1]


def test_a_double_submit_credits_once(operator, acme):
    form = {
        "kind": "top_up",
        "usd": "25,50",
        "reason": "Invoice 7",
        "ref": ref_in(operator.get(f"{CREDITS}/new")),
    }
    page = operator.post(CREDITS, data=form, follow_redirects=True).text
    assert "Done: +$25.50. The balance is $25.50." in page and "Invoice 7" in page
    assert operator.post(CREDITS, data=form).status_code == 303
    assert balance(acme) == 25_500_000_000
    page = operator.get(CREDITS).text
    assert page.count("Invoice 7") == 1 and "operator@acme.test" in page
    again = {**form, "ref": ref_in(operator.get(f"{CREDITS}/new"))}
    operator.post(CREDITS, data=again)
    assert balance(acme) == 51 * NANO_PER_USD


def test_corrections_and_money_paid_back(operator, acme):
    credits.top_up(SYSTEM, acme, {"usd": "10", "ref": "first"})
    assert "With a minus in front" in operator.get(f"{CREDITS}/new?kind=adjustment").text
    operator.post(CREDITS, data={"kind": "adjustment", "usd": "-1.5", "reason": "Oops", "ref": "a"})
    page = operator.post(
        CREDITS, data={"kind": "refund", "usd": "2", "reason": "Asked", "ref": "b"}, follow_redirects=True
    ).text
    for words in ("Correction", "−$1.50", "Paid back", "−$2.00", "Top-up", "+$10.00", "$6.50"):
        assert words in page
    assert (
        "Correction"
        not in operator.get(f"{CREDITS}?kind=refund", headers={"HX-Request": "true"}).text.split("<table")[1]
    )


@pytest.mark.parametrize(
    ("wrong", "status", "told"),
    [
        ({"usd": "many"}, 422, "at most 9 decimals"),
        ({"usd": "-5"}, 422, "at most 9 decimals"),
        ({"usd": "1,000"}, 422, "at most 9 decimals"),  # one dollar or a thousand
        ({"usd": ""}, 422, "Please fill this in"),
        ({"kind": "adjustment", "reason": ""}, 422, "Please fill this in"),
        ({"kind": "refund", "usd": "11"}, 409, "At most 10.00 USD"),
        ({"kind": "adjustment", "usd": "-11"}, 409, "less than that amount"),
    ],
)
def test_a_wrong_form_comes_back(operator, acme, wrong, status, told):
    credits.top_up(SYSTEM, acme, {"usd": "10", "ref": "first"})
    answer = operator.post(CREDITS, data={"kind": "top_up", "usd": "1", "reason": "why", "ref": "x", **wrong})
    assert answer.status_code == status and told in answer.text
    assert 'name="ref" value="x"' in answer.text  # a corrected form is still the same payment
    assert balance(acme) == 10 * NANO_PER_USD


def test_the_ledger_has_pages_and_comes_as_a_file(operator, acme, monkeypatch):
    monkeypatch.setattr("app.services.ledger.PAGE_SIZE", 2)
    monkeypatch.setattr("app.services.ledger.EXPORT_BATCH", 2)
    for number in range(1, 6):
        credits.top_up(SYSTEM, acme, {"usd": str(number), "ref": f"r{number}", "reason": f"note {number}"})
    first = operator.get(CREDITS).text
    assert "note 5" in first and "note 3" not in first and "before=4" in first
    second = operator.get(f"{CREDITS}?before=4").text
    assert "note 3" in second and "after=3" in second and "before=2" in second
    assert "note 5" in operator.get(f"{CREDITS}?after=3").text
    assert "No entry here" in operator.get(f"{CREDITS}?before=1").text
    rows = list(csv.reader(io.StringIO(operator.get(f"{CREDITS}/ledger.csv").text)))
    assert [row[0] for row in rows] == ["number", "5", "4", "3", "2", "1"]
    assert rows[1][2:5] == ["top_up", "5.00", "15.00"]


def test_no_cell_of_the_file_is_a_formula(operator, acme):
    credits.adjust(SYSTEM, acme, {"usd": "5", "ref": "+1", "reason": '=HYPERLINK("http://x")'})
    credits.adjust(SYSTEM, acme, {"usd": "-2", "ref": "@x", "reason": "-1"})
    rows = list(csv.reader(io.StringIO(operator.get(f"{CREDITS}/ledger.csv").text)))
    assert rows[1][3:7] == ["-2.00", "3.00", "'@x", "'-1"]
    assert rows[2][5:7] == ["'+1", '\'=HYPERLINK("http://x")']


def test_a_low_balance_and_a_metered_account_are_told_in_words(operator, acme, world, sign_in):
    assert "The balance is low" in operator.get(CREDITS).text
    credits.top_up(SYSTEM, acme, {"usd": "10", "ref": "first"})
    assert "The balance is low" not in operator.get(CREDITS).text
    billing.update(SYSTEM, acme, {"billing": "metered"})
    page = operator.get(CREDITS).text
    assert "nothing is paid in advance" in page and "Unused balance" in page and "Top up" not in page
    stranger = sign_in(world.stranger).get("/w/other/credits").text
    assert "A metered account keeps no ledger" in stranger


def test_others_look_and_move_nothing(world, acme, sign_in):
    credits.top_up(SYSTEM, acme, {"usd": "10", "ref": "first", "reason": "note"})
    for person in (world.viewer, world.teammate, world.admin, world.owner):
        browser = sign_in(person)
        page = browser.get(CREDITS).text
        assert "note" in page and "credits/new" not in page
        assert browser.get(f"{CREDITS}/ledger.csv").status_code == 200
        assert browser.get(f"{CREDITS}/new").status_code == 403
        form = {"kind": "top_up", "usd": "5", "ref": "mine", "reason": "mine"}
        assert browser.post(CREDITS, data=form).status_code == 403
    stranger = sign_in(world.stranger)
    assert stranger.get(CREDITS).status_code == stranger.post(CREDITS, data=form).status_code == 404
    assert balance(acme) == 10 * NANO_PER_USD


def test_an_admin_sets_warnings_and_an_operator_how_it_pays(world, acme, operator, sign_in):
    admin = sign_in(world.admin)
    page = admin.get("/w/acme/billing").text
    assert 'name="billing"' not in page and 'value="2.00"' in page
    sneaky = {"billing": "metered", "rate_multiplier": "0.000001", "plan": "enterprise"}
    assert admin.post("/w/acme/billing", data={**sneaky, "spend_alert_usd_per_day": "7,5"}).status_code == 303
    found = accounts.find(SYSTEM, acme)
    assert found.is_prepaid and found.plan is None and found.account.rate_multiplier_ppm == 1_000_000
    assert found.account.spend_alert_nano_usd_per_day == 7_500_000_000
    assert found.account.low_balance_nano_usd is None
    form = {"billing": "prepaid", "plan": "free", "rate_multiplier": "1,25", "low_balance_usd": "1"}
    page = operator.post("/w/acme/billing", data=form, follow_redirects=True).text
    assert "25% above list prices" in page.replace("\u00a0", "").replace(" %", "%") and "Trial credit" in page
    assert balance(acme) == 5 * NANO_PER_USD
    for factor in ("0", "-1", "NaN", "1e9", "1001", "0.0000001", ""):
        answer = operator.post("/w/acme/billing", data={**form, "rate_multiplier": factor})
        assert answer.status_code == (303 if factor == "" else 422), factor
    assert sign_in(world.teammate).get("/w/acme/billing").status_code == 403


def test_a_call_is_paid_and_its_entry_leads_to_the_receipt(operator, acme, world, client):
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 402
    credits.top_up(SYSTEM, acme, {"usd": "10", "ref": "first"})
    answer = client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
    assert answer.status_code == 200
    page = operator.get(f"{CREDITS}?kind=charge").text
    assert f"/w/acme/requests/{answer.get_json()['meta']['request_id']}" in page and "Receipt" in page
    assert balance(acme) < 10 * NANO_PER_USD
    line = operator.get(f"{CREDITS}/ledger.csv").text.splitlines()[1]
    assert line.startswith("2,") and ",charge,-0.0" in line


def test_every_movement_stands_in_the_activity_log(operator, acme):
    operator.post(CREDITS, data={"kind": "top_up", "usd": "3", "ref": "a", "reason": "Cash"})
    page = operator.get("/w/acme/activity").text
    assert "topped up $3.00" in page and "Cash" in page
