"""`export`: the form that `apply` takes, without a secret in it, and there and back changes nothing."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain import apply_file, strict_yaml
from app.domain.actors import SYSTEM
from app.domain.errors import NotAllowed, NotFound
from app.models import Key
from app.services import credentials, keys, projects, providers, workspaces
from app.services.apply import apply
from app.services.export import Variables, export
from tests.services.test_apply import FILE, RULES, UUID, kim, with_rules
from tests.world import World, actor_of

__all__ = ["kim"]  # the fixture

SECRETS = {
    "CREDENTIAL_GLOBEX_OPENAI_MAIN": "sk-first-secret-000",
    "CREDENTIAL_GLOBEX_SUPPORT_OPENAI_OWN": "sk-own-secret-0000",
    "KEY_GLOBEX_SUPPORT_CI": "ci-key-0123456789",
}


def applied(**endpoint_fields: Any) -> dict[str, str]:
    """Apply the sample and return the variables that its export needs."""
    document = copy.deepcopy(FILE)
    document["workspaces"][0]["projects"][0]["endpoints"][0].update(endpoint_fields)
    [minted] = apply(SYSTEM, document).keys
    return SECRETS | {"KEY_GLOBEX_SUPPORT_WEB": minted["secret"]}


def there_and_back(variables: dict[str, str]) -> dict[str, Any]:
    text = strict_yaml.dump(export(SYSTEM, "Globex"))
    document = apply_file.read(text.encode(), variables)
    return apply(SYSTEM, document, prune_rest=True).as_dict()


def test_there_and_back_changes_nothing() -> None:
    report = there_and_back(applied())
    assert (report["created"], report["changed"], report["pruned"]) == ([], [], [])
    assert len(report["unchanged"]) == 13


@pytest.mark.parametrize(
    "prompt",
    ["Write ${NAME} and $${NAME}.", "Line one.\n\n  Line two: {{input}}\t- #x\n", "yes", "'\"\\ ☃ 🌊"],
)
def test_texts_of_every_kind_come_back(prompt: str) -> None:
    report = there_and_back(applied(prompt=prompt))
    assert report["changed"] == []


def test_limits_allowed_endpoints_and_labels_come_back() -> None:
    [minted] = apply(SYSTEM, with_rules()).keys
    report = there_and_back(SECRETS | {"KEY_GLOBEX_SUPPORT_WEB": minted["secret"]})
    assert report["changed"] == []
    [project] = export(SYSTEM, "Globex")["workspaces"][0]["projects"]
    assert project["keys"][0]["labels"]["team"] == "web"
    assert project["keys"][0].items() >= {**RULES, "labels": project["keys"][0]["labels"]}.items()
    assert project["endpoints"][0]["limits"] == {"tokens_per_minute": 9_000}


def test_rules_and_keys_of_customers_own_come_back_and_minted_keys_stay_out() -> None:
    rules = {"models": ["openai/*"], "min_quality": 30, "max_cost_usd_per_request": "0.25"}
    own = {"rules": rules, "provider_keys": {"openai": "sk-of-the-customer"}}
    report = apply(SYSTEM, with_rules(**own))
    made = database.transaction(lambda session: minted(session, UUID))
    variables = SECRETS | {"KEY_GLOBEX_SUPPORT_WEB": report.keys[0]["secret"]}
    variables["OWN_KEY_GLOBEX_SUPPORT_CI_OPENAI"] = "sk-of-the-customer"
    [project] = export(SYSTEM, "Globex")["workspaces"][0]["projects"]
    assert project["keys"][0]["rules"] == rules
    assert made not in [key["name"] for key in project["keys"]]
    back = there_and_back(variables)
    assert (back["created"], back["changed"], back["pruned"]) == ([], [], [])
    assert apply(SYSTEM, with_rules(rules={}, provider_keys={"openai": None})).changed
    assert "rules" not in export(SYSTEM, "Globex")["workspaces"][0]["projects"][0]["keys"][0]


def minted(session: Session, project_id: str) -> str:
    """Let the project's first key have made another one; return its name."""
    maker = session.scalars(select(Key).where(Key.project_id == project_id, Key.name == "ci")).one()
    place = {name: getattr(maker, name) for name in ("workspace_id", "project_id", "account_id")}
    values = {"name": "made", "scopes": ["chat"], "endpoints": None, "limits": {}, "labels": {}, "rules": {}}
    return keys.add(session, SYSTEM, {**place, **values, "parent_id": maker.id}, "a-minted-secret-1").name


def test_how_conversations_are_kept_comes_back_and_null_switches_it_off() -> None:
    settings = {"ttl_seconds": 600, "max_messages": 20}
    variables = applied(session=settings)
    assert there_and_back(variables)["changed"] == []
    [project] = export(SYSTEM, "Globex")["workspaces"][0]["projects"]
    assert project["endpoints"][0]["session"].items() >= settings.items()
    off = {"slug": project["endpoints"][0]["slug"], "session": None}
    found = {"uuid": project["uuid"], "endpoints": [off]}
    raw = strict_yaml.dump({"workspaces": [{"name": "Globex", "projects": [found]}]})
    assert apply(SYSTEM, apply_file.read(raw.encode(), {})).as_dict()["changed"]
    [project] = export(SYSTEM, "Globex")["workspaces"][0]["projects"]
    assert "session" not in project["endpoints"][0]


def test_it_shows_no_secret_and_no_hash() -> None:
    variables = applied()
    text = strict_yaml.dump(export(SYSTEM))
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(variables)
    assert not [secret for secret in variables.values() if secret in text]


def test_it_makes_the_same_on_an_empty_installation() -> None:
    variables = applied()
    text = strict_yaml.dump(export(SYSTEM, "Globex")).replace("Globex", "Twin").replace(UUID, UUID[:-1] + "2")
    fresh = {name: f"{value}-twin" for name, value in variables.items()}
    report = apply(SYSTEM, apply_file.read(text.encode(), fresh))
    assert len(report.created) == 10
    assert report.keys == []


def test_what_is_off_stays_off() -> None:
    variables = applied()
    globex = workspaces.get_by_name(SYSTEM, "Globex")
    assert globex is not None
    for row in credentials.list_all(SYSTEM, globex.id):
        credentials.set_active(SYSTEM, globex.id, row.id, False)
    projects.update(SYSTEM, globex.id, UUID, {"active": False})
    assert there_and_back(variables)["changed"] == []


def test_revoked_keys_and_wiped_credentials_are_left_out() -> None:
    variables = applied()
    globex = workspaces.get_by_name(SYSTEM, "Globex")
    assert globex is not None
    for key in keys.list_all(SYSTEM, globex.id, UUID):
        keys.revoke(SYSTEM, globex.id, key.id)
    openai = next(row for row in providers.list_all(SYSTEM, globex.id) if row.slug == "openai")
    providers.update(SYSTEM, globex.id, openai.id, {"base_url": "https://eu.api.openai.com/v1"})
    assert "${" not in strict_yaml.dump(export(SYSTEM))
    assert there_and_back(variables)["changed"] == []


def test_one_workspace_or_all(world: World) -> None:
    assert [row["name"] for row in export(SYSTEM)["workspaces"]] == ["Acme", "Other"]
    assert [row["name"] for row in export(SYSTEM, "Other")["workspaces"]] == ["Other"]


def test_an_unknown_workspace_is_refused() -> None:
    with pytest.raises(NotFound, match="no workspace of this name"):
        export(SYSTEM, "Nope")


def test_only_the_system_may(world: World) -> None:
    with pytest.raises(NotAllowed):
        export(actor_of(world.owner))


def test_variables_are_unique_and_never_settings_of_sluice() -> None:
    variables = Variables()
    names = [variables.reference("key", name, "ci") for name in ("Sluice", "3M", "Öl", "Äl")]
    assert names == ["${KEY_SLUICE_CI}", "${KEY_3M_CI}", "${KEY_L_CI}", "${KEY_L_CI_2}"]


def test_guardrails_of_every_level_come_back() -> None:
    document = copy.deepcopy(FILE)
    [workspace] = document["workspaces"]
    [project] = workspace["projects"]
    workspace["guardrails"] = {"pii": {"action": "mask", "kinds": ["email"], "locked": True}}
    number = {"name": "order number", "pattern": "A-\\d{4}"}
    project["guardrails"] = {"patterns": {"action": "flag", "patterns": [number]}}
    project["endpoints"][0]["guardrails"] = {"keywords": {"action": "block", "words": ["${x}"]}}
    project["keys"][0]["guardrails"] = {"length": {"action": "block", "most_characters": 900}}
    [minted] = apply(SYSTEM, document).keys
    report = there_and_back(SECRETS | {"KEY_GLOBEX_SUPPORT_WEB": minted["secret"]})
    assert (report["created"], report["changed"], report["pruned"]) == ([], [], [])
    [told] = export(SYSTEM, "Globex")["workspaces"]
    assert told["guardrails"]["pii"]["locked"] is True
    assert told["projects"][0]["guardrails"]["patterns"]["patterns"] == [number]
    [changed] = apply(SYSTEM, {"workspaces": [{"name": "Globex", "guardrails": {}}]}).changed
    assert changed == "Globex"


def test_variables_and_schemas_come_back_also_where_they_were_written_as_text() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "string", "pattern": "^${1}a$"}}}
    number = {"name": "n", "type": "int", "min": 0, "default": 0, "help": "Not ${X}"}
    report = there_and_back(
        applied(
            streaming_enabled=False,
            variables=[number, {"name": "tone", "type": "enum", "options": ["a", "b"], "required": True}],
            input_schema=json.dumps(schema),
            output_schema=schema,
        )
    )
    assert report["changed"] == []
    [project] = export(SYSTEM, "Globex")["workspaces"][0]["projects"]
    told = project["endpoints"][0]
    assert told["variables"][0]["min"] == 0 and told["variables"][1]["options"] == ["a", "b"]
    assert told["input_schema"] == told["output_schema"]
