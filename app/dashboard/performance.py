"""How fast and how reliably providers and models answered in the last five minutes; who is left alone."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import pages, performance_words
from app.dashboard.auth import actor
from app.services import provider_health

blueprint = Blueprint("performance", __name__, url_prefix="/w/<workspace>/performance")


@blueprint.get("")
def index() -> Response:
    """Show the providers as they do now; the part refreshes itself."""
    reports = provider_health.overview(actor(), g.workspace.id)
    part = "performance/_providers.html"
    return pages.page("performance/index.html", part=part, reports=reports, words=performance_words)


@blueprint.post("/<uuid:provider>/retry")
def retry(provider: UUID) -> BaseResponse:
    """Have the next call try a provider that is left alone."""
    row = provider_health.try_again(actor(), g.workspace.id, str(provider))
    return pages.see("performance.index", _("The next call tries %(name)s again.", name=row.name))
