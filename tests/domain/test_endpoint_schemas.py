"""What of a request an input schema is about, and how a model is asked for the output schema."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.endpoint_schemas import checked_part, is_strict, parse_schema, response_format
from app.domain.errors import InvalidInput
from app.domain.json_schemas import DRAFT_7, DRAFT_2020_12

ABOUT_BODY = {"properties": {"message": {"type": "string"}}, "additionalProperties": False}
ABOUT_FIELDS = {"properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.mark.parametrize("schema", [ABOUT_BODY, {"required": ["messages"]}])
def test_a_schema_that_names_the_message_is_about_the_body_without_our_own_fields(schema: Any) -> None:
    body = {"message": '{"city": "Bern"}', "endpoint": "hello", "stream": True, "session_id": "x"}
    body |= {"healing": "off", "model": "hello", "temperature": 1}
    assert checked_part(schema, body, str(body["message"])) == {
        "message": '{"city": "Bern"}',
        "temperature": 1,
    }


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"city": "Bern"}', {"city": "Bern"}),
        (' [{"city": "Bern"}]', [{"city": "Bern"}]),
        ("Bern", {"message": "Bern"}),
        ('{"city": "Bern", "city": "Basel"}', {"message": '{"city": "Bern", "city": "Basel"}'}),
    ],
)
def test_other_schemas_are_about_what_the_message_holds(text: str, part: Any) -> None:
    assert checked_part(ABOUT_FIELDS, {"message": text, "stream": False}, text) == part


def test_text_is_read_as_json_and_its_faults_are_placed() -> None:
    assert parse_schema({"s": ' {"type": "object"} '}, "s") == {"type": "object"}
    assert parse_schema({"s": "  "}, "s") is None and parse_schema({}, "s") is None
    with pytest.raises(InvalidInput, match="line 2"):
        parse_schema({"s": '{\n"type": }'}, "s")
    with pytest.raises(InvalidInput, match="curly brackets"):
        parse_schema({"s": "true"}, "s")


def test_only_closed_objects_of_required_fields_are_asked_for_strictly() -> None:
    closed: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    closed["additionalProperties"] = False
    assert is_strict(closed) and is_strict({"type": "array", "items": closed})
    for loose in ({**closed, "required": []}, {**closed, "minProperties": 1}, {"type": "object"}, {}):
        assert not is_strict(loose)
    assert not is_strict({**closed, "properties": {"a": {"type": "object"}}})


@pytest.mark.parametrize(("draft", "is_told"), [(DRAFT_2020_12, False), (DRAFT_7, True)])
def test_the_draft_is_told_where_it_changes_the_meaning(draft: str, is_told: bool) -> None:
    asked = response_format({"$schema": draft, "type": "object"})["json_schema"]
    assert ("$schema" in asked["schema"]) == is_told and asked["strict"] is False
