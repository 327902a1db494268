"""The apply file: YAML and JSON, variables, and a refusal with its place for everything unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import accounts, apply_file, apply_shape, gateway_settings, plans
from app.domain.apply_file import FileError
from app.domain.apply_shape import NOT_YET
from app.services import alert_settings, credentials, keys, model_rows, projects, providers, workspaces

ENVIRON = {"KEY": "s3cret-value", "EMPTY": "", "NESTED": "${KEY}"}


def workspace(**fields: Any) -> bytes:
    return json.dumps({"workspaces": [{"name": "Acme", **fields}]}).encode()


def read(content: bytes | str) -> dict[str, Any]:
    return apply_file.read(content.encode() if isinstance(content, str) else content, ENVIRON)


def refusal(content: bytes | str) -> str:
    with pytest.raises(FileError) as refused:
        read(content)
    return str(refused.value)


def test_yaml_and_json_mean_the_same() -> None:
    expected = {"workspaces": [{"name": "Acme", "providers": [{"slug": "openai", "zdr": True}]}]}
    assert read(json.dumps(expected)) == expected
    assert read("workspaces:\n- name: Acme\n  providers:\n  - slug: openai\n    zdr: true\n") == expected
    assert read("{workspaces: [{name: Acme, providers: [{slug: openai, zdr: true}]}]}") == expected


def test_a_byte_order_mark_is_no_matter() -> None:
    assert read(b"\xef\xbb\xbf" + workspace()) == {"workspaces": [{"name": "Acme"}]}


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("${KEY}", "s3cret-value"),
        ("a ${KEY} b ${KEY}", "a s3cret-value b s3cret-value"),
        ("${EMPTY}", ""),
        ("$${KEY}", "${KEY}"),
        ("$$${KEY}", "$${KEY}"),
        ("${NESTED}", "${KEY}"),
        ("$KEY costs $5", "$KEY costs $5"),
        ("{{input}}", "{{input}}"),
    ],
)
def test_variables_are_put_in_once(written: str, means: str) -> None:
    assert read(workspace(timezone=written))["workspaces"][0]["timezone"] == means


@given(st.text(alphabet="${}aK"))
def test_an_escaped_text_comes_back(text: str) -> None:
    assert apply_file.substitute(apply_file.escape(text), {}, "") == text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            workspace(timezone="${MISSING}"),
            "workspaces[0].timezone: The environment variable MISSING is not set.",
        ),
        (workspace(timezone="${A B}"), "workspaces[0].timezone: “${” begins a variable"),
        (workspace(timezone="${KEY"), "workspaces[0].timezone: “${” begins a variable"),
        (workspace(colour="red"), "workspaces[0].colour: There is no such field."),
        (
            workspace(providers=[{"slug": "a"}, {"slug": "b", "base_ur": "x"}]),
            "workspaces[0].providers[1].base_ur: There is no such field. Is it base_url?",
        ),
        (b'{"private_upstreams": ["127.0.0.1:1"]}', "private_upstreams: There is no such field."),
        (b'{"settings": {"SLUICE_PRIVATE_UPSTREAMS": "a:1"}}', "settings: There is no such field."),
        (workspace(providers={"slug": "a"}), "workspaces[0].providers: Must be a list."),
        (workspace(providers=None), "workspaces[0].providers: Must be a list."),
        (workspace(providers=["a"]), "workspaces[0].providers[0]: Must be an object with fields."),
        (workspace(timezone={"a": 1}), "workspaces[0].timezone: Must be a plain value"),
        (workspace(timezone=[["a"]]), "workspaces[0].timezone: Must be a plain value"),
        (workspace(providers=[{"name": "a"}]), "workspaces[0].providers[0].slug: Please fill this in."),
        (workspace(projects=[{"mode": "light"}]), "workspaces[0].projects[0].name: Please fill this in."),
        (workspace(projects=[{"name": 7}]), "workspaces[0].projects[0].name: Must be text"),
        (workspace(projects=[{"name": ""}]), "workspaces[0].projects[0].name: Must be text"),
        (
            workspace(providers=[{"slug": "a"}, {"slug": "a "}]),
            "workspaces[0].providers[1]: This is the same one as workspaces[0].providers[0].",
        ),
        (
            workspace(projects=[{"name": "A", "uuid": "x"}, {"name": "B", "uuid": "x"}]),
            "workspaces[0].projects[1]: This is the same one as workspaces[0].projects[0].",
        ),
        (b"[1]", "The file must have fields."),
        (b"", "The file must have fields."),
        (b"hello", "The file must have fields."),
        (b"\xff\xfe\x00", "The file is not UTF-8 text."),
        (b'{"workspaces": [], "workspaces": []}', "This is not JSON: a name appears twice in one object."),
        (b'{"workspaces": [', "This is not JSON"),
        (b"workspaces: [", "line 1, column 14: this is not YAML"),
        (b'{"workspaces": ' + b"[" * 100 + b"]" * 100 + b"}", "nested"),
        (b'workspaces: [{name: "\\ud800"}]', "workspaces[0].name: Must be text in Unicode."),
        (workspace(timezone="a\x00b"), "workspaces[0].timezone: Must not contain NUL characters."),
        (b"a" * (apply_file.MOST_BYTES + 1), "The file is larger than 5 MB."),
    ],
)
def test_each_refusal_says_where_and_what(content: bytes, says: str) -> None:
    assert says in refusal(content)


@pytest.mark.parametrize("name", sorted(NOT_YET))
def test_capabilities_that_are_not_built_yet_are_refused_by_name(name: str) -> None:
    assert refusal(workspace(**{name: []})) == f"workspaces[0].{name}: This is not available in this version."


def test_projects_are_told_apart_by_exact_name() -> None:
    assert len(read(workspace(projects=[{"name": "a"}, {"name": "A"}]))["workspaces"][0]["projects"]) == 2


def test_no_refusal_shows_what_a_variable_holds() -> None:
    assert "s3cret" not in refusal(workspace(timezone="${KEY} ${MISSING}"))


def test_the_form_has_every_field_of_the_services() -> None:
    assert apply_shape.WORKSPACE.fields == workspaces.FIELDS - {"guardrails"} | {"plan"}
    assert apply_shape.ACCOUNT.fields == accounts.FIELDS - {"plan"} | {"top_up_usd", "top_up_ref"}
    assert apply_shape.SUB_ACCOUNT.fields == accounts.SUB_FIELDS
    assert apply_shape.PLAN.fields == plans.FIELDS
    assert apply_shape.PROVIDER.fields == providers.FIELDS
    assert apply_shape.MODEL.fields == model_rows.FIELDS | {"id"}
    own = projects.FIELDS - {"gateway", "guardrails"} | {"uuid", "mode"}
    assert apply_shape.PROJECT.fields == own and apply_shape.GATEWAY.fields == gateway_settings.FIELDS
    own = keys.FIELDS - {"account_id", "endpoints"} | {"secret", "revoked", "allowed_endpoints", "account"}
    own |= {"provider_keys"}
    assert apply_shape.KEY.fields | apply_shape.KEY.objects.keys() == own
    assert apply_shape.CREDENTIAL.fields == credentials.FIELDS - {"project_id"} | {"active"}
    shapes = (apply_shape.WORKSPACE, apply_shape.PROVIDER, apply_shape.PROJECT, apply_shape.ENDPOINT)
    assert apply_shape.ALERTS.fields == alert_settings.FIELDS
    assert not any(NOT_YET & (shape.fields | shape.objects.keys() | shape.lists.keys()) for shape in shapes)
