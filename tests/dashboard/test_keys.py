"""Keys in the dashboard: shown once, listed masked, revoked for good."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.actors import SYSTEM
from app.services import keys, providers

SECRET = re.compile(r"sk-sluice-[\w-]{43}")


def path(tenant, tail: str = "/keys") -> str:
    return f"/w/{tenant.workspace.slug}/projects/{tenant.project.id}{tail}"


def made(world, client, **fields):
    return client.post(
        path(world.acme), data={"name": "website", "scopes": "chat", "expires": "never", **fields}
    )


def test_a_new_key_opens_its_project_and_is_shown_once(world, client, sign_in):
    page = made(world, sign_in(world.teammate))
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    secret = SECRET.search(page.text)[0]
    answer = client.post(
        world.acme.url, json={"message": "Hi"}, headers={"Authorization": f"Bearer {secret}"}
    )
    assert answer.status_code == 200
    assert secret not in sign_in(world.teammate).get(path(world.acme)).text


def test_the_secret_is_in_no_url_and_no_cookie(world, sign_in):
    page = made(world, sign_in(world.teammate))
    secret = SECRET.search(page.text)[0]
    assert "Location" not in page.headers
    assert secret not in str(page.headers)
    assert not re.search(rf'(?:href|action)="[^"]*{secret}', page.text)


def test_it_leads_on_to_the_endpoint_it_was_made_for(world, sign_in):
    client, endpoint = sign_in(world.teammate), world.acme.endpoint
    form = client.get(path(world.acme, f"/keys/new?for_endpoint={endpoint.id}"))
    assert f'value="{endpoint.id}"' in form.text
    assert f"/endpoints/{endpoint.id}/use" in made(world, client, for_endpoint=endpoint.id).text


def test_the_list_tells_what_each_key_may_do(world, sign_in):
    page = sign_in(world.viewer).get(path(world.acme))
    assert world.acme.key.preview in page.text
    assert "call models, list models" in page.text
    assert "Revoke" not in page.text


@pytest.mark.parametrize("days", [30, 90, 365])
def test_a_key_may_expire_after_some_days(world, sign_in, days):
    made(world, sign_in(world.teammate), expires=str(days))
    key = next(
        k
        for k in keys.list_all(SYSTEM, world.acme.workspace.id, world.acme.project.id)
        if k.name == "website"
    )
    assert abs(key.expires_at - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=1)


def test_a_key_may_last_until_the_end_of_a_day(world, sign_in):
    made(world, sign_in(world.teammate), expires="date", expires_on="2099-05-01")
    key = next(
        k
        for k in keys.list_all(SYSTEM, world.acme.workspace.id, world.acme.project.id)
        if k.name == "website"
    )
    assert key.expires_at == datetime(2099, 5, 1, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("typed", ["", "soon", "2020-01-01", "9999-12-31T00:00", "0001-01-01"])
def test_a_day_that_is_none_or_over_is_refused(world, sign_in, typed):
    page = made(world, sign_in(world.teammate), expires="date", expires_on=typed)
    assert page.status_code == 422
    assert 'id="f-expires_on-error"' in page.text
    assert 'value="website"' in page.text


def test_a_key_needs_a_scope_and_a_free_name(world, sign_in):
    client = sign_in(world.teammate)
    without = client.post(path(world.acme), data={"name": "website"})
    assert without.status_code == 422
    assert "Tick at least one." in without.text
    taken = made(world, client, name="ci")
    assert taken.status_code == 422
    assert "There is a key of this name already." in taken.text


def test_a_revoked_key_is_refused_and_stays_listed(world, client, sign_in):
    person = sign_in(world.teammate)
    url = f"/w/{world.acme.workspace.slug}/keys/{world.acme.key.id}"
    page = person.post(f"{url}/revoke", follow_redirects=True)
    assert "Revoked" in page.text
    assert client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers).status_code == 401
    assert person.get(f"{url}/edit").status_code == 404


def test_an_expired_key_says_so(world, sign_in):
    over = datetime.now(UTC) - timedelta(days=1)
    keys.create(SYSTEM, world.acme.workspace.id, world.acme.project.id, {"name": "old", "expires_at": over})
    assert "Expired" in sign_in(world.viewer).get(path(world.acme)).text


def test_a_key_is_renamed(world, sign_in):
    client = sign_in(world.teammate)
    url = f"/w/{world.acme.workspace.slug}/keys/{world.acme.key.id}/edit"
    assert 'value="ci"' in client.get(url).text
    answer = client.post(url, data={"name": "pipeline", "scopes": ["chat", "models"]})
    assert answer.status_code == 303
    assert keys.find(SYSTEM, world.acme.workspace.id, world.acme.key.id).name == "pipeline"
    assert client.post(url, data={"name": "", "scopes": "chat"}).status_code == 422


def test_viewers_make_and_revoke_nothing(world, sign_in):
    client = sign_in(world.viewer)
    assert client.get(path(world.acme, "/keys/new")).status_code == 403
    assert made(world, client).status_code == 403
    assert client.post(f"/w/{world.acme.workspace.slug}/keys/{world.acme.key.id}/revoke").status_code == 403


def test_another_tenants_key_is_not_there(world, sign_in):
    client = sign_in(world.owner)
    url = f"/w/{world.acme.workspace.slug}/keys/{world.other.key.id}"
    assert client.get(f"{url}/edit").status_code == 404
    assert client.post(f"{url}/edit", data={"name": "x", "scopes": "chat"}).status_code == 404
    assert client.post(f"{url}/revoke").status_code == 404
    assert (
        client.get(f"/w/{world.acme.workspace.slug}/projects/{world.other.project.id}/keys").status_code
        == 404
    )


def test_a_project_without_keys_leads_to_the_first_one(app, world, sign_in):
    from_form = sign_in(world.teammate).post(
        f"/w/{world.acme.workspace.slug}/projects", data={"name": "Fresh"}, follow_redirects=False
    )
    page = sign_in(world.teammate).get(f"{from_form.headers['Location']}/keys")
    assert "No keys yet" in page.text


def test_today_is_still_a_day_to_end_on(world, sign_in):
    today = datetime.now(UTC).date()
    assert (
        made(world, sign_in(world.teammate), expires="date", expires_on=date.isoformat(today)).status_code
        == 200
    )


def edit_url(tenant) -> str:
    return f"/w/{tenant.workspace.slug}/keys/{tenant.key.id}/edit"


RULES = {
    "name": "ci",
    "scopes": "chat",
    "limits.requests_per_minute": "60",
    "limits.concurrency": "3",
    "endpoints": "hello",
    "labels": "team = web\r\n\r\nowner=kim",
}


def test_limits_endpoints_and_labels_of_a_key_are_set_shown_and_taken_away(world, sign_in):
    client, key = sign_in(world.teammate), world.acme.key
    assert client.post(edit_url(world.acme), data=RULES).status_code == 303
    stored = keys.find(SYSTEM, world.acme.workspace.id, key.id)
    assert stored.limits == {"requests_per_minute": 60, "concurrency": 3}
    assert (stored.endpoints, stored.labels) == (["hello"], {"team": "web", "owner": "kim"})
    form = client.get(edit_url(world.acme)).text
    assert 'value="60"' in form and "team=web\nowner=kim" in form
    assert re.search(r'name="endpoints" value="hello" checked', form)
    listed = client.get(path(world.acme)).text
    assert "60 calls per minute, 3 at once" in listed and "only hello" in listed
    client.post(edit_url(world.acme), data={"name": "ci", "scopes": "chat"})
    stored = keys.find(SYSTEM, world.acme.workspace.id, key.id)
    assert (stored.limits, stored.endpoints, stored.labels) == ({}, None, {})


def test_a_new_key_may_have_limits_from_the_start(world, client, sign_in):
    page = made(world, sign_in(world.teammate), **{"limits.requests_per_minute": "1"})
    headers = {"Authorization": f"Bearer {SECRET.search(page.text)[0]}"}
    answers = [client.post(world.acme.url, json={"message": "Hi"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("limits.requests_per_minute", "0"),
        ("limits.requests_per_hour", "-1"),
        ("limits.burst_per_second", "many"),
        ("limits.tokens_per_minute", "9" * 30),
        ("endpoints", "nowhere"),
        ("labels", "no sign"),
        ("labels", "\n".join(f"n{number}=x" for number in range(21))),
    ],
)
def test_a_rule_that_cannot_be_is_told_beside_its_field(world, sign_in, field, typed):
    page = sign_in(world.teammate).post(edit_url(world.acme), data={**RULES, field: typed})
    assert page.status_code == 422
    assert f'id="f-{field}-error"' in page.text
    assert keys.find(SYSTEM, world.acme.workspace.id, world.acme.key.id).limits == {}


def test_the_activity_log_tells_limits_in_words(world, sign_in):
    sign_in(world.teammate).post(edit_url(world.acme), data=RULES)
    page = sign_in(world.admin).get(f"/w/{world.acme.workspace.slug}/activity").text
    assert "60 calls per minute, 3 at once" in page


def test_the_form_says_what_a_key_may_be_answered_by(world, sign_in):
    client = sign_in(world.teammate)
    rules = {
        "rules.models": "demo/*\nopenai/gpt-*",
        "rules.allowed_providers": ["demo"],
        "rules.min_quality": "20",
        "rules.max_cost_usd_per_request": "0,05",
    }
    assert made(world, client, **rules).status_code == 200
    [key] = [k for k in keys.list_all(SYSTEM, world.acme.workspace.id, world.acme.project.id) if k.rules]
    assert key.rules == {
        "models": ["demo/*", "openai/gpt-*"],
        "allowed_providers": ["demo"],
        "min_quality": 20,
        "max_cost_nano_usd_per_request": 50_000_000,
    }
    page = client.get(f"/w/{world.acme.workspace.slug}/keys/{key.id}/edit")
    assert "openai/gpt-*" in page.text and 'value="0.05"' in page.text
    assert "only at demo" in client.get(path(world.acme)).text
    wrong = made(world, client, name="other", **{"rules.min_quality": "200", "rules.models": "gpt-4o"})
    assert wrong.status_code == 422 and "from 0 to 100" in wrong.text and "Write “gpt-4o” as" in wrong.text


def test_a_new_secret_is_shown_once_and_the_old_one_works_on(world, client, sign_in):
    page = sign_in(world.teammate).post(f"/w/{world.acme.workspace.slug}/keys/{world.acme.key.id}/rotate")
    assert page.status_code == 200 and page.headers["Cache-Control"] == "no-store"
    secret = SECRET.search(page.text)[0]
    assert "the old secret works" in sign_in(world.viewer).get(path(world.acme)).text
    for used, status in ((world.acme.secret, 200), (secret, 200), (world.acme.secret, 401)):
        info = client.get(f"/api/{world.acme.project.id}/info", headers={"Authorization": f"Bearer {used}"})
        assert info.status_code == status


def test_a_customers_own_provider_key_is_added_masked_and_forgotten(world, sign_in):
    client, base = sign_in(world.teammate), f"/w/{world.acme.workspace.slug}/keys/{world.acme.key.id}"
    fields = {"slug": "up", "dialect": "openai", "base_url": "https://api.example.com/v1"}
    providers.create(SYSTEM, world.acme.workspace.id, fields)
    assert client.get(f"{base}/own-keys/new").status_code == 200
    wrong = client.post(f"{base}/own-keys", data={"provider": "up", "secret": "two words"})
    assert wrong.status_code == 422 and "two words" not in wrong.text
    client.post(f"{base}/own-keys", data={"provider": "up", "secret": "sk-the-customers-own"})
    page = client.get(f"{base}/edit")
    assert "…-own" in page.text and "sk-the-customers-own" not in page.text
    client.post(f"{base}/own-keys/up/delete")
    assert "…-own" not in client.get(f"{base}/edit").text
