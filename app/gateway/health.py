"""How the providers do right now: GET /v1/health/providers (A23) and GET /api/v1/performance (R15)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from app import respond
from app.domain import provider_reports
from app.domain.callers import Caller
from app.domain.dialects import OPENAI
from app.domain.errors import GatewayError
from app.services import callers, provider_health

blueprint = Blueprint("health_api", __name__)


@blueprint.get("/v1/health/providers")
def providers() -> Response:
    """Say of each provider whether calls are answered there, and if not, why and until when."""
    return answer(lambda caller: provider_reports.health(provider_health.of_caller(caller)))


@blueprint.get("/api/v1/performance")
def performance() -> Response:
    """Say how fast and how reliably each model answered in the last five minutes."""
    return answer(lambda caller: provider_reports.performance(provider_health.of_caller(caller)))


def answer(look_up: Callable[[Caller], dict[str, Any]]) -> Response:
    """Authenticate and answer with `look_up(caller)`; whatever the project serves, reading is allowed."""
    try:
        caller = callers.identify_now(respond.new_call(OPENAI, "any"), scope="models")
        return respond.json_response(look_up(caller))
    except GatewayError as error:
        return respond.error_response(error, OPENAI)
