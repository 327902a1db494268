"""Alerts, alert rules and webhooks for programs: /api/v1/alerts, …/alert-rules, …/webhooks, with a key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Response, request

from app import respond
from app.domain.bodies import parse_object
from app.domain.callers import Caller
from app.domain.dialects import OPENAI
from app.domain.errors import GatewayError
from app.services import alert_api, callers
from app.services.alert_access import READ, SCOPE

blueprint = Blueprint("alerts_api", __name__, url_prefix="/api/v1")


@blueprint.get("/alerts")
def alerts() -> Response:
    """List the alerts that concern the project."""
    return read(lambda caller: alert_api.list_alerts(caller, request.args.to_dict()))


@blueprint.get("/alert-rules")
def rules() -> Response:
    """List the rules."""
    return read(alert_api.list_rules)


@blueprint.post("/alert-rules")
def create_rule() -> Response:
    """Make a rule."""
    return manage(lambda caller: alert_api.create_rule(caller, body()), 201)


@blueprint.get("/alert-rules/<rule_id>")
def rule(rule_id: str) -> Response:
    """Show a rule."""
    return read(lambda caller: alert_api.show_rule(caller, rule_id))


@blueprint.patch("/alert-rules/<rule_id>")
def update_rule(rule_id: str) -> Response:
    """Change a rule."""
    return manage(lambda caller: alert_api.update_rule(caller, rule_id, body()))


@blueprint.delete("/alert-rules/<rule_id>")
def delete_rule(rule_id: str) -> Response:
    """Delete a rule."""
    return manage(lambda caller: alert_api.delete_rule(caller, rule_id))


@blueprint.get("/webhooks")
def webhooks() -> Response:
    """List the webhooks."""
    return manage(alert_api.list_webhooks)


@blueprint.post("/webhooks")
def create_webhook() -> Response:
    """Make a webhook; its secret is shown this once."""
    return manage(lambda caller: alert_api.create_webhook(caller, body()), 201)


@blueprint.get("/webhooks/<webhook_id>")
def webhook(webhook_id: str) -> Response:
    """Show a webhook."""
    return manage(lambda caller: alert_api.show_webhook(caller, webhook_id))


@blueprint.patch("/webhooks/<webhook_id>")
def update_webhook(webhook_id: str) -> Response:
    """Change a webhook."""
    return manage(lambda caller: alert_api.update_webhook(caller, webhook_id, body()))


@blueprint.delete("/webhooks/<webhook_id>")
def delete_webhook(webhook_id: str) -> Response:
    """Delete a webhook."""
    return manage(lambda caller: alert_api.delete_webhook(caller, webhook_id))


@blueprint.post("/webhooks/<webhook_id>/rotate")
def rotate_webhook(webhook_id: str) -> Response:
    """Give a webhook a new secret, shown this once."""
    return manage(lambda caller: alert_api.rotate_webhook(caller, webhook_id))


@blueprint.post("/webhooks/<webhook_id>/test")
def test_webhook(webhook_id: str) -> Response:
    """Send a webhook a test."""
    return manage(lambda caller: alert_api.test_webhook(caller, webhook_id), 202)


@blueprint.get("/webhooks/<webhook_id>/deliveries")
def deliveries(webhook_id: str) -> Response:
    """List what was delivered."""
    return manage(lambda caller: alert_api.list_deliveries(caller, webhook_id, request.args.to_dict()))


@blueprint.post("/webhooks/<webhook_id>/deliveries/<delivery_id>/resend")
def resend(webhook_id: str, delivery_id: str) -> Response:
    """Deliver an event once more."""
    return manage(lambda caller: alert_api.resend(caller, webhook_id, delivery_id), 202)


def read(do: Callable[[Caller], dict[str, Any]]) -> Response:
    """Answer a key that may see numbers, or change what tells of them."""
    return answer((READ, SCOPE), do)


def manage(do: Callable[[Caller], dict[str, Any]], status: int = 200) -> Response:
    """Answer a key that may change what tells; to see a webhook takes that too: its address may be secret."""
    return answer((SCOPE,), do, status)


def answer(scopes: Sequence[str], do: Callable[[Caller], dict[str, Any]], status: int = 200) -> Response:
    """Authenticate, count, and answer with `do(caller)`, which nobody may store."""
    try:
        call = respond.new_call(OPENAI, "any")
        has = callers.identify(call).scopes
        scope = next((one for one in scopes if one in has), scopes[0])
        caller = callers.identify_now(call, scope=scope)
        alert_api.admit(caller)
        response = respond.json_response(do(caller), status)
    except GatewayError as error:
        response = respond.error_response(error, OPENAI)
    response.headers["Cache-Control"] = "no-store"
    return response


def body() -> dict[str, Any]:
    """Return the request's JSON object."""
    return parse_object(respond.read_body())
