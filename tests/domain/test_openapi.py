"""A project's OpenAPI file: what it says of an endpoint, and that it is one."""

from __future__ import annotations

from typing import Any

from openapi_spec_validator import validate

from app.domain.endpoints import parse_config
from app.domain.openapi import About, Described, document

ABOUT = About("00000000-0000-4000-8000-000000000000", "Support", "https://gateway.example.com")
SCHEMA = {
    "type": "object",
    "properties": {"mood": {"$ref": "#/$defs/mood"}},
    "$defs": {"mood": {"type": "string"}},
}
FULL = {
    "model": "demo/demo-fast",
    "description": "Summarizes a letter.",
    "streaming_enabled": True,
    "variables": [
        {"name": "tone", "type": "enum", "options": ["kind", "plain"], "required": True},
        {"name": "words", "type": "int", "default": 50},
    ],
    "session": {"ttl_seconds": 600},
}


def file_of(**endpoints: dict[str, Any]) -> dict[str, Any]:
    return document(
        ABOUT, [Described(slug, slug.title(), parse_config(raw)) for slug, raw in endpoints.items()]
    )


def body_of(found: dict[str, Any], slug: str) -> dict[str, Any]:
    return dict(found["paths"][f"/{slug}"]["post"]["requestBody"]["content"]["application/json"]["schema"])


def test_a_plain_endpoint_takes_text_alone() -> None:
    found = file_of(plain={"model": "demo/demo-fast"})
    assert found["servers"] == [{"url": f"https://gateway.example.com/api/{ABOUT.project_id}"}]
    assert set(body_of(found, "plain")["properties"]) == {"message", "messages"}
    responses = found["paths"]["/plain"]["post"]["responses"]
    assert "410" not in responses and set(responses["200"]["content"]) == {"application/json"}


def test_an_endpoint_says_what_it_takes_and_how_it_answers() -> None:
    found = file_of(full=FULL)
    body, post = body_of(found, "full"), found["paths"]["/full"]["post"]
    assert post["description"] == "Summarizes a letter." and "410" in post["responses"]
    assert body["properties"]["variables"]["properties"]["tone"]["enum"] == ["kind", "plain"]
    assert body["properties"]["variables"]["properties"]["words"]["default"] == 50
    assert body["properties"]["variables"]["required"] == ["tone"] and body["required"] == ["variables"]
    assert {"stream", "session_id"} <= set(body["properties"])
    assert "text/event-stream" in post["responses"]["200"]["content"]


def test_schemas_keep_their_own_references() -> None:
    raw = {"model": "demo/demo-fast", "input_schema": SCHEMA, "output_schema": SCHEMA}
    found = file_of(one=raw, two=raw)
    asked = [body_of(found, slug)["properties"]["message"]["anyOf"][0] for slug in ("one", "two")]
    assert len({schema["$id"] for schema in asked}) == 2
    answer = found["paths"]["/one"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    content = answer["allOf"][1]["properties"]["content"]
    assert content["contentSchema"]["$defs"] == SCHEMA["$defs"]


def test_a_schema_of_the_body_is_about_the_body_and_variables_win_over_both() -> None:
    raw = {"model": "demo/demo-fast", "input_schema": {"required": ["message"], "maxProperties": 1}}
    assert body_of(file_of(one=raw), "one")["allOf"][1] == raw["input_schema"]
    variables = {"variables": [{"name": "a"}], "user_prompt_template": "{{a}}"}
    found = body_of(file_of(one={**raw, **variables}), "one")
    assert "allOf" not in found and "oneOf" not in found


def test_it_is_an_openapi_file_as_a_public_checker_understands_them() -> None:
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", **SCHEMA}
    other = {"model": "demo/demo-fast", "input_schema": schema, "output_schema": SCHEMA}
    validate(file_of(full=FULL, other=other, plain={"model": "demo/demo-fast"}))
