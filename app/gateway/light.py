"""Light mode: a client asks for advice, calls its provider itself, and reports what came of it (K9, K10)."""

from __future__ import annotations

from flask import Blueprint, Response

from app import pipeline, respond
from app.domain import kagu, limits, warning_headers
from app.domain.dialects import OPENAI
from app.domain.errors import GatewayError
from app.domain.light.advices import advice
from app.domain.light.told import Told
from app.domain.targets import REPORT

blueprint = Blueprint("light", __name__, url_prefix="/runtime/light")


@blueprint.post("/advice")
def advise() -> Response:
    """Say which model the policy gives to a request; the client asks it itself."""
    call = respond.new_call(OPENAI, "light", names_model=True)
    try:
        record, plan = pipeline.advise(call)
    except GatewayError as error:
        return respond.error_response(error, OPENAI)
    headers = {**kagu.headers(record), **limits.headers(record.counted), **warnings(call.told)}
    return respond.json_response(advice(record, plan), 200, headers)


@blueprint.post("/requests")
def create() -> Response:
    """Take in what came of a call that the client made itself."""
    call = respond.new_call(OPENAI, "light", operation=REPORT)
    try:
        kept = pipeline.report(call)
    except GatewayError as error:
        return respond.error_response(error, OPENAI)
    body = {
        "id": kept.record_id,
        "requestId": kept.request_id,
        "status": "accepted",
        "duplicate": kept.duplicate,
    }
    return respond.json_response(body, 202, warnings(call.report.told if call.report else None))


def warnings(told: Told | None) -> dict[str, str]:
    """Return a header that names the fields which mean nothing here; they are left out of account."""
    unknown = told.unknown if told else ()
    return warning_headers.headers(f"The field '{name}' is not known here." for name in unknown)
