"""Accounts in the dashboard: sub-accounts, keys booked on them, and switching them off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.database import database
from app.domain.actors import SYSTEM
from app.models import UsageHour
from app.services import keys, ledger, sub_accounts
from tests.providers_world import records

ACCOUNTS = "/w/acme/accounts"


def make(world, name="North", **fields):
    return sub_accounts.create(SYSTEM, world.acme.workspace.id, {"name": name, **fields})


def call(client, world):
    return client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code


def test_a_sub_account_is_made_and_changed(world, sign_in):
    admin = sign_in(world.admin)
    assert "No sub-accounts yet" in admin.get(ACCOUNTS).text
    form = {"name": "North", "external_ref": "CUST-7"}
    page = admin.post(ACCOUNTS, data=form, follow_redirects=True).text
    assert "North" in page and "CUST-7" in page and "Pays for all" in page
    [account] = sub_accounts.list_all(SYSTEM, world.acme.workspace.id)
    assert 'value="CUST-7"' in admin.get(f"{ACCOUNTS}/{account.id}/edit").text
    page = admin.post(f"{ACCOUNTS}/{account.id}/edit", data={"name": "Northern"}, follow_redirects=True).text
    assert "Northern" in page and "CUST-7" not in page
    assert "changed the sub-account Northern" in admin.get("/w/acme/activity").text


def test_a_key_is_booked_on_it_and_refused_once_it_is_off(world, sign_in, client):
    account, admin = make(world), sign_in(world.admin)
    edit = f"/w/acme/keys/{world.acme.key.id}/edit"
    assert "Booked on" in admin.get(edit).text
    admin.post(edit, data={"name": "ci", "scopes": ["chat", "models"], "account_id": account.id})
    assert keys.find(SYSTEM, world.acme.workspace.id, world.acme.key.id).account_id == account.id
    assert "booked on North" in admin.get(f"/w/acme/projects/{world.acme.project.id}/keys").text
    assert call(client, world) == 200
    page = admin.post(f"{ACCOUNTS}/{account.id}/switch", data={"active": "0"}, follow_redirects=True).text
    assert "Its keys are refused from now on." in page and "Switch on" in page
    assert call(client, world) == 401
    admin.post(f"{ACCOUNTS}/{account.id}/switch", data={"active": "1"})
    assert call(client, world) == 200
    admin.post(edit, data={"name": "ci", "scopes": ["chat", "models"], "account_id": ""})
    assert keys.find(SYSTEM, world.acme.workspace.id, world.acme.key.id).account_id != account.id


def test_what_its_keys_spend_counts_as_its_own(world):
    account = make(world)
    keys.update(SYSTEM, world.acme.workspace.id, world.acme.key.id, {"account_id": account.id})
    now = datetime.now(UTC)
    hours = [(now, account.id, 5), (now - timedelta(days=40), account.id, 100), (now, "", 1)]
    for at, account_id, cost in hours:
        start = at.replace(minute=0, second=0, microsecond=0)
        hour = {"workspace_id": world.acme.workspace.id, "starts_at": start, "account_id": account_id}
        database.transaction(lambda s, h=hour, c=cost: s.add(UsageHour(**h, cost_nano_usd=c)))
    root, sub = sub_accounts.overview(SYSTEM, world.acme.workspace.id)
    assert (root.keys, root.today_nano_usd, root.month_nano_usd) == ([], 0, 0)
    assert [key.name for key in sub.keys] == ["ci"]
    assert (sub.today_nano_usd, sub.month_nano_usd) == (5, 5)
    assert ledger.standing(SYSTEM, world.acme.workspace.id).month_nano_usd == 6


def test_a_call_counts_as_the_account_of_its_key(world, client):
    account = make(world)
    keys.update(SYSTEM, world.acme.workspace.id, world.acme.key.id, {"account_id": account.id})
    assert call(client, world) == 200 and records()
    root, sub = sub_accounts.overview(SYSTEM, world.acme.workspace.id)
    assert root.month_nano_usd == 0 < sub.month_nano_usd


def test_a_form_without_the_question_leaves_the_key_where_it_is(world, sign_in):
    account = make(world)
    keys.update(SYSTEM, world.acme.workspace.id, world.acme.key.id, {"account_id": account.id})
    sign_in(world.admin).post(f"/w/acme/keys/{world.acme.key.id}/edit", data={"name": "ci", "scopes": "chat"})
    assert keys.find(SYSTEM, world.acme.workspace.id, world.acme.key.id).account_id == account.id


def test_no_key_is_booked_on_another_workspace_s_account(world, sign_in):
    foreign = sub_accounts.create(SYSTEM, world.other.workspace.id, {"name": "Theirs"})
    make(world)
    form = {"name": "ci", "scopes": "chat", "account_id": foreign.id}
    answer = sign_in(world.admin).post(f"/w/acme/keys/{world.acme.key.id}/edit", data=form)
    assert answer.status_code == 422 and "There is no such account" in answer.text


def test_what_is_wrong_is_told(world, sign_in):
    make(world, external_ref="C-1")
    south, admin = make(world, "South"), sign_in(world.admin)
    for form, told in (
        ({"name": ""}, "Please fill this in"),
        ({"name": "North"}, "with this name already"),
        ({"name": "West", "external_ref": "C-1"}, "with this external ref already"),
        ({"name": "x" * 101}, "at most 100"),
    ):
        for path in (ACCOUNTS, f"{ACCOUNTS}/{south.id}/edit"):
            answer = admin.post(path, data=form)
            assert answer.status_code == 422 and told in answer.text, (path, form)
    assert len(sub_accounts.list_all(SYSTEM, world.acme.workspace.id)) == 2


def test_others_read_only(world, sign_in):
    account = make(world)
    for person in (world.teammate, world.viewer):
        browser = sign_in(person)
        assert "North" in browser.get(ACCOUNTS).text and "Switch off" not in browser.get(ACCOUNTS).text
        assert browser.get(f"{ACCOUNTS}/{account.id}/edit").status_code == 403
        assert browser.post(f"{ACCOUNTS}/{account.id}/switch", data={"active": "0"}).status_code == 403
        assert browser.post(ACCOUNTS, data={"name": "Mine"}).status_code == 403
    stranger = sign_in(world.stranger)
    assert stranger.get(f"/w/other/accounts/{account.id}/edit").status_code == 404
    assert stranger.post(f"/w/other/accounts/{account.id}/switch", data={"active": "0"}).status_code == 404
    assert sub_accounts.list_all(SYSTEM, world.acme.workspace.id)[0].active
