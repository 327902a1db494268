"""Analytics for programs: GET /api/v1/analytics/…, with a key that has the scope `analytics:read` (K11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from app import respond
from app.domain.callers import Caller
from app.domain.dialects import OPENAI
from app.domain.errors import GatewayError
from app.services import analytics, arm_reports, callers

blueprint = Blueprint("analytics", __name__, url_prefix="/api/v1/analytics")


@blueprint.get("/spend")
def spend() -> Response:
    """Say what was spent."""
    return answer(lambda caller: analytics.of_caller(caller, "spend", request.args.to_dict()))


@blueprint.get("/savings")
def savings() -> Response:
    """Say what was saved."""
    return answer(lambda caller: analytics.of_caller(caller, "savings", request.args.to_dict()))


@blueprint.get("/usage")
def usage() -> Response:
    """Say what was used."""
    return answer(lambda caller: analytics.of_caller(caller, "usage", request.args.to_dict()))


@blueprint.get("/arms")
def arms() -> Response:
    """Put the arms of a rollout side by side."""
    return answer(lambda caller: arm_reports.of_caller(caller, request.args.to_dict()))


def answer(look_up: Callable[[Caller], dict[str, Any]]) -> Response:
    """Authenticate, count, and answer with `look_up(caller)`, which nobody may store."""
    try:
        caller = callers.identify_now(respond.new_call(OPENAI, "any"), scope=analytics.SCOPE)
        analytics.admit(caller)
        response = respond.json_response(look_up(caller))
    except GatewayError as error:
        response = respond.error_response(error, OPENAI)
    response.headers["Cache-Control"] = "no-store"
    return response
