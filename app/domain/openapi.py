"""The OpenAPI 3.1 file of a project, generated from its endpoints: what to send, and what comes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.domain.endpoint_schemas import speaks_of_body
from app.domain.endpoints import EndpointConfig
from app.domain.questions import questions_of
from app.domain.variables import TEXTS, Variable

VERSION = "3.1.0"
Json = dict[str, Any]
ERRORS = {
    "400": "The project does not serve this kind of route, or the body is no JSON.",
    "401": "The key is missing, malformed, revoked or expired.",
    "402": "The prepaid balance does not cover what the call may cost.",
    "403": "The key may not call this, belongs to another project, or lacks a scope.",
    "404": "There is no such endpoint, or it is switched off.",
    "409": "A request with this Idempotency-Key is under way.",
    "422": "A field is not right, a guardrail stopped the call, or a budget is used up.",
    "429": "A limit is reached; Retry-After says when to come back.",
    "502": "No provider answered, or the answer does not fit the output schema.",
}
SESSION_ERRORS = {"410": "The session was idle for too long and is gone."}
TYPES: dict[str, Json] = {
    "string": {"type": "string"},
    "text": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "enum": {"type": "string"},
}
MESSAGES: Json = {
    "type": "array",
    "minItems": 1,
    "items": {"$ref": "#/components/schemas/Message"},
    "description": "A whole conversation, in place of `message`.",
}


@dataclass(frozen=True, slots=True)
class About:
    """Whose file it is, and where it is served."""

    project_id: str
    name: str
    base_url: str


@dataclass(frozen=True, slots=True)
class Described:
    """An endpoint to be described."""

    slug: str
    name: str
    config: EndpointConfig


def document(about: About, endpoints: Iterable[Described]) -> Json:
    """Return the whole file."""
    return {
        "openapi": VERSION,
        "info": {
            "title": about.name,
            "version": "1",
            "description": "The endpoints of this project. Send a key of the project with every call.",
        },
        "servers": [{"url": f"{about.base_url}/api/{about.project_id}"}],
        "security": [{"key": []}],
        "paths": {f"/{each.slug}": {"post": operation(each)} for each in endpoints},
        "components": components(),
    }


def operation(described: Described) -> Json:
    """Return what can be done with one endpoint: call it."""
    config = described.config
    errors = {**ERRORS, **(SESSION_ERRORS if config.session else {})}
    described_by = {"description": config.description} if config.description else {}
    return {
        "operationId": described.slug,
        "summary": described.name,
        **described_by,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": request_schema(config, described.slug)}},
        },
        "responses": {
            "200": answer(config, described.slug),
            **{status: error(status, text) for status, text in sorted(errors.items())},
        },
    }


def request_schema(config: EndpointConfig, slug: str) -> Json:
    """Return what a body may hold: the client's text, variables, the session, whether to stream."""
    properties: Json = {
        "message": {"type": "string", "minLength": 1, "description": "What the user says."},
        "messages": MESSAGES,
    }
    if config.variables:
        properties["variables"] = variables_schema(config.variables)
    if config.session:
        text = "The session to go on with, as an earlier answer named it. Left out, a new one begins."
        properties["session_id"] = {"type": "string", "format": "uuid", "description": text}
    if config.streams:
        properties["stream"] = {"type": "boolean", "default": False}
    needs = ["variables"] if any(each.required for each in config.variables) else []
    own: Json = {"type": "object", "properties": properties, "required": needs}
    if questions_of(config).takes_text or not config.variables:
        own["oneOf"] = [{"required": ["message"]}, {"required": ["messages"]}]
    if config.input_schema is None or config.variables:
        return own
    schema = standing_alone(config.input_schema, f"{slug}:input")
    if speaks_of_body(config.input_schema):
        return {"allOf": [own, schema]}
    same = {"type": "string", "contentMediaType": "application/json", "description": "The same, as text."}
    properties["message"] = {"anyOf": [schema, same]}
    return own


def variables_schema(variables: Iterable[Variable]) -> Json:
    """Return the object of an endpoint's variables; unknown names are refused."""
    listed = list(variables)
    return {
        "type": "object",
        "properties": {each.name: variable_schema(each) for each in listed},
        "required": [each.name for each in listed if each.required],
        "additionalProperties": False,
    }


def variable_schema(variable: Variable) -> Json:
    """Return one variable's type, and what is known of it."""
    is_text = variable.type in TEXTS
    told = {
        "title": variable.title,
        "description": variable.help,
        "default": variable.default,
        "enum": list(variable.options) or None,
        "minimum": variable.min,
        "maximum": variable.max,
        "maxLength": variable.longest if is_text else None,
    }
    return {
        **TYPES[variable.type],
        **{name: value for name, value in told.items() if value not in (None, "")},
    }


def answer(config: EndpointConfig, slug: str) -> Json:
    """Return the successful response, whole and streamed."""
    schema: Json = {"$ref": "#/components/schemas/Answer"}
    content: Json = {"application/json": {"schema": schema}}
    if config.output_schema:
        told = standing_alone(config.output_schema, f"{slug}:output")
        text = {"type": "string", "contentMediaType": "application/json", "contentSchema": told}
        schema = {"allOf": [schema, {"properties": {"content": text}}]}
        content = {"application/json": {"schema": schema}}
    if config.streams:
        text_stream = "Events of OpenAI's chat.completion.chunk, then `[DONE]`; where `stream` is true."
        content["text/event-stream"] = {"schema": {"type": "string", "description": text_stream}}
    return {"description": "The answer.", "content": content}


def standing_alone(schema: Json, name: str) -> Json:
    """Return a schema that keeps meaning the same inside another file: its own `#/…` stay its own."""
    if "$ref" not in repr(schema) or "$id" in schema:
        return schema
    return {"$id": f"urn:endpoint:{name}", **schema}


def error(status: str, text: str) -> Json:
    """Return the response of one refusal."""
    name = "RateLimited" if status == "429" else "Error"
    schema = {"$ref": f"#/components/schemas/{name}"}
    found: Json = {"description": text, "content": {"application/json": {"schema": schema}}}
    if status == "429":
        found["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return found


def components() -> Json:
    """Return what every endpoint shares."""
    return {
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "Message": {
                "type": "object",
                "required": ["role", "content"],
                "properties": {
                    "role": {"type": "string", "enum": ["system", "user", "assistant", "tool"]},
                    "content": {"type": ["string", "array", "null"]},
                },
            },
            "Answer": answer_schema(),
            "Error": error_schema({}),
            "RateLimited": error_schema(
                {"scope": {"type": "string"}, "retry_after": {"type": "integer", "minimum": 1}}
            ),
        },
    }


def answer_schema() -> Json:
    """Return the shape of P5."""
    count = {"type": "integer", "minimum": 0}
    usage = {"prompt_tokens": count, "completion_tokens": count, "total_tokens": count}
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["ok", "id", "model", "content", "usage", "meta"],
        "properties": {
            "ok": {"const": True},
            "id": text,
            "model": {"type": ["string", "null"]},
            "content": text,
            "finish_reason": {"type": ["string", "null"]},
            "tool_calls": {"type": "array", "items": {"type": "object"}},
            "usage": {"type": "object", "properties": usage},
            "meta": {
                "type": "object",
                "required": ["request_id"],
                "properties": {
                    "request_id": {"type": "string", "format": "uuid"},
                    "session_id": {"type": "string", "format": "uuid"},
                },
            },
        },
    }


def error_schema(more: Json) -> Json:
    """Return the shape of P8."""
    properties = {
        "ok": {"const": False},
        "error": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": {"type": "string"}},
        **more,
    }
    return {"type": "object", "required": ["ok", "error", *more], "properties": properties}
