"""The metered proxy: /v1/{provider}/…, a provider's own routes with a key of ours (M1-M5)."""

from __future__ import annotations

from flask import Blueprint, Response, request

from app import respond
from app.domain import dialects, forwarding

blueprint = Blueprint("passthrough", __name__, url_prefix="/v1/<provider>")


@blueprint.post("/chat/completions")
@blueprint.post("/responses")
@blueprint.post("/embeddings")
@blueprint.post("/messages")
@blueprint.post("/messages/count_tokens")
@blueprint.post("/v1/messages")
@blueprint.post("/v1/messages/count_tokens")
def create(provider: str) -> Response:
    """Pass a call on (M1). The stock Anthropic SDK adds /v1/ of its own."""
    return forward(provider)


@blueprint.get("/models")
@blueprint.get("/v1/models")
def models(provider: str) -> Response:
    """List the provider's models."""
    return forward(provider, scope=forwarding.MODELS)


@blueprint.get("/models/<path:model>")
@blueprint.get("/v1/models/<path:model>")
def model(provider: str, model: str) -> Response:
    """Show one of the provider's models; its name may hold slashes."""
    return forward(provider, scope=forwarding.MODELS)


def forward(provider: str, scope: str = "chat") -> Response:
    """Run the call through the pipeline and hand the provider's answer back."""
    dialect = dialects.of_v1(request.path)
    where = f"{provider.lower()}/{request.path.split('/', 3)[3]}"
    call = respond.new_call(
        dialect, "proxy", path=where, query=forwarding.query_of(request.args), scope=scope
    )
    if request.method == "GET":
        call.read_body = no_body
    return respond.answer(call, dialect)


def no_body() -> bytes:
    """Stand for the body of a request that has none."""
    return b"{}"
