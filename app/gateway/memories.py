"""What the memory plugin keeps of an end user: GET and DELETE /v1/memories?user=…"""

from __future__ import annotations

from flask import Blueprint, Response, request

from app import respond
from app.domain.callers import Caller
from app.domain.dialects import OPENAI
from app.domain.errors import GatewayError, InvalidRequest
from app.services import callers, memories

blueprint = Blueprint("memories_api", __name__, url_prefix="/v1/memories")


@blueprint.get("")
def index() -> Response:
    """List what the key's project remembers of a user, newest first."""
    try:
        caller, user = asked()
        kept = memories.of_user(caller, user)
    except GatewayError as error:
        return respond.error_response(error, OPENAI)
    data = [
        {
            "id": row.id,
            "object": "memory",
            "created": int(row.created_at.timestamp()),
            "user": row.end_user,
            "content": row.content,
        }
        for row in kept
    ]
    return respond.json_response({"object": "list", "data": data})


@blueprint.delete("")
def delete() -> Response:
    """Erase all that the key's project remembers of a user."""
    try:
        caller, user = asked()
        count = memories.forget_user(caller, user)
    except GatewayError as error:
        return respond.error_response(error, OPENAI)
    return respond.json_response({"object": "memories.deleted", "user": user, "deleted": count})


def asked() -> tuple[Caller, str]:
    """Return who asks, of whom; the key must be one that may make calls, for calls read memories, too."""
    caller = callers.identify_now(respond.new_call(OPENAI, "any"), scope="chat")
    user = request.args.get("user", "").strip()
    if not user or len(user) > 200 or "\x00" in user:
        raise InvalidRequest("Name the user: /v1/memories?user=…, at most 200 characters.", param="user")
    return caller, user
