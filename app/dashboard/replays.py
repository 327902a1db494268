"""A request asked again: of another version or another model, with both answers side by side."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app import repeats
from app.dashboard import forms, pages, playground, receipt_words
from app.dashboard.auth import actor
from app.dashboard.versions import label_of
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.replays import as_example
from app.domain.text_diffs import compare_words
from app.models import RecordRow
from app.services import endpoint_versions, endpoints, examples, receipts, replays
from app.services.receipts import Story

blueprint = Blueprint("replays", __name__, url_prefix="/w/<workspace>/requests/<uuid:request>")


@blueprint.get("/again")
def new(request: UUID) -> Response:
    """Show the form that asks a request again."""
    forms.require("editor")
    return form_page(find(request), {})


@blueprint.post("/again")
def create(request: UUID) -> Response:
    """Ask the request again and lead to both answers."""
    forms.require("editor")
    story = find(request)
    version = forms.whole("version")
    try:
        number = version if isinstance(version, int) else None
        call = replays.call_for(actor(), story, version=number, model=forms.text("model"))
    except InvalidInput as error:
        return form_page(story, forms.typed(), error)
    repeats.carry(call)
    return pages.see("replays.show", request=call.request_id)


@blueprint.get("/beside")
def show(request: UUID) -> Response:
    """Show a request beside the one that it repeats."""
    second = receipts.find(actor(), g.workspace.id, str(request))
    if second is None:
        part = "replays/_pending.html"
        return pages.page("replays/show.html", part=part, status=202, pair=None, request_id=str(request))
    if second.row.parent_request_id is None:
        return pages.see("requests.show", request=request)
    first = first_of(second.row)
    return pages.page(
        "replays/show.html",
        part="replays/_pair.html",
        request_id=second.row.id,
        pair=(first, second.row),
        pieces=compare_words(answer_of(first), answer_of(second.row)) if first else None,
        words=receipt_words,
    )


@blueprint.post("/example")
def keep(request: UUID) -> Response:
    """Save the request as an example of its endpoint."""
    forms.require("editor")
    story = find(request)
    body = as_example(story.row.content or {})
    if story.endpoint is None or body is None:
        error = InvalidInput(_("This request cannot be an example: what was asked is not kept."))
        return pages.refuse("requests.show", error, request=request)
    try:
        place = g.workspace.id, story.endpoint.id
        name = examples.free_name(actor(), *place, examples.first_text(body))
        example = examples.create(actor(), *place, {"name": name, "body": body})
    except (InvalidInput, Conflict) as error:
        return pages.refuse("requests.show", error, request=request)
    message = _("Saved. Say what a good answer must be like.")
    return pages.see("examples.edit", message, endpoint_id=story.endpoint.id, example=example.id)


def find(request: UUID) -> Story:
    """Return a request; raise NotFound, also while it is under way."""
    story = receipts.find(actor(), g.workspace.id, str(request))
    if story is None:
        raise NotFound("This request is still under way.")
    return story


def first_of(row: RecordRow) -> RecordRow | None:
    """Return the request that this one repeats; None when it is not kept any more."""
    try:
        story = receipts.find(actor(), g.workspace.id, row.parent_request_id or "")
    except NotFound:
        return None
    return story.row if story else None


def answer_of(row: RecordRow | None) -> str:
    """Return what was answered, as far as it is kept."""
    return str((row.content or {}).get("answer", "")) if row else ""


def form_page(story: Story, values: dict[str, Any], error: InvalidInput | None = None) -> Response:
    """Return the form that asks a request again, or why it cannot be."""
    reason = replays.why_not(story)
    found = playground.known_models(story.project.id) if story.project and not reason else []
    names_any = story.endpoint is None
    return pages.page(
        "replays/new.html",
        story=story,
        row=story.row,
        reason=reason,
        values=values or {"model": story.row.model_requested if names_any else ""},
        errors=pages.errors_of(error) if error else {},
        versions=[] if reason else versions_of(story),
        models=[(name, what) for name, what in found if names_any or "/" in name],
        status=422 if error else 200,
    )


def versions_of(story: Story) -> list[tuple[int, str]]:
    """Return the endpoint's versions to choose from."""
    if story.endpoint is None:
        return []
    view = endpoints.find(actor(), g.workspace.id, story.endpoint.id)
    rows = endpoint_versions.list_versions(actor(), g.workspace.id, story.endpoint.id, limit=100)
    return [(row.number, label_of(view, row)) for row in rows]
