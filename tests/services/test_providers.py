"""Providers: checked addresses, states, and secrets that never follow a provider to another address."""

from __future__ import annotations

import pytest

from app import egress
from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import Conflict, InvalidFields, InvalidInput, NotAllowed, NotFound
from app.models import AuditEvent, Credential
from app.services import credentials, pauses, providers
from tests.world import actor_of

OPENAI = {"slug": "openai", "name": "OpenAI", "dialect": "openai", "base_url": "https://api.openai.com/v1"}
SECRET = "sk-a-secret-of-the-vendor-9876"


def add(world, **changes):
    return credentials.create_with_provider(SYSTEM, world.acme.workspace.id, {**OPENAI, **changes}, SECRET)


def keys_of(world, provider):
    return credentials.list_all(SYSTEM, world.acme.workspace.id, provider.id)


def state_of(world, provider):
    return providers.view(SYSTEM, world.acme.workspace.id, provider.id).state


def test_a_provider_with_its_first_key_is_ready(world):
    provider = add(world)
    assert provider.vendor == "openai"
    assert [key.preview for key in keys_of(world, provider)] == ["…9876"]
    assert state_of(world, provider) == "ready"
    assert providers.overview(SYSTEM, world.acme.workspace.id)[-1].provider.dialect == "demo"


def test_both_or_neither_are_stored(world):
    with pytest.raises(InvalidInput):
        credentials.create_with_provider(SYSTEM, world.acme.workspace.id, OPENAI, "not a key")
    assert len(providers.list_all(SYSTEM, world.acme.workspace.id)) == 1


def test_a_provider_without_a_key_needs_one(world):
    provider = credentials.create_with_provider(SYSTEM, world.acme.workspace.id, OPENAI, "")
    assert state_of(world, provider) == "needs_key"
    assert providers.view(SYSTEM, world.acme.workspace.id, world.acme.provider.id).state == "ready"


def test_another_origin_wipes_every_key_even_those_switched_off(world):
    provider = add(world)
    key = keys_of(world, provider)[0]
    credentials.set_active(SYSTEM, world.acme.workspace.id, key.id, False)
    providers.update(
        SYSTEM, world.acme.workspace.id, provider.id, {"base_url": "https://evil.example.com/v1"}
    )
    wiped = keys_of(world, provider)[0]
    assert (wiped.active, wiped.sealed) == (False, b"")
    with pytest.raises(InvalidInput, match="wiped"):
        credentials.set_active(SYSTEM, world.acme.workspace.id, key.id, True)
    with pytest.raises(InvalidInput, match="wiped"):
        credentials.test(SYSTEM, world.acme.workspace.id, key.id)


def test_another_path_keeps_the_keys(world):
    provider = add(world)
    providers.update(SYSTEM, world.acme.workspace.id, provider.id, {"base_url": "https://api.openai.com/v2"})
    assert keys_of(world, provider)[0].active


def test_a_change_is_in_the_audit_log_without_any_secret(world):
    provider = add(world)
    providers.update(SYSTEM, world.acme.workspace.id, provider.id, {"base_url": "https://other.example.com"})
    events = database.read(lambda session: session.query(AuditEvent).all())
    assert events[-1].changes["credentials_wiped"] == [0, 1]
    assert SECRET not in repr([event.changes for event in events])


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:11434/v1", "https://localhost/v1", "https://10.0.0.1/v1", "http://api.example.com/v1"],
)
def test_a_private_address_is_refused_with_the_way_out(world, url):
    with pytest.raises(InvalidFields) as caught:
        add(world, base_url=url)
    assert "SLUICE_PRIVATE_UPSTREAMS=" in caught.value.errors["base_url"]


def test_a_malformed_address_gets_no_such_advice(world):
    with pytest.raises(InvalidFields) as caught:
        add(world, base_url="https://user:pass@api.example.com")
    assert "SLUICE_PRIVATE_UPSTREAMS" not in caught.value.errors["base_url"]


def test_an_allowed_private_address_is_taken(world, upstream):
    assert add(world, base_url=upstream.v1).base_url == upstream.v1


def test_the_demo_has_no_address(world):
    made = providers.create(
        SYSTEM, world.acme.workspace.id, {"slug": "demo2", "dialect": "demo", "base_url": "x"}
    )
    assert made.base_url == ""


@pytest.mark.parametrize("slug", ["models", "Open AI", ""])
def test_reserved_and_malformed_slugs_are_refused(world, slug):
    with pytest.raises(InvalidFields):
        add(world, slug=slug)


def test_a_slug_is_unique_and_kept(world):
    provider = add(world)
    with pytest.raises(Conflict):
        add(world)
    with pytest.raises(InvalidInput):
        providers.update(SYSTEM, world.acme.workspace.id, provider.id, {"slug": "other"})


def test_switching_off_works_whatever_the_address_says(world, upstream):
    provider = add(world, base_url=upstream.v1)
    egress.configure(private_upstreams=frozenset())
    assert providers.set_active(SYSTEM, world.acme.workspace.id, provider.id, False).active is False
    assert state_of(world, provider) == "off"


def test_editors_may_look_but_not_touch(world):
    editor, workspace_id = actor_of(world.teammate), world.acme.workspace.id
    assert providers.overview(editor, workspace_id)
    with pytest.raises(NotAllowed):
        providers.create(editor, workspace_id, OPENAI)
    with pytest.raises(NotAllowed):
        providers.set_active(editor, workspace_id, world.acme.provider.id, False)


def test_another_workspace_s_provider_is_not_found(world):
    with pytest.raises(NotFound):
        providers.find(actor_of(world.owner), world.acme.workspace.id, world.other.provider.id)
    with pytest.raises(NotFound):
        providers.view(actor_of(world.owner), world.acme.workspace.id, world.other.provider.id)


def test_the_secret_is_sealed_at_rest(world):
    add(world)
    sealed = database.read(lambda session: session.query(Credential).one().sealed)
    assert SECRET.encode() not in sealed


def test_an_address_ends_before_the_question_mark(world):
    fields = {"slug": "q", "dialect": "openai", "base_url": "https://api.example.com/v1?key=secret"}
    with pytest.raises(InvalidInput) as refused:
        providers.create(SYSTEM, world.acme.workspace.id, fields)
    assert "base_url" in str(refused.value) and "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"alert_usd_per_day": "5", "stop_usd_per_day": "5"}, "alert_usd_per_day"),
        ({"stop_usd_per_day": "0"}, "stop_usd_per_day"),
        ({"stop_usd_per_day": "many"}, "stop_usd_per_day"),
        ({"alert_usd_per_day": 5}, "alert_usd_per_day"),
    ],
)
def test_daily_amounts_that_make_no_sense_are_refused(world, fields, name):
    with pytest.raises(InvalidFields) as caught:
        providers.create(SYSTEM, world.acme.workspace.id, {**OPENAI, **fields})
    assert list(caught.value.errors) == [name]


def test_daily_amounts_are_set_and_taken_away(world):
    provider = add(world, alert_usd_per_day="5", stop_usd_per_day="10.5")
    fields = providers.as_fields(provider)
    assert (fields["alert_usd_per_day"], fields["stop_usd_per_day"]) == ("5.00", "10.50")
    providers.update(SYSTEM, world.acme.workspace.id, provider.id, {"stop_usd_per_day": ""})
    row = providers.find(SYSTEM, world.acme.workspace.id, provider.id)
    assert (row.alert_nano_usd_per_day, row.stop_nano_usd_per_day) == (5_000_000_000, None)


def test_only_admins_of_the_workspace_pause_and_reactivate(world):
    provider = add(world)
    for verb in (pauses.pause, pauses.resume):
        with pytest.raises(NotAllowed):
            verb(actor_of(world.teammate), world.acme.workspace.id, provider.id)
        with pytest.raises(NotFound):
            verb(actor_of(world.stranger), world.other.workspace.id, provider.id)
    pauses.pause(actor_of(world.admin), world.acme.workspace.id, provider.id)
    assert state_of(world, provider) == "paused"
    pauses.resume(actor_of(world.admin), world.acme.workspace.id, provider.id)
    assert state_of(world, provider) == "ready"
