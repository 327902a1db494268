"""Every route of both doors: who is let in, and that one tenant's ids are nothing to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import Rule

from app.dashboard import OPEN as OPEN_PAGES
from app.dashboard import SIGNED_IN
from app.database import database
from app.domain.actors import SYSTEM
from app.domain.ids import new_id
from app.gateway import BLUEPRINTS as GATEWAY
from app.management import BLUEPRINTS as MANAGEMENT
from app.models import AuditEvent, ChatSession, Memory, User
from app.models.columns import utc_now
from app.services import (
    alert_rules,
    alerts,
    aliases,
    budgets,
    credentials,
    endpoints,
    examples,
    invitations,
    model_rows,
    plans,
    policies,
    providers,
    rollouts,
    sub_accounts,
    webhook_log,
    webhooks,
)
from tests.providers_world import records
from tests.world import Tenant, World, actor_of

OPEN_ROUTES = {"static", "probes.healthz", "probes.readyz"}
READS = {"health_api", "memories_api", "models_api"}  # of the gateway: open to keys of every surface
FOR_EVERYBODY = {"account", "workspaces", "docs", "prices"}  # signed-in pages that belong to no workspace
FOR_OPERATORS = {"workspaces.new", "credits.new", "plans.new", "plans.edit"}
ABSENT = "00000000-0000-4000-8000-000000000000"
SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Door:
    """One method of one rule."""

    endpoint: str
    method: str
    arguments: frozenset[str]

    @property
    def blueprint(self) -> str:
        return self.endpoint.split(".")[0]


def doors(app: Flask) -> Iterator[Door]:
    for rule in app.url_map.iter_rules():
        yield from doors_of(rule)


def doors_of(rule: Rule) -> Iterator[Door]:
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
        yield Door(rule.endpoint, method, frozenset(rule.arguments))


@pytest.fixture
def ids(client: FlaskClient, world: World) -> dict[str, object]:
    """Ids of Acme's things, by the name that routes give them."""
    acme = world.acme
    fields = {"slug": "up", "dialect": "openai", "base_url": "https://api.example.com/v1"}
    provider = providers.create(SYSTEM, acme.workspace.id, fields)
    secret = {"name": "main", "secret": "sk-upstream-secret-0001"}
    credential = credentials.create(SYSTEM, acme.workspace.id, provider.id, secret)
    client.post(acme.url, json={"message": "Hi"}, headers=acme.headers)
    price = {"input_usd_per_million": "1", "output_usd_per_million": "1"}
    model_rows.set_row(SYSTEM, acme.workspace.id, "up/some-model", price)
    owner = actor_of(world.owner)
    invitations.create(owner, acme.workspace.id, {"email": "new@acme.test", "role": "viewer"})
    invitation = invitations.list_open(owner, acme.workspace.id)[0]
    account = sub_accounts.create(SYSTEM, acme.workspace.id, {"name": "North"})
    return {
        "account": account.id,
        "plan": plans.list_all(SYSTEM)[0].plan.id,
        "budget": budgets.create(SYSTEM, acme.workspace.id, ("key", acme.key.id), "day", {"usd": "1"}).id,
        "project": acme.project.id,
        "endpoint_id": acme.endpoint.id,
        "end_user": "ann",
        "section": "prompt",
        "example": saved_example(acme),
        "key": acme.key.id,
        "key_id": acme.key.id,
        "provider": provider.id,
        "credential": credential.id,
        "member": world.teammate.id,
        "invitation": invitation.id,
        "request": records()[-1].id,
        "alert": noted_alert(acme.workspace.id),
        **tellers(acme.workspace.id),
        "number": 1,
        "slug": "hello",
        "model": "up/some-model",
        "plugin": "memory",
        "change": "policy",
        "rollout": begun_rollout(acme),
        "policy": policies.create(SYSTEM, acme.workspace.id, acme.project.id, {"key": "chat"}).policy.id,
        "memory": kept_memory(acme),
        "session": kept_session(acme),
        "alias": aliases.create(SYSTEM, acme.workspace.id, {"name": "fast", "models": ["auto"]}).id,
    }


def kept_memory(tenant: Tenant) -> str:
    """Return the id of what the tenant's project remembers of somebody."""
    owner = {"workspace_id": tenant.workspace.id, "project_id": tenant.project.id}
    row = Memory(id=new_id(), **owner, end_user="ann", content="My name is Ann.")
    database.transaction(lambda session: session.add(row))
    return row.id


def kept_session(tenant: Tenant) -> str:
    """Return the id of a conversation with the tenant's endpoint."""
    owner = {"workspace_id": tenant.workspace.id, "project_id": tenant.project.id, "key_id": tenant.key.id}
    later = utc_now() + timedelta(hours=1)
    row = ChatSession(
        id=new_id(), **owner, endpoint_id=tenant.endpoint.id, used_at=utc_now(), expires_at=later
    )
    database.transaction(lambda session: session.add(row))
    return row.id


def begun_rollout(tenant: Tenant) -> str:
    """Return the id of a rollout of one more endpoint of the tenant."""
    place = tenant.workspace.id, tenant.project.id
    view = endpoints.create(SYSTEM, *place, {"slug": "rolled", "model": "demo/demo-fast"})
    endpoints.save(SYSTEM, tenant.workspace.id, view.endpoint.id, {"prompt": "Be brief."}, publish=False)
    return rollouts.start(SYSTEM, tenant.workspace.id, "endpoint", view.endpoint.id, 2).id


def saved_example(tenant: Tenant) -> str:
    """Return the id of an example of the tenant's endpoint."""
    fields = {"name": "Greets", "body": {"message": "Hi"}}
    return examples.create(SYSTEM, tenant.workspace.id, tenant.endpoint.id, fields).id


def noted_alert(workspace_id: str) -> str:
    """Return the id of an alert of the workspace."""
    database.transaction(lambda session: alerts.unpriced(session, workspace_id, "up/some-model"))
    return alerts.list_page(SYSTEM, workspace_id)[0].id


def tellers(workspace_id: str) -> dict[str, object]:
    """Return the ids of a rule that alerts, a webhook and what was delivered to it."""
    given = {"name": "Dear", "metric": "spend", "bound": "5"}
    rule = alert_rules.create(SYSTEM, workspace_id, given).row
    fields = {"name": "Pager", "url": "https://hooks.example.com/"}
    webhook = webhooks.create(SYSTEM, workspace_id, fields).webhook
    delivery = webhook_log.test(SYSTEM, workspace_id, webhook.id)
    ids = {"rule": rule.id, "webhook": webhook.id, "delivery": delivery.id}
    return {**ids, **{f"{name}_id": value for name, value in ids.items()}}


def path_of(app: Flask, door: Door, workspace: str, ids: dict[str, object]) -> str:
    values = {name: workspace if name == "workspace" else ids[name] for name in door.arguments}
    with app.test_request_context():
        return url_for(door.endpoint, **values)  # type: ignore[arg-type]


def dashboard_doors(app: Flask) -> list[Door]:
    names = {blueprint.name for blueprint in SIGNED_IN}
    return [door for door in doors(app) if door.blueprint in names]


def changes() -> int:
    return database.read(lambda session: session.scalar(select(func.count()).select_from(AuditEvent)) or 0)


def test_every_route_has_a_declared_door(app: Flask) -> None:
    declared = {blueprint.name for blueprint in (*GATEWAY, *MANAGEMENT, *SIGNED_IN, *OPEN_PAGES)}
    undeclared = {door.endpoint for door in doors(app) if door.blueprint not in declared} - OPEN_ROUTES
    assert undeclared == set()


def test_every_signed_in_page_names_its_workspace(app: Flask) -> None:
    without = {door.endpoint for door in dashboard_doors(app) if "workspace" not in door.arguments}
    assert {name for name in without if name.split(".")[0] not in FOR_EVERYBODY} <= {"home.start"}


def test_nobody_enters_the_dashboard_without_signing_in(
    app: Flask, client: FlaskClient, world: World, ids: dict[str, object]
) -> None:
    before = changes()
    for door in dashboard_doors(app):
        response = client.open(path_of(app, door, world.acme.workspace.slug, ids), method=door.method)
        assert response.status_code == 303 and "/login" in response.location, door
    assert changes() == before


def test_a_stranger_finds_nothing_in_another_workspace(
    app: Flask, world: World, ids: dict[str, object], sign_in: Callable[[User], FlaskClient]
) -> None:
    stranger, before = sign_in(world.stranger), changes()
    for door in dashboard_doors(app):
        if "workspace" in door.arguments:
            path = path_of(app, door, world.acme.workspace.slug, ids)
            assert stranger.open(path, method=door.method).status_code == 404, door
    assert changes() == before


def test_foreign_ids_in_ones_own_workspace_are_not_there(
    app: Flask, world: World, ids: dict[str, object], sign_in: Callable[[User], FlaskClient]
) -> None:
    stranger, before = sign_in(world.stranger), changes()
    own = {"slug": "hello", "number": 1, "model": "up/absent", "plugin": "memory", "section": "prompt"}
    for door in dashboard_doors(app):
        named = door.arguments - {"workspace", "number", "slug", "model", "plugin", "section", "change"}
        if "workspace" not in door.arguments or not named:
            continue
        foreign = stranger.open(path_of(app, door, world.other.workspace.slug, ids), method=door.method)
        absent_ids = dict.fromkeys(named, ABSENT) | own
        absent = stranger.open(path_of(app, door, world.other.workspace.slug, absent_ids), method=door.method)
        assert foreign.status_code == absent.status_code, door
        assert foreign.status_code == 404 or (door.method, foreign.status_code) == ("POST", 422), door
    assert changes() == before


def test_a_viewer_changes_nothing(
    app: Flask, world: World, ids: dict[str, object], sign_in: Callable[[User], FlaskClient]
) -> None:
    viewer, before = sign_in(world.viewer), changes()
    for door in dashboard_doors(app):
        if "workspace" in door.arguments and door.method not in SAFE:
            path = path_of(app, door, world.acme.workspace.slug, ids)
            response = viewer.open(path, method=door.method, json={"message": "Hi"})
            assert response.status_code == 403, (door, response.status_code)
    assert changes() == before


def test_every_page_opens_for_its_owner(
    app: Flask, world: World, ids: dict[str, object], sign_in: Callable[[User], FlaskClient]
) -> None:
    owner = sign_in(world.owner)
    for door in dashboard_doors(app):
        if door.method == "GET" and door.endpoint not in FOR_OPERATORS:
            response = owner.get(path_of(app, door, world.acme.workspace.slug, ids), follow_redirects=True)
            assert response.status_code == 200, (door, response.status_code)
            assert "default-src 'self'" in response.headers.get(
                "Content-Security-Policy", "default-src 'self'"
            )


def test_the_gateway_refuses_a_foreign_and_a_missing_key(
    app: Flask, client: FlaskClient, world: World, ids: dict[str, object]
) -> None:
    names = {blueprint.name for blueprint in GATEWAY}
    for door in (door for door in doors(app) if door.blueprint in names):
        path = path_of(app, door, world.acme.workspace.slug, ids)
        assert client.open(path, method=door.method, json={}).status_code == 401, door
        if door.blueprint in READS:
            continue
        if "project" not in door.arguments:
            response = client.open(path, method=door.method, json={}, headers=world.other.headers)
            needed = "'light'" if door.blueprint == "light" else "'proxy'"
            assert response.status_code == 400 and needed in response.text, door
            continue
        for project in (world.acme.project.id, ABSENT):
            own = path_of(app, door, "", {**ids, "project": project})
            response = client.open(own, method=door.method, json={}, headers=world.other.headers)
            assert response.status_code == 403, door
            text = response.get_json()["error"]
            message = text["message"] if isinstance(text, dict) else text
            assert message == "Token does not belong to this project."


def test_the_key_api_refuses_a_missing_key_and_one_that_may_not_manage_keys(
    app: Flask, client: FlaskClient, world: World, ids: dict[str, object]
) -> None:
    names, before = {blueprint.name for blueprint in MANAGEMENT}, changes()
    for door in (door for door in doors(app) if door.blueprint in names):
        path = path_of(app, door, "", ids)
        assert client.open(path, method=door.method, json={}).status_code == 401, door
        response = client.open(path, method=door.method, json={}, headers=world.acme.headers)
        assert response.status_code == 403 and "Missing required scope" in response.text, door
    assert changes() == before


def test_no_change_without_the_pages_own_token(
    app: Flask, world: World, ids: dict[str, object], sign_in: Callable[[User], FlaskClient]
) -> None:
    app.config["WTF_CSRF_METHODS"] = ["POST", "PUT", "PATCH", "DELETE"]
    owner, before = sign_in(world.owner), changes()
    open_pages = [d for d in doors(app) if d.blueprint in {blueprint.name for blueprint in OPEN_PAGES}]
    for door in [*dashboard_doors(app), *open_pages]:
        if door.method not in SAFE:
            path = path_of(app, door, world.acme.workspace.slug, {**ids, "token": "x"})
            assert owner.open(path, method=door.method).status_code == 400, door
    assert changes() == before
