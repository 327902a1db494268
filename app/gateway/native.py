"""The native surface: /api/{uuid}/…, where a project's endpoints are called by their slug (P1-P9, P29)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from flask import Blueprint, Response

from app import respond
from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.dialects import NATIVE, OPENAI, Dialect
from app.domain.errors import GatewayError
from app.services import callers, introspection, key_api, model_list

blueprint = Blueprint("native", __name__, url_prefix="/api/<uuid:project>")


@blueprint.post("/<slug>")
def create(project: UUID, slug: str) -> Response:
    """Call one endpoint (P1)."""
    return respond.answer(endpoint_call(project, NATIVE, slug=slug), NATIVE)


@blueprint.post("/chat/completions")
def dispatch(project: UUID) -> Response:
    """Call the endpoint that the body names; the same answer as `create` (P2, O20)."""
    return respond.answer(endpoint_call(project, NATIVE, slug_field="endpoint"), NATIVE)


@blueprint.post("/v1/chat/completions")
def create_openai(project: UUID) -> Response:
    """Call an endpoint with an OpenAI SDK: `model` is its slug (P28)."""
    return respond.answer(endpoint_call(project, OPENAI, slug_field="model"), OPENAI)


@blueprint.get("/v1/models")
def list_openai(project: UUID) -> Response:
    """List what `model` can be there, endpoints and aliases, as OpenAI's clients expect it (P28)."""
    return answer_lookup(project, "chat", model_list.of_endpoints, OPENAI)


@blueprint.get("/info")
def info(project: UUID) -> Response:
    """Say which project the key opens (P29)."""
    return answer_lookup(project, "chat", introspection.info)


@blueprint.get("/endpoints")
def endpoints(project: UUID) -> Response:
    """List the project's active endpoints (P29)."""
    return answer_lookup(project, "chat", introspection.endpoints)


@blueprint.get("/endpoints/<slug>")
def endpoint(project: UUID, slug: str) -> Response:
    """Show one endpoint: what it takes and how it answers (P29)."""
    return answer_lookup(project, "chat", lambda caller: introspection.endpoint(caller, slug))


@blueprint.get("/openapi.json")
def openapi(project: UUID) -> Response:
    """Describe the project's endpoints as an OpenAPI file."""
    root = respond.public_root()
    return answer_lookup(project, "chat", lambda caller: introspection.openapi(caller, root), told={})


@blueprint.get("/tokens")
def tokens(project: UUID) -> Response:
    """List the project's keys, without their secrets (P29)."""
    return answer_lookup(project, "admin", key_api.list_tokens)


@blueprint.get("/models")
def models(project: UUID) -> Response:
    """List the models that the project's endpoints use (P29)."""
    return answer_lookup(project, "models", introspection.models)


def endpoint_call(project: UUID, dialect: Dialect, **fields: str) -> Call:
    """Return the call of an endpoint of `project`."""
    return respond.new_call(dialect, "endpoints", project_id=str(project), **fields)


def answer_lookup(
    project: UUID,
    scope: str,
    look_up: Callable[[Caller], dict[str, Any]],
    dialect: Dialect = NATIVE,
    told: Mapping[str, Any] = MappingProxyType({"ok": True}),
) -> Response:
    """Authenticate and answer with `look_up(caller)`; natively with `told` before it."""
    try:
        caller = callers.identify_now(endpoint_call(project, dialect), scope=scope)
        told = told if dialect is NATIVE else {}
        return respond.json_response({**told, **look_up(caller)})
    except GatewayError as error:
        return respond.error_response(error, dialect)
