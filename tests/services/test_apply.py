"""`apply` makes what the file says; twice is nothing; a bad file changes nothing; prune asks first."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.apply_file import FileError
from app.domain.errors import NotAllowed
from app.extensions import redis
from app.models import AuditEvent, EndpointVersion, Workspace
from app.redis_store import RedisStore
from app.services import credentials, endpoints, keys, members, projects, providers, workspaces
from app.services.apply import PruneNeedsYes, Report, apply
from tests.world import World, actor_of, make_person

UUID = "6f1c2b9e-0000-4000-8000-000000000001"
FILE: dict[str, Any] = {
    "workspaces": [
        {
            "name": "Globex",
            "timezone": "Europe/Zurich",
            "members": [{"email": "kim@globex.test", "role": "editor"}],
            "providers": [
                {"slug": "demo", "dialect": "demo"},
                {
                    "slug": "openai",
                    "name": "OpenAI",
                    "dialect": "openai",
                    "base_url": "https://api.openai.com/v1",
                    "zdr": True,
                    "credentials": [{"name": "main", "secret": "sk-first-secret-000"}],
                },
            ],
            "models": [
                {"id": "openai/tuned", "input_usd_per_million": "0.15", "output_usd_per_million": "0.60"}
            ],
            "projects": [
                {
                    "name": "Support",
                    "uuid": UUID,
                    "mode": "endpoints",
                    "credentials": [{"provider": "openai", "name": "own", "secret": "sk-own-secret-0000"}],
                    "endpoints": [
                        {
                            "slug": "summarize",
                            "model": "demo/demo-fast",
                            "failover": ["openai/gpt-4o-mini"],
                            "prompt": "You are a careful editor.",
                            "user_prompt_template": "Summarize: {{input}}",
                            "streaming_enabled": True,
                        }
                    ],
                    "keys": [
                        {"name": "ci", "secret": "ci-key-0123456789"},
                        {"name": "web", "scopes": ["chat"]},
                    ],
                }
            ],
        }
    ]
}


@pytest.fixture(autouse=True)
def kim(app: Flask) -> None:
    make_person("kim@globex.test", None, "")


@pytest.fixture
def document() -> dict[str, Any]:
    return copy.deepcopy(FILE)


def of(document: dict[str, Any], *path: str | int) -> Any:
    """Return one part of the file's first workspace."""
    part = document["workspaces"][0]
    for step in path:
        part = part[step]
    return part


def globex() -> Workspace:
    found = workspaces.get_by_name(SYSTEM, "Globex")
    assert found is not None
    return found


def provider(slug: str = "openai") -> Any:
    return next(row for row in providers.list_all(SYSTEM, globex().id) if row.slug == slug)


def credential(name: str) -> Any:
    return next(row for row in credentials.list_all(SYSTEM, globex().id) if row.name == name)


def key(name: str) -> Any:
    return next(row for row in keys.list_all(SYSTEM, globex().id, UUID) if row.name == name)


def endpoint() -> endpoints.EndpointView:
    return endpoints.list_all(SYSTEM, globex().id, UUID)[0]


def count(model: Any) -> int:
    return database.read(lambda session: session.scalar(select(func.count()).select_from(model)) or 0)


def refusal(document: dict[str, Any]) -> str:
    with pytest.raises(FileError) as refused:
        apply(SYSTEM, document)
    return str(refused.value)


def test_the_file_makes_everything_and_it_answers_a_call(
    document: dict[str, Any], client: FlaskClient
) -> None:
    report = apply(SYSTEM, document)
    assert report.created == [
        "Globex",
        "Globex/members/kim@globex.test",
        "Globex/providers/openai",
        "Globex/providers/openai/credentials/main",
        "Globex/models/openai/tuned",
        "Globex/projects/Support",
        "Globex/projects/Support/credentials/openai/own",
        "Globex/projects/Support/endpoints/summarize",
        "Globex/projects/Support/keys/ci",
        "Globex/projects/Support/keys/web",
    ]
    [minted] = report.keys
    assert (minted["workspace"], minted["project"], minted["name"]) == ("Globex", "Support", "web")
    assert report.projects == {"Globex/projects/Support": UUID}
    for secret in ("ci-key-0123456789", minted["secret"]):
        headers = {"Authorization": f"Bearer {secret}"}
        response = client.post(f"/api/{UUID}/summarize", headers=headers, json={"message": "Hello"})
        assert response.status_code == 200


def test_twice_the_same_changes_nothing(document: dict[str, Any]) -> None:
    apply(SYSTEM, document)
    before = count(AuditEvent), count(EndpointVersion)
    report = apply(SYSTEM, document)
    assert (report.created, report.changed, report.keys, report.warnings) == ([], [], [], [])
    assert len(report.unchanged) == 11
    assert before == (count(AuditEvent), count(EndpointVersion))


def test_every_change_is_audited_as_the_systems(document: dict[str, Any]) -> None:
    apply(SYSTEM, document)
    query = select(AuditEvent).where(AuditEvent.workspace_id == globex().id)
    events = database.read(lambda session: list(session.scalars(query)))
    assert {event.actor_kind for event in events} == {"system"}
    assert {"workspace.create", "member.add", "credential.create", "model.create", "endpoint.create"} <= {
        event.action for event in events
    }
    assert "secret" not in str([event.changes for event in events])


@pytest.mark.parametrize(
    ("path", "field", "value", "changed"),
    [
        ((), "timezone", "UTC", "Globex"),
        (("members", 0), "role", "admin", "Globex/members/kim@globex.test"),
        (("providers", 1), "zdr", False, "Globex/providers/openai"),
        (("providers", 1), "active", False, "Globex/providers/openai"),
        (("providers", 1, "credentials", 0), "active", False, "Globex/providers/openai/credentials/main"),
        (
            ("providers", 1, "credentials", 0),
            "secret",
            "sk-other",
            "Globex/providers/openai/credentials/main",
        ),
        (("models", 0), "input_usd_per_million", "0.2", "Globex/models/openai/tuned"),
        (("projects", 0), "name", "Help", "Globex/projects/Help"),
        (("projects", 0), "mode", "proxy", "Globex/projects/Support"),
        (("projects", 0), "active", False, "Globex/projects/Support"),
        (("projects", 0), "content_retention_days", 7, "Globex/projects/Support"),
        (("projects", 0), "gateway", {"siblings": False, "min_quality": 70}, "Globex/projects/Support"),
        (
            ("projects", 0, "credentials", 0),
            "secret",
            "sk-x",
            "Globex/projects/Support/credentials/openai/own",
        ),
        (
            ("projects", 0, "endpoints", 0),
            "prompt",
            "Be brief.",
            "Globex/projects/Support/endpoints/summarize",
        ),
        (("projects", 0, "endpoints", 0), "name", "Sum up", "Globex/projects/Support/endpoints/summarize"),
        (("projects", 0, "endpoints", 0), "active", False, "Globex/projects/Support/endpoints/summarize"),
        (("projects", 0, "keys", 0), "secret", "ci-key-9876543210", "Globex/projects/Support/keys/ci"),
        (("projects", 0, "keys", 0), "scopes", ["models"], "Globex/projects/Support/keys/ci"),
        (("projects", 0, "keys", 0), "expires_at", "2030-01-01T00:00:00Z", "Globex/projects/Support/keys/ci"),
        (("projects", 0, "keys", 0), "revoked", True, "Globex/projects/Support/keys/ci"),
    ],
)
def test_one_field_changes_one_thing_once(
    document: dict[str, Any], path: tuple[str | int, ...], field: str, value: Any, changed: str
) -> None:
    make_person("boss@globex.test", None, "")
    apply(SYSTEM, document)
    of(document, *path)[field] = value
    report = apply(SYSTEM, document)
    assert (report.created, report.changed, report.keys) == ([], [changed], [])
    again = apply(SYSTEM, document)
    assert (again.created, again.changed) == ([], [])


def test_what_the_file_does_not_name_stays(document: dict[str, Any]) -> None:
    apply(SYSTEM, document)
    bare = {"workspaces": [{"name": "Globex", "projects": [{"name": "Support", "endpoints": []}]}]}
    of(bare, "projects", 0)["endpoints"] = [{"slug": "summarize", "model": "demo/demo-careful"}]
    assert apply(SYSTEM, bare).changed == ["Globex/projects/Support/endpoints/summarize"]
    assert endpoint().config.prompt == "You are a careful editor."
    assert endpoint().version.number == 2
    assert globex().timezone == "Europe/Zurich"
    assert provider().active


def test_a_project_can_be_named_by_its_uuid_alone(document: dict[str, Any]) -> None:
    apply(SYSTEM, document)
    bare = {
        "workspaces": [{"name": "Globex", "projects": [{"uuid": UUID.upper(), "keys": [{"name": "ci"}]}]}]
    }
    assert apply(SYSTEM, bare).unchanged == [
        "Globex", "Globex/projects/Support", "Globex/projects/Support/keys/ci",
    ]  # fmt: skip


def test_a_changed_key_secret_replaces_the_old_one(document: dict[str, Any], client: FlaskClient) -> None:
    apply(SYSTEM, document)
    of(document, "projects", 0, "keys", 0)["secret"] = "ci-key-9876543210"
    apply(SYSTEM, document)
    answers = [
        client.get(f"/api/{UUID}/info", headers={"Authorization": f"Bearer {secret}"}).status_code
        for secret in ("ci-key-0123456789", "ci-key-9876543210")
    ]
    assert answers == [401, 200]


def test_a_new_address_needs_its_secret_again_and_takes_it_from_the_file(document: dict[str, Any]) -> None:
    apply(SYSTEM, document)
    of(document, "providers", 1)["base_url"] = "https://eu.api.openai.com/v1"
    report = apply(SYSTEM, document)
    assert "Globex/providers/openai/credentials/main" in report.changed
    assert credentials.holds(credential("main"), "sk-first-secret-000")
    assert apply(SYSTEM, document).changed == []


def test_what_was_switched_off_by_hand_stays_off_with_a_warning(document: dict[str, Any]) -> None:
    apply(SYSTEM, document)
    credentials.set_active(SYSTEM, globex().id, credential("main").id, False)
    endpoints.set_active(SYSTEM, globex().id, endpoint().endpoint.id, False)
    keys.revoke(SYSTEM, globex().id, key("ci").id)
    report = apply(SYSTEM, document)
    assert report.changed == []
    assert report.warnings == [
        "Globex/providers/openai/credentials/main is switched off; `active: true` switches it on.",
        "Globex/projects/Support/endpoints/summarize is switched off; `active: true` switches it on.",
        "Globex/projects/Support/keys/ci was revoked for good.",
    ]


def test_active_true_switches_on_again(document: dict[str, Any]) -> None:
    apply(SYSTEM, document)
    endpoints.set_active(SYSTEM, globex().id, endpoint().endpoint.id, False)
    of(document, "projects", 0, "endpoints", 0)["active"] = True
    assert apply(SYSTEM, document).changed == ["Globex/projects/Support/endpoints/summarize"]
    assert endpoint().endpoint.active


def test_a_key_made_revoked_is_not_made(document: dict[str, Any]) -> None:
    of(document, "projects", 0, "keys", 1)["revoked"] = True
    assert apply(SYSTEM, document).keys == []
    assert [row.name for row in keys.list_all(SYSTEM, globex().id, UUID)] == ["ci"]


def test_new_workspaces_get_the_installations_time_zone(app: Flask) -> None:
    apply(SYSTEM, {"workspaces": [{"name": "Globex"}]}, timezone="Asia/Tokyo")
    assert globex().timezone == "Asia/Tokyo"


def test_it_works_without_redis(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    away = RedisStore()
    away.configure("unix:///nonexistent/valkey.sock")
    for name in ("client", "_address", "_idle", "_failures", "_closed_until"):
        monkeypatch.setattr(redis, name, getattr(away, name))
    assert apply(SYSTEM, document).created[0] == "Globex"


def test_only_the_system_may(world: World) -> None:
    with pytest.raises(NotAllowed):
        apply(actor_of(world.owner), {"workspaces": []})


PROVIDER, PROJECT = ("providers", 1), ("projects", 0)
ENDPOINT, KEY = (*PROJECT, "endpoints", 0), (*PROJECT, "keys", 0)


@pytest.mark.parametrize(
    ("path", "field", "value", "says"),
    [
        ((), "timezone", "Mars/Base", "workspaces[0].timezone: Pick a time zone"),
        ((), "timezone", 7, "workspaces[0].timezone: Must be text: put it in quotes."),
        (("members", 0), "email", "nobody@globex.test", "workspaces[0].members[0].email: Nobody signs in"),
        (("members", 0), "email", "nobody", "workspaces[0].members[0].email: This is not an e-mail address."),
        (("members", 0), "role", "king", "workspaces[0].members[0].role: Choose from"),
        (("members", 0), "role", None, "workspaces[0].members[0].role: Please fill this in."),
        (PROVIDER, "slug", "chat", "workspaces[0].providers[1].slug: “chat” is a reserved word"),
        (PROVIDER, "dialect", "klingon", "workspaces[0].providers[1].dialect: Choose from"),
        (PROVIDER, "zdr", "yes", "workspaces[0].providers[1].zdr: Must be true or false."),
        (PROVIDER, "base_url", "http://127.0.0.1:9/v1", "workspaces[0].providers[1].base_url: This URL"),
        (PROVIDER, "base_url", "", "workspaces[0].providers[1].base_url: Please fill this in."),
        ((*PROVIDER, "credentials", 0), "secret", None, ".providers[1].credentials[0].secret: Please fill"),
        (
            (*PROVIDER, "credentials", 0),
            "secret",
            "a b",
            ".credentials[0].secret: This does not look like a key",
        ),
        ((*PROVIDER, "credentials", 0), "active", 1, ".credentials[0].active: Must be true or false."),
        (("models", 0), "id", "gpt", "workspaces[0].models[0].id: Write it as provider/model"),
        (
            ("models", 0),
            "input_usd_per_million",
            0.15,
            ".models[0].input_usd_per_million: Must be text: put it",
        ),
        (
            ("models", 0),
            "input_usd_per_million",
            "cheap",
            ".input_usd_per_million: Write the amount in dollars",
        ),
        (PROJECT, "uuid", "x", "workspaces[0].projects[0].uuid: Must be a UUID."),
        (PROJECT, "mode", "turbo", "workspaces[0].projects[0].mode: Choose from"),
        (PROJECT, "mode", ["proxy"], "workspaces[0].projects[0].mode: Choose from"),
        (PROJECT, "surfaces", ["proxy"], "workspaces[0].projects[0].mode: Say mode or surfaces, not both."),
        (PROJECT, "content_retention_days", 0, ".content_retention_days: Must be a whole number"),
        (PROJECT, "gateway", {"min_quality": 101}, ".gateway.min_quality: Must be a whole number"),
        (PROJECT, "gateway", {"speed": 1}, ".projects[0].gateway.speed: There is no such field"),
        (
            (*PROJECT, "credentials", 0),
            "provider",
            "nope",
            ".credentials[0].provider: There is no such provider",
        ),
        (
            (*PROJECT, "credentials", 0),
            "name",
            "main",
            ".credentials[0].name: There is a credential of this name",
        ),
        (ENDPOINT, "slug", "models", ".endpoints[0].slug: “models” is a reserved word"),
        (ENDPOINT, "model", "nope/x", ".endpoints[0].model: There is no provider “nope”"),
        (ENDPOINT, "model", None, ".endpoints[0].model: Please fill this in."),
        (ENDPOINT, "failover", "demo/demo-fast", ".endpoints[0].failover: Must be a list of texts."),
        (ENDPOINT, "temperature", "hot", ".endpoints[0].temperature: Must be a number"),
        (ENDPOINT, "active", "no", ".endpoints[0].active: Must be true or false."),
        (ENDPOINT, "note", 5, ".endpoints[0].note: Must be text: put it in quotes."),
        (KEY, "secret", "short", ".keys[0].secret: A key has 16 to 200 visible ASCII characters."),
        (KEY, "secret", 12345678901234567, ".keys[0].secret: Must be text: put it in quotes."),
        (KEY, "scopes", ["root"], ".keys[0].scopes: Choose from"),
        (KEY, "expires_at", "2030-01-01", ".keys[0].expires_at: Write a date and time with its zone"),
        (KEY, "expires_at", "0001-01-01T00:00:00+14:00", ".keys[0].expires_at: Write a date and time"),
        (KEY, "expires_at", 2030, ".keys[0].expires_at: Must be a date and time"),
        (KEY, "revoked", "yes", ".keys[0].revoked: Must be true or false."),
    ],
)
def test_a_bad_value_is_refused_with_its_place_and_changes_nothing(
    document: dict[str, Any], path: tuple[str | int, ...], field: str, value: Any, says: str
) -> None:
    of(document, *path)[field] = value
    message = refusal(document)
    assert says in message
    assert "\n" not in message
    assert workspaces.get_by_name(SYSTEM, "Globex") is None


def test_no_refusal_shows_a_secret(document: dict[str, Any]) -> None:
    for path, secret in (((*PROVIDER, "credentials", 0), "hunter2 hunter2"), (KEY, "hunter2")):
        of(document, *path)["secret"] = secret
        assert "hunter2" not in refusal(document)


def test_a_key_of_another_project_cannot_be_taken(document: dict[str, Any], world: World) -> None:
    of(document, *KEY)["secret"] = world.acme.secret
    assert ".keys[0].secret: This secret is in use by another key." in refusal(document)


def test_another_workspaces_project_cannot_be_taken(document: dict[str, Any], world: World) -> None:
    of(document, *PROJECT)["uuid"] = world.acme.project.id
    assert ".projects[0].uuid: Another project has this uuid." in refusal(document)


def test_the_last_owner_stays(world: World) -> None:
    document = {"workspaces": [{"name": "Acme", "members": [{"email": "owner@acme.test", "role": "viewer"}]}]}
    assert refusal(document).startswith("workspaces[0].members[0].role: A workspace needs an owner.")
    roles = {m.user.email: m.membership.role for m in members.list_all(SYSTEM, world.acme.workspace.id)}
    assert roles["owner@acme.test"] == "owner"


@pytest.mark.parametrize("change", [{"revoked": False}, {"secret": "ci-key-9876543210"}])
def test_a_revoked_key_does_not_come_back(document: dict[str, Any], change: dict[str, Any]) -> None:
    apply(SYSTEM, document)
    keys.revoke(SYSTEM, globex().id, key("ci").id)
    of(document, *KEY).update(change)
    assert "This key was revoked for good." in refusal(document)


def test_a_bad_second_workspace_undoes_the_first(document: dict[str, Any]) -> None:
    document["workspaces"].append({"name": "Second", "timezone": "Mars/Base"})
    assert refusal(document).startswith("workspaces[1].timezone:")
    assert count(Workspace) == 0


@pytest.fixture
def pruned_file(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The file once applied, and then with little left in it."""
    of(document, "projects").append({"name": "Old"})
    of(document, *PROJECT)["endpoints"].append({"slug": "old", "model": "demo/demo-fast"})
    of(document, *PROVIDER)["credentials"].append({"name": "spare", "secret": "sk-spare-secret-000"})
    apply(SYSTEM, document)
    fresh = copy.deepcopy(FILE)
    workspace = of(fresh)
    workspace["members"], workspace["models"] = [], []
    workspace["providers"] = workspace["providers"][1:]
    of(fresh, *PROJECT)["keys"].pop()
    del of(fresh, *PROJECT)["credentials"]
    yield fresh


PRUNED = [
    "Globex/models/openai/tuned",
    "Globex/projects/Old",
    "Globex/projects/Support/credentials/openai/own",
    "Globex/projects/Support/endpoints/old",
    "Globex/projects/Support/keys/web",
    "Globex/providers/demo",
    "Globex/providers/openai/credentials/spare",
]


def test_prune_without_yes_shows_and_changes_nothing(pruned_file: dict[str, Any]) -> None:
    before = count(AuditEvent)
    of(pruned_file)["timezone"] = "UTC"
    with pytest.raises(PruneNeedsYes) as asked:
        apply(SYSTEM, pruned_file, prune_rest=True)
    assert sorted(asked.value.paths) == PRUNED
    assert count(AuditEvent) == before
    assert globex().timezone == "Europe/Zurich"


def test_prune_with_yes_switches_off_what_is_not_named(pruned_file: dict[str, Any]) -> None:
    report = prune(pruned_file)
    assert sorted(report.pruned) == PRUNED
    assert key("web").revoked_at is not None
    assert not credential("own").active
    assert not provider("demo").active
    assert [row.active for row in projects.list_all(SYSTEM, globex().id)] == [False, True]
    assert len(members.list_all(SYSTEM, globex().id)) == 1
    again = prune(pruned_file)
    assert (again.pruned, again.changed) == ([], [])


def test_prune_leaves_other_workspaces_alone(pruned_file: dict[str, Any], world: World) -> None:
    prune(pruned_file)
    assert projects.find(SYSTEM, world.acme.workspace.id, world.acme.project.id).active


def test_nothing_to_prune_needs_no_yes(document: dict[str, Any]) -> None:
    apply(SYSTEM, document)
    assert apply(SYSTEM, document, prune_rest=True).pruned == []


def prune(document: dict[str, Any]) -> Report:
    return apply(SYSTEM, document, prune_rest=True, yes=True)


RULES = {
    "limits": {"requests_per_minute": 60, "concurrency": 2},
    "allowed_endpoints": ["summarize"],
    "labels": {"team": "web", "${x}": "$${not a variable}"},
}


def with_rules(**changes: Any) -> dict[str, Any]:
    """Return the sample with limits on its endpoint and rules on its first key."""
    document = copy.deepcopy(FILE)
    project = document["workspaces"][0]["projects"][0]
    project["endpoints"][0]["limits"] = {"tokens_per_minute": 9_000}
    project["keys"][0] |= RULES | changes
    return document


def test_limits_allowed_endpoints_and_labels_are_set_and_taken_away(app: Flask) -> None:
    apply(SYSTEM, with_rules())
    assert not apply(SYSTEM, with_rules()).changed
    globex = workspaces.get_by_name(SYSTEM, "Globex")
    assert globex is not None
    (key,) = (row for row in keys.list_all(SYSTEM, globex.id, UUID) if row.name == "ci")
    assert (key.limits, key.endpoints) == (RULES["limits"], ["summarize"])
    assert endpoints.list_all(SYSTEM, globex.id, UUID)[0].config.limits.tokens_per_minute == 9_000
    bare = with_rules(limits={}, allowed_endpoints=None, labels={})
    bare["workspaces"][0]["projects"][0]["endpoints"][0]["limits"] = {}
    assert len(apply(SYSTEM, bare).changed) == 2
    (key,) = (row for row in keys.list_all(SYSTEM, globex.id, UUID) if row.name == "ci")
    assert (key.limits, key.endpoints, key.labels) == ({}, None, {})


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"limits": {"requests_per_minute": 0}}, "limits.requests_per_minute"),
        ({"limits": {"requests_per_minute": -5}}, "limits.requests_per_minute"),
        ({"limits": {"requests_per_hour": 1.5}}, "limits.requests_per_hour"),
        ({"limits": {"concurrency": True}}, "limits.concurrency"),
        ({"limits": {"tokens_per_minute": 10**18}}, "limits.tokens_per_minute"),
        ({"allowed_endpoints": []}, "allowed_endpoints"),
        ({"allowed_endpoints": ["nowhere"]}, "allowed_endpoints"),
        ({"labels": {"team": 5}}, "labels"),
    ],
)
def test_rules_that_cannot_be_are_refused_at_their_place(
    app: Flask, change: dict[str, Any], place: str
) -> None:
    with pytest.raises(FileError) as refused:
        apply(SYSTEM, with_rules(**change))
    assert refused.value.param == f"workspaces[0].projects[0].keys[0].{place}"
