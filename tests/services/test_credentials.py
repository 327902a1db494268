"""Keys of providers: tested against a real socket, narrowed to a project, never readable again."""

from __future__ import annotations

import pytest

from app import egress
from app.domain.actors import SYSTEM
from app.domain.errors import Conflict, GatewayError, InvalidInput, NotAllowed, NotFound
from app.domain.provider_errors import CredentialRefused
from app.services import credentials, providers
from tests.upstream_replies import error_reply, json_reply
from tests.world import actor_of

SECRET = "sk-a-secret-of-the-vendor-9876"


@pytest.fixture
def provider(world, upstream):
    fields = {"slug": "up", "name": "Up", "dialect": "openai", "base_url": upstream.v1}
    return providers.create(SYSTEM, world.acme.workspace.id, fields)


def add(world, provider, **changes):
    fields = {"name": "main", "secret": SECRET, **changes}
    return credentials.create(SYSTEM, world.acme.workspace.id, provider.id, fields)


def test_a_key_that_works_says_so(world, provider, upstream):
    key = add(world, provider)
    assert credentials.test(SYSTEM, world.acme.workspace.id, key.id) == (
        "Connected. The provider lists 1 model."
    )
    assert upstream.requests[-1].headers["authorization"] == f"Bearer {SECRET}"


def test_a_key_that_is_refused_says_what_to_check(world, provider, upstream):
    key = add(world, provider)
    upstream.script("GET /v1/models", error_reply(401))
    with pytest.raises(CredentialRefused, match="copied whole"):
        credentials.test(SYSTEM, world.acme.workspace.id, key.id)


@pytest.mark.parametrize("reply", [json_reply({}, 500), error_reply(429), json_reply({}, 302)])
def test_other_failures_are_told_without_the_secret(world, provider, upstream, reply):
    key = add(world, provider)
    upstream.script("GET /v1/models", reply)
    with pytest.raises(GatewayError) as caught:
        credentials.test(SYSTEM, world.acme.workspace.id, key.id)
    assert SECRET not in caught.value.message


def test_an_address_that_became_private_is_not_reached(world, provider, upstream):
    key = add(world, provider)
    egress.configure(private_upstreams=frozenset())
    with pytest.raises(GatewayError, match="private"):
        credentials.test(SYSTEM, world.acme.workspace.id, key.id)
    assert upstream.requests == []


def test_the_demo_takes_no_key(world):
    with pytest.raises(InvalidInput, match="takes no key"):
        add(world, world.acme.provider)


def test_names_are_unique_at_a_provider(world, provider):
    add(world, provider)
    with pytest.raises(Conflict):
        add(world, provider)


@pytest.mark.parametrize("secret", ["", "with space", "sk-é", "sk-\nx"])
def test_what_cannot_be_a_key_is_refused(world, provider, secret):
    with pytest.raises(InvalidInput):
        add(world, provider, secret=secret)


def test_a_key_may_be_one_project_s_own(world, provider):
    assert add(world, provider, project_id=world.acme.project.id).project_id == world.acme.project.id
    with pytest.raises(NotFound):
        add(world, provider, name="b", project_id=world.other.project.id)
    with pytest.raises(NotFound):
        add(world, provider, name="c", project_id="nonsense")


def test_short_secrets_show_nothing_of_themselves(world, provider):
    assert add(world, provider, secret="short").preview == "…"


def test_switched_off_deleted_and_found(world, provider):
    key = add(world, provider)
    assert credentials.set_active(SYSTEM, world.acme.workspace.id, key.id, False).active is False
    assert credentials.set_active(SYSTEM, world.acme.workspace.id, key.id, True).active is True
    credentials.delete(SYSTEM, world.acme.workspace.id, key.id)
    with pytest.raises(NotFound):
        credentials.find(SYSTEM, world.acme.workspace.id, key.id)


def test_only_admins_of_the_same_workspace(world, provider):
    key = add(world, provider)
    with pytest.raises(NotAllowed):
        credentials.test(actor_of(world.teammate), world.acme.workspace.id, key.id)
    with pytest.raises(NotFound):
        credentials.delete(actor_of(world.stranger), world.other.workspace.id, key.id)
    with pytest.raises(NotFound):
        credentials.find(actor_of(world.stranger), world.other.workspace.id, key.id)
