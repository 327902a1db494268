"""The management API of a project: /api/{uuid}/admin/…, its keys and endpoints changed with a key (P30)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response

from app import respond
from app.domain.bodies import parse_object
from app.domain.callers import Caller
from app.domain.dialects import NATIVE
from app.domain.errors import GatewayError
from app.services import callers, key_api, management
from app.services.access import ENDPOINTS_WRITE

blueprint = Blueprint("management", __name__, url_prefix="/api/<uuid:project>/admin")


@blueprint.post("/tokens")
def create_token(project: UUID) -> Response:
    """Make a key of the project; its secret is shown this once."""
    return answer(project, key_api.SCOPE, lambda caller: key_api.create(caller, body()), status=201)


@blueprint.post("/tokens/<key_id>/rotate")
def rotate_token(project: UUID, key_id: str) -> Response:
    """Give a key a new secret, shown this once."""
    return answer(project, key_api.SCOPE, lambda caller: key_api.rotate(caller, key_id))


@blueprint.delete("/tokens/<key_id>")
def delete_token(project: UUID, key_id: str) -> Response:
    """Revoke a key and those that it made."""
    return answer(project, key_api.SCOPE, lambda caller: key_api.revoke(caller, key_id))


@blueprint.get("/endpoints")
def endpoints(project: UUID) -> Response:
    """List the endpoints with their configurations."""
    return answer(project, ENDPOINTS_WRITE, management.list_all)


@blueprint.post("/endpoints")
def create_endpoint(project: UUID) -> Response:
    """Make an endpoint."""
    return answer(project, ENDPOINTS_WRITE, lambda caller: management.create(caller, body()), status=201)


@blueprint.get("/endpoints/<slug>")
def endpoint(project: UUID, slug: str) -> Response:
    """Show one endpoint with its configuration."""
    return answer(project, ENDPOINTS_WRITE, lambda caller: management.show(caller, slug))


@blueprint.put("/endpoints/<slug>")
def replace_endpoint(project: UUID, slug: str) -> Response:
    """Set all of an endpoint, as a new version."""
    return answer(project, ENDPOINTS_WRITE, lambda caller: management.replace(caller, slug, body()))


@blueprint.patch("/endpoints/<slug>")
def update_endpoint(project: UUID, slug: str) -> Response:
    """Change some fields of an endpoint, as a new version."""
    return answer(project, ENDPOINTS_WRITE, lambda caller: management.change(caller, slug, body()))


@blueprint.post("/endpoints/<slug>/activate")
def activate_endpoint(project: UUID, slug: str) -> Response:
    """Switch an endpoint on."""
    return answer(project, ENDPOINTS_WRITE, lambda caller: management.set_active(caller, slug, True))


@blueprint.post("/endpoints/<slug>/deactivate")
def deactivate_endpoint(project: UUID, slug: str) -> Response:
    """Switch an endpoint off."""
    return answer(project, ENDPOINTS_WRITE, lambda caller: management.set_active(caller, slug, False))


def answer(project: UUID, scope: str, do: Callable[[Caller], dict[str, Any]], status: int = 200) -> Response:
    """Authenticate, count, and answer with `do(caller)`, which nobody may store."""
    try:
        call = respond.new_call(NATIVE, "any", project_id=str(project))
        caller = callers.identify_now(call, scope=scope)
        management.admit(caller)
        response = respond.json_response({"ok": True, **do(caller)}, status)
    except GatewayError as error:
        response = respond.error_response(error, NATIVE)
    response.headers["Cache-Control"] = "no-store"
    return response


def body() -> dict[str, Any]:
    """Return the request's JSON object."""
    return parse_object(respond.read_body())
