"""Books: whether balances, holds, budgets and ledger agree; what to do where they do not. For admins."""

from __future__ import annotations

from flask import Blueprint, g
from werkzeug.wrappers import Response

from app.dashboard import pages
from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.domain.books import CHECKS
from app.services.books import last
from app.services.books.last import Last

blueprint = Blueprint("books", __name__, url_prefix="/w/<workspace>/books")


@blueprint.get("")
def index() -> Response:
    """Show each check, and what the last one found in this workspace."""
    known = last.find(actor(), g.workspace.id)
    findings = known.findings if known else []
    return pages.page(
        "books/index.html",
        books=known,
        checks=[
            (check, [found for found in findings if found.check == name])
            for name, check in CHECKS.items()
            if not check.is_report
        ],
        elsewhere=last.elsewhere(actor(), g.workspace.id) if actor().is_operator else [],
    )


def badge() -> Last | None:
    """Return the last check for the line that other pages show of it; None for those who are no admins."""
    return last.find(actor(), g.workspace.id) if at_least(g.role, "admin") else None
