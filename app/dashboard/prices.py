"""The price list in the manual: what each model costs here, and how a cost is computed (M14)."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, Response, g, request, url_for

from app.dashboard import model_words, pages
from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.domain.pricing import format_usd
from app.services import price_list

blueprint = Blueprint("prices", __name__)


@blueprint.get("/docs/pricing")
@blueprint.get("/w/<workspace>/docs/pricing")
def index() -> Response:
    """Show the prices, inside a workspace with its own and every factor; `q` searches."""
    query = request.args.get("q", "")[:200]
    inside = "workspace" in g
    found = price_list.offered(actor(), g.workspace.id, query) if inside else price_list.as_shipped(query)
    return pages.page(
        "docs/pricing.html",
        part="docs/_prices.html",
        groups=[(name, list(group)) for name, group in groupby(found, price_list.seller)],
        query=query,
        inside=inside,
        may_edit=inside and at_least(g.role, "admin"),
        words=model_words,
        format_usd=format_usd,
        here=url_for("prices.index"),
    )
