"""What a key can ask before it calls: models, capabilities, balance (A22, A23, R6). Nothing is charged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, request

from app import respond
from app.domain import capabilities as capability
from app.domain import model_cards, route_stories
from app.domain.callers import Caller
from app.domain.dialects import ANTHROPIC, OPENAI, Dialect
from app.domain.errors import GatewayError
from app.services import callers, introspection, model_list, receipts

blueprint = Blueprint("models_api", __name__, url_prefix="/v1")
DOORS = ("/v1/", "/api/", "/anthropic/", "/runtime/")


@blueprint.get("/models")
def index() -> Response:
    """List the models that the key can be answered by, `auto` first."""
    return answer("models", lambda caller: listed(caller, dialect()))


@blueprint.get("/models/<path:model>")
def show(model: str) -> Response:
    """Show one model; its name may hold slashes (O16)."""
    shape = model_cards.anthropic_card if dialect() is ANTHROPIC else model_cards.openai_card
    return answer("models", lambda caller: shape(model_list.find(caller, model)))


@blueprint.get("/models/<path:model>/schema")
def schema(model: str) -> Response:
    """Show which parameters a model takes, as a JSON schema."""
    return answer("models", lambda caller: model_list.schema(caller, model))


@blueprint.get("/receipts/<uuid:request>")
def receipt(request: UUID) -> Response:
    """Show why a call of the key's project was answered by that model, and what it cost (R20)."""
    return answer("models", lambda caller: route_stories.receipt(receipts.find_own(caller, str(request))))


@blueprint.get("/capabilities")
def capabilities() -> Response:
    """Say what this gateway can do."""
    return answer("models", lambda _: capability.told(routes()))


@blueprint.get("/balance")
def balance() -> Response:
    """Say what is left on the account that pays (A22)."""
    return answer("chat", introspection.balance)


def listed(caller: Caller, spoken: Dialect) -> dict[str, Any]:
    """Return the list in the client's dialect, as its query filters it."""
    modality = model_cards.modality_of(request.args.get("modality"))
    cards = model_list.list_all(caller, modality=modality, provider=request.args.get("provider"))
    if spoken is ANTHROPIC:
        return model_cards.anthropic_list(cards, request.args)
    return model_cards.openai_list(cards)


def dialect() -> Dialect:
    """Return the dialect of the client: Anthropic's names its version in a header."""
    return ANTHROPIC if "Anthropic-Version" in request.headers else OPENAI


def answer(scope: str, look_up: Callable[[Caller], dict[str, Any]]) -> Response:
    """Authenticate and answer with `look_up(caller)`; whatever the project serves, reading is allowed."""
    spoken = dialect()
    try:
        caller = callers.identify_now(respond.new_call(spoken, "any"), scope=scope)
        return respond.json_response(look_up(caller))
    except GatewayError as error:
        return respond.error_response(error, spoken)


def routes() -> list[str]:
    """Return every route that is called with a key, as `POST /v1/chat/completions`."""
    return [
        f"{method} {rule.rule.replace('<path:', '<').replace('<uuid:', '<')}"
        for rule in current_app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if rule.rule.startswith(DOORS)
    ]
