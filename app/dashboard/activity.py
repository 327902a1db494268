"""Activity: who changed what, newest first, in plain words."""

from __future__ import annotations

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from app.dashboard import activity_words, pages
from app.dashboard.auth import actor
from app.domain.ids import is_uuid
from app.services import audit

blueprint = Blueprint("activity", __name__, url_prefix="/w/<workspace>/activity")
PAGE_SIZE = 50


@blueprint.get("")
def index() -> Response:
    """Show a page of events; `before` and `after` name the event beside it."""
    before, after = place("before"), place("after")
    rows = audit.list_events(actor(), g.workspace.id, before_id=before, after_id=after, limit=PAGE_SIZE + 1)
    more = len(rows) > PAGE_SIZE
    shown = rows[-PAGE_SIZE:] if after else rows[:PAGE_SIZE]
    return pages.page(
        "activity/index.html",
        events=[activity_words.tell(event) for event in shown],
        newer=shown[0].id if shown and (before or (after and more)) else None,
        older=shown[-1].id if shown and (more or after) else None,
    )


def place(name: str) -> str | None:
    """Return an event's id from the address; anything else counts as absent."""
    given = request.args.get(name)
    return given if given and is_uuid(given) else None
