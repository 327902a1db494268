"""The sections of schemas and variables: made of fields, from an example, by hand; nothing else saves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.models import User
from app.services import endpoints
from tests.world import World

EMPTY = {"input_how": "none", "output_how": "none"}
FIELDS = {
    "output_how": "fields",
    "output_name": ["city", "where", "zip"],
    "output_kind": ["choice", "group", "whole"],
    "output_options": ["Bern, Basel", "", ""],
    "output_description": ["The city", "", ""],
    "output_level": ["0", "0", "1"],
    "output_required": ["0", "2"],
}
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "enum": ["Bern", "Basel"], "description": "The city"},
        "where": {
            "type": "object",
            "properties": {"zip": {"type": "integer"}},
            "required": ["zip"],
            "additionalProperties": False,
        },
    },
    "required": ["city"],
    "additionalProperties": False,
}


class Form:
    """One section of the endpoint `hello`, as its owner uses it."""

    def __init__(self, client: FlaskClient, world: World, section: str) -> None:
        self.client, self.world = client, world
        self.url = f"/w/{world.acme.workspace.slug}/endpoints/{world.acme.endpoint.id}/settings/{section}"

    def save(self, **typed: Any) -> Any:
        return self.client.post(self.url, data={"save_as": "published", **typed})

    def press(self, act: str, **typed: Any) -> str:
        response = self.client.post(f"{self.url}/form", data={"act": act, **typed})
        assert response.status_code == 200
        return str(response.get_data(as_text=True))

    @property
    def config(self) -> Any:
        return endpoints.find(SYSTEM, self.world.acme.workspace.id, self.world.acme.endpoint.id).config


@pytest.fixture
def schemas(world: World, sign_in: Callable[[User], FlaskClient]) -> Form:
    return Form(sign_in(world.owner), world, "schemas")


@pytest.fixture
def variables(world: World, sign_in: Callable[[User], FlaskClient]) -> Form:
    return Form(sign_in(world.owner), world, "variables")


def test_fields_are_saved_as_a_schema_and_shown_as_fields(schemas: Form) -> None:
    refused = schemas.save(**EMPTY | FIELDS)
    assert refused.status_code == 422 and b"cannot be streamed" in refused.data
    assert schemas.save(**EMPTY | FIELDS, streaming_off="1").status_code == 303
    assert schemas.config.output_schema == SCHEMA and not schemas.config.streaming_enabled
    page = schemas.client.get(schemas.url).get_data(as_text=True)
    assert 'value="Bern, Basel"' in page and 'class="schema-row level-1"' in page


def test_the_enter_key_saves(schemas: Form, variables: Form) -> None:
    for form in (schemas, variables):
        page = form.client.get(form.url).get_data(as_text=True)
        buttons = page[page.index(f'action="{form.url}"') :].split("<button")
        assert 'name="save_as" value="published"' in buttons[1]


def test_buttons_that_do_not_save_change_the_form_alone(schemas: Form) -> None:
    before = schemas.config
    assert schemas.press("output-add", **EMPTY | FIELDS).count('name="output_name"') == 4
    assert schemas.press("output-remove-2", **EMPTY | FIELDS).count('name="output_name"') == 2
    made = schemas.press("input-example", **EMPTY, input_sample='{"order": 7, "on": "2026-01-31"}')
    assert 'value="order"' in made and made.count('name="input_name"') == 2
    assert "not JSON" in schemas.press("input-example", **EMPTY, input_sample="{")
    assert "&#34;enum&#34;" in schemas.press("output-json", **EMPTY | FIELDS)
    assert schemas.config == before


@pytest.mark.parametrize(("sample", "told"), [('{"city": "Bern"}', "It fits."), ("{}", "required property")])
def test_an_example_is_checked_against_what_is_typed(schemas: Form, sample: str, told: str) -> None:
    page = schemas.press("output-check", **EMPTY | FIELDS, output_sample=sample)
    assert told in page


def test_a_schema_by_hand_is_refused_with_its_place_and_kept_as_it_is(schemas: Form) -> None:
    refused = schemas.save(**EMPTY | {"input_how": "json", "input_json": '{"type": "objekt"}'})
    assert refused.status_code == 422 and b"(at /type)" in refused.data and b"objekt" in refused.data
    kept = '{"type": "object", "minProperties": 1}'
    assert schemas.save(**EMPTY | {"input_how": "json", "input_json": kept}).status_code == 303
    assert schemas.config.input_schema == {"type": "object", "minProperties": 1}
    assert "written by hand" in schemas.client.get(schemas.url).get_data(as_text=True)
    assert schemas.save(**EMPTY).status_code == 303 and schemas.config.input_schema is None


def test_variables_are_saved_in_their_types(variables: Form) -> None:
    typed = {
        "v_name": ["tone", "lines", "", "polite"],
        "v_type": ["enum", "int", "string", "bool"],
        "v_options": ["warm, dry", "ignored", "", ""],
        "v_default": ["dry", "3", "", "yes"],
        "v_min": ["", "1", "", ""],
        "v_max": ["", "9", "", ""],
        "v_required": [],
    }
    assert variables.save(**typed).status_code == 303
    assert [variable.as_dict() for variable in variables.config.variables] == [
        {"name": "tone", "type": "enum", "options": ["warm", "dry"], "default": "dry"},
        {"name": "lines", "type": "int", "default": 3, "min": 1, "max": 9},
        {"name": "polite", "type": "bool", "default": True},
    ]
    page = variables.client.get(variables.url).get_data(as_text=True)
    assert 'value="warm, dry"' in page and 'value="yes"' in page


def test_a_wrong_variable_is_named_and_the_rest_stays_typed(variables: Form) -> None:
    refused = variables.save(v_name=["tone", "2x"], v_type=["string", "string"])
    assert refused.status_code == 422 and b"Variable 2x" in refused.data and b'value="tone"' in refused.data
    assert b'aria-describedby="v-1-error"' in refused.data and refused.data.count(b'id="f-variables"') == 1


def test_names_that_the_prompts_use_are_offered(variables: Form, world: World) -> None:
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"prompt": "About {{topic}}."})
    assert "Add {{topic}}" in variables.client.get(variables.url).get_data(as_text=True)
    only = {"variables": [{"name": "tone"}, {"name": "topic"}]}
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, only)
    assert "they change nothing: tone." in variables.client.get(variables.url).get_data(as_text=True)
    page = variables.press("add-topic", v_name=[""], v_type=["string"])
    assert page.count('name="v_name"') == 1 and 'name="v_name" value="topic"' in page
