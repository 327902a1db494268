"""The pages of guardrails: set, refused with a reason, tried, locked, and what they did."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.services import endpoints, keys, projects, workspaces
from tests.world import Tenant, World

PII = {"guardrails.pii.action": "mask", "guardrails.pii.kinds": ["email"]}
LOCKED = {"guardrails.secrets.action": "block", "guardrails.secrets.locked": "1"}


def at(tenant: Tenant, path: str) -> str:
    return f"/w/{tenant.workspace.slug}{path}"


def stored(tenant: Tenant) -> dict[str, Any]:
    found: dict[str, Any] = workspaces.find(SYSTEM, tenant.workspace.slug)[0].guardrails
    return found


def test_an_admin_sets_the_rules_of_the_workspace(world: World, sign_in: Any) -> None:
    admin, acme = sign_in(world.admin), world.acme
    typed = {**PII, **LOCKED, "guardrails.keywords.words": "red\n\nblue", "guardrails.length.on": "input"}
    assert admin.post(at(acme, "/guardrails"), data=typed).status_code == 303
    assert stored(acme) == {
        "keywords": {"words": ["red", "blue"]},
        "secrets": {"action": "block", "locked": True},
        "pii": {"action": "mask", "kinds": ["email"]},
    }
    page = admin.get(at(acme, "/guardrails")).text
    assert "replaces it (1 kind)" in page and "red\nblue" in page
    log = admin.get(at(acme, "/activity")).text
    assert "Guardrail “Personal data”" in log and "replaces it" in log


def test_editors_and_viewers_may_look_but_not_change_them(world: World, sign_in: Any) -> None:
    for person in (world.teammate, world.viewer):
        client = sign_in(person)
        page = client.get(at(world.acme, "/guardrails"))
        assert page.status_code == 200 and "You may look at these rules" in page.text
        assert client.post(at(world.acme, "/guardrails"), data=PII).status_code == 403
    assert stored(world.acme) == {}
    assert sign_in(world.viewer).post(at(world.acme, "/guardrails/try"), data=PII).status_code == 403


def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(world: World, sign_in: Any) -> None:
    typed = {**PII, "guardrails.patterns.patterns": "order = A-[0-9]{6}\nother = (a"}
    answer = sign_in(world.owner).post(at(world.acme, "/guardrails"), data=typed)
    assert answer.status_code == 422
    assert "Pattern 2:" in answer.text and "other = (a" in answer.text
    assert stored(world.acme) == {}


@pytest.mark.parametrize("typed", [{"length.most_characters": "many"}, {"secrets.action": "explode"}])
def test_what_cannot_be_is_said_and_stays_in_the_form(
    world: World, sign_in: Any, typed: dict[str, str]
) -> None:
    [(name, value)] = typed.items()
    answer = sign_in(world.owner).post("/w/acme/guardrails", data={f"guardrails.{name}": value})
    assert answer.status_code == 422 and "Must be" in answer.text


def test_a_locked_rule_is_shown_and_stays_below(world: World, sign_in: Any) -> None:
    acme, owner = world.acme, sign_in(world.owner)
    owner.post(at(acme, "/guardrails"), data=LOCKED)
    page = owner.get(at(acme, f"/projects/{acme.project.id}/guardrails")).text
    assert "Locked by the workspace" in page
    typed = {"guardrails.secrets.action": "off", "guardrails.pii.action": "flag"}
    owner.post(at(acme, f"/projects/{acme.project.id}/guardrails"), data=typed)
    project = projects.find(SYSTEM, acme.workspace.id, acme.project.id)
    assert project.guardrails == {"pii": {"action": "flag"}}


def test_a_key_and_an_endpoint_have_rules_of_their_own(world: World, sign_in: Any) -> None:
    acme, editor = world.acme, sign_in(world.teammate)
    assert editor.post(at(acme, f"/keys/{acme.key.id}/guardrails"), data=PII).status_code == 303
    assert keys.find(SYSTEM, acme.workspace.id, acme.key.id).guardrails["pii"]["action"] == "mask"
    section = at(acme, f"/endpoints/{acme.endpoint.id}/settings/guardrails")
    typed = {"guardrails.length.most_characters": "50", "save_as": "published"}
    assert editor.post(section, data=typed).status_code == 303
    view = endpoints.find(SYSTEM, acme.workspace.id, acme.endpoint.id)
    assert view.config.guardrails == {"length": {"most_characters": 50}}
    assert "longer than 50 characters" in editor.get(section).text


def test_a_project_hears_that_its_calls_pass_by(world: World, sign_in: Any) -> None:
    acme, viewer = world.acme, sign_in(world.viewer)
    page, told = at(acme, f"/projects/{acme.project.id}/guardrails"), "only locked rules look at them"
    assert told not in viewer.get(page).text
    fields: dict[str, Any] = {"surfaces": ["proxy"]}
    projects.update(SYSTEM, acme.workspace.id, acme.project.id, fields)
    assert told in viewer.get(page).text
    fields = {"gateway": {"guard_passthrough": True}}
    projects.update(SYSTEM, acme.workspace.id, acme.project.id, fields)
    assert told not in viewer.get(page).text


def test_patterns_keep_what_only_a_file_can_say_of_them(world: World, sign_in: Any) -> None:
    entry = {"name": "order", "pattern": "A-[0-9]{6}", "action": "flag"}
    rules = {"patterns": {"action": "block", "patterns": [entry]}}
    workspaces.update(SYSTEM, world.acme.workspace.id, {"guardrails": rules})
    typed = {
        "guardrails.patterns.action": "block",
        "guardrails.patterns.patterns": "order = A-[0-9]{6}\nx = b+c",
    }
    sign_in(world.owner).post(at(world.acme, "/guardrails"), data=typed)
    assert stored(world.acme)["patterns"]["patterns"] == [entry, {"name": "x", "pattern": "b+c"}]


def test_a_text_is_tried_with_the_rules_as_typed_and_nothing_is_stored(world: World, sign_in: Any) -> None:
    acme, owner = world.acme, sign_in(world.owner)
    typed = {**PII, "guardrails.keywords.words": "red", "try.text": "ann@example.com is green"}
    part = owner.post(at(acme, "/guardrails/try"), data=typed, headers={"HX-Request": "true"}).text
    assert "[E-Mail REDACTED] is green" in part and "<html" not in part
    for path in (f"/projects/{acme.project.id}/guardrails/try", f"/keys/{acme.key.id}/guardrails/try"):
        assert "stopped the call" in owner.post(at(acme, path), data={**typed, "try.text": "Red"}).text
    path = at(acme, f"/endpoints/{acme.endpoint.id}/guardrails/try")
    whole = owner.post(path, data={**typed, "try.text": "Red"}).text
    assert "stopped the call" in whole and "Save and publish" in whole
    assert stored(acme) == {}


def test_the_report_and_the_receipt_say_what_rules_did(
    world: World, sign_in: Any, client: FlaskClient
) -> None:
    acme, viewer = world.acme, sign_in(world.viewer)
    assert "No call has met a rule yet" in viewer.get(at(acme, "/guardrails/report")).text
    rules = {"keywords": {"action": "shadow", "words": ["red"], "on": "input"}, "pii": {"on": "input"}}
    workspaces.update(SYSTEM, acme.workspace.id, {"guardrails": rules})
    client.post(acme.url, json={"message": "blue"}, headers=acme.headers)
    assert "Nothing was stopped or changed" in viewer.get(at(acme, "/guardrails/report")).text
    answer = client.post(acme.url, json={"message": "red"}, headers=acme.headers)
    report = viewer.get(at(acme, "/guardrails/report?days=30")).text
    assert "Words" in report and "Personal data" not in report
    request_id = answer.get_json()["meta"]["request_id"]
    receipt = viewer.get(at(acme, f"/requests/{request_id}")).text
    assert "would have stopped the call, but only watches" in receipt and "nothing found" in receipt
    told = client.get(f"/v1/receipts/{request_id}", headers=acme.headers).get_json()
    assert [one["outcome"] for one in told["execution"]["guardrails"]] == ["would_block", "passed"]
