"""The key API: /api/auth, where a key with the scope `tokens:write` manages keys (R7, R17, R18, A19)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from app import respond
from app.domain.bodies import parse_object
from app.domain.callers import Caller
from app.domain.dialects import OPENAI
from app.domain.errors import GatewayError, InvalidRequest
from app.services import callers, key_api

blueprint = Blueprint("key_api", __name__)


@blueprint.get("/api/auth")
def index() -> Response:
    """List the keys."""
    return answer(key_api.list_all)


@blueprint.post("/api/auth")
def create() -> Response:
    """Make a key; its secret is shown this once (O24)."""
    return answer(lambda caller: key_api.create(caller, body()), status=201)


@blueprint.patch("/api/auth")
def update_named() -> Response:
    """Change the key that the query names."""
    return answer(lambda caller: key_api.update(caller, key_in_query(), body()))


@blueprint.patch("/api/auth/<key_id>")
def update(key_id: str) -> Response:
    """Change a key's rules, provider keys or name."""
    return answer(lambda caller: key_api.update(caller, key_id, body()))


@blueprint.delete("/api/auth/<key_id>")
def delete(key_id: str) -> Response:
    """Revoke a key and those that it made."""
    return answer(lambda caller: key_api.revoke(caller, key_id))


@blueprint.post("/api/auth/<key_id>/rotate")
@blueprint.post("/v1/keys/<key_id>/rotate")
def rotate(key_id: str) -> Response:
    """Give a key a new secret, shown this once."""
    return answer(lambda caller: key_api.rotate(caller, key_id))


def answer(do: Callable[[Caller], dict[str, Any]], status: int = 200) -> Response:
    """Authenticate and answer with `do(caller)`, which nobody may store."""
    try:
        caller = callers.identify_now(respond.new_call(OPENAI, "any"), scope=key_api.SCOPE)
        response = respond.json_response(do(caller), status)
    except GatewayError as error:
        response = respond.error_response(error, OPENAI)
    response.headers["Cache-Control"] = "no-store"
    return response


def body() -> dict[str, Any]:
    """Return the request's JSON object."""
    return parse_object(respond.read_body())


def key_in_query() -> str:
    """Return the key that `?keyId=` names."""
    key_id = request.args.get("keyId", "")
    if not key_id:
        raise InvalidRequest("Say which key to change: PATCH /api/auth?keyId=…", param="keyId")
    return key_id
