"""The versions of an endpoint: what each changed, when it answered, and which of them answers next."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import change_words, forms, model_words, pages, receipt_words
from app.dashboard.auth import actor
from app.dashboard.endpoints import find
from app.domain.endpoints import parse_config
from app.domain.errors import Conflict, InvalidInput
from app.domain.version_diffs import FieldChange
from app.models import EndpointVersion
from app.services import endpoint_versions, example_runs, publishing, rollout_history
from app.services.endpoint_versions import EndpointView
from app.services.example_runs import Standing

blueprint = Blueprint("versions", __name__, url_prefix="/w/<workspace>/endpoints/<uuid:endpoint_id>/versions")
PER_PAGE = 20


@blueprint.get("")
def index(endpoint_id: UUID) -> Response:
    """List the versions with what each changed."""
    view, project = find(endpoint_id)
    upto = request.args.get("upto", type=int)
    place = g.workspace.id, view.endpoint.id
    rows = endpoint_versions.list_versions(actor(), *place, upto=upto, limit=PER_PAGE + 1)
    return pages.page(
        "endpoints/versions.html",
        view=view,
        project=project,
        words=model_words,
        entries=with_changes(rows)[:PER_PAGE],
        answered=endpoint_versions.history(actor(), *place),
        rollout=rollout_history.current(actor(), g.workspace.id, "endpoint", view.endpoint.id),
        older=rows[PER_PAGE].number if len(rows) > PER_PAGE else None,
        upto=upto,
    )


@blueprint.get("/compare")
def compare(endpoint_id: UUID) -> Response:
    """Show what differs between two versions: ?a=3&b=7; without them, between the last two that matter."""
    view, project = find(endpoint_id)
    before = chosen(view, "a", view.version)
    after = chosen(view, "b", view.working_version)
    return pages.page(
        "endpoints/compare.html",
        view=view,
        project=project,
        words=model_words,
        before=before,
        after=after,
        changes=change_words.changes(parse_config(before.config), parse_config(after.config)),
        numbers=numbers_of(view),
    )


@blueprint.post("/<int:number>/restore")
def restore(endpoint_id: UUID, number: int) -> Response:
    """Make a new version of what an earlier one said: a draft, or published once its examples pass."""
    view, _project = find(endpoint_id)
    publish = forms.text("save_as") != "draft" and not view.endpoint.pinned
    try:
        place = g.workspace.id, view.endpoint.id
        saved = publishing.restore(actor(), *place, number, publish=publish, proven_only=True)
    except (InvalidInput, Conflict) as error:
        return pages.refuse("versions.index", error, endpoint_id=endpoint_id)
    if saved.draft is not None and publish:
        return to_review(saved)
    texts = {"number": saved.working_version.number, "old": number}
    message = _("Version %(number)d now answers, with what version %(old)d said.", **texts)
    if saved.draft is not None:
        message = _("Version %(number)d is a draft of what version %(old)d said.", **texts)
    return pages.see("versions.index", message, endpoint_id=endpoint_id)


@blueprint.get("/<int:number>/publish")
def review(endpoint_id: UUID, number: int) -> Response:
    """Show what publishing a version would change, and how it stands with the examples."""
    forms.require("editor")
    view, project = find(endpoint_id)
    found = endpoint_versions.find_version(actor(), g.workspace.id, view.endpoint.id, number)
    if found.id == view.version.id:
        return pages.see("versions.index", endpoint_id=endpoint_id)
    return review_page(view, project, found)


@blueprint.post("/<int:number>/publish")
def publish(endpoint_id: UUID, number: int) -> Response:
    """Let a version answer from now on; one that breaks an example only where that is ticked."""
    view, project = find(endpoint_id)
    place = g.workspace.id, view.endpoint.id
    standing = example_runs.standing(actor(), *place, number)
    if not standing.is_proven and not forms.switch("anyway"):
        errors = {"anyway": _("Tick this to publish it all the same.")}
        return review_page(view, project, standing.version, errors)
    try:
        published = publishing.publish(actor(), *place, number)
    except (InvalidInput, Conflict) as error:
        return review_page(view, project, standing.version, pages.errors_of(error))
    if published.version.number != number:  # step by step, as the endpoint's plan says
        message = _("Version %(number)d is on its way.", number=number)
        return pages.see("rollouts.index", message, endpoint_id=endpoint_id)
    message = _("Version %(number)d answers from now on.", number=number)
    return pages.see("versions.index", message, endpoint_id=endpoint_id)


@blueprint.post("/discard")
def discard(endpoint_id: UUID) -> Response:
    """Set the draft aside."""
    publishing.discard_draft(actor(), g.workspace.id, str(endpoint_id))
    message = _("The draft is set aside. It stays under Versions.")
    return pages.see("endpoints.show", message, endpoint_id=endpoint_id)


@blueprint.post("/pin")
def pin(endpoint_id: UUID) -> Response:
    """Pin the version that answers, or unpin it."""
    pinned = forms.text("pinned") == "1"
    view = publishing.set_pinned(actor(), g.workspace.id, str(endpoint_id), pinned)
    message = _("Version %(number)d stays until you unpin it.", number=view.version.number)
    if not pinned:
        message = _("Unpinned. What is published next answers from then on.")
    return pages.see("versions.index", message, endpoint_id=endpoint_id)


def review_page(
    view: EndpointView, project: Any, version: EndpointVersion, errors: dict[str, str] | None = None
) -> Response:
    """Return the page before publishing."""
    standing = example_runs.standing(actor(), g.workspace.id, view.endpoint.id, version.number)
    return pages.page(
        "endpoints/publish.html",
        view=view,
        project=project,
        words=model_words,
        changes=change_words.changes(view.config, parse_config(version.config)),
        errors=errors or {},
        status=422 if errors else 200,
        **standing_context(standing, review=True),
    )


def standing_context(standing: Standing, *, review: bool) -> dict[str, Any]:
    """Return what the examples' results need; `review`: they decide about publishing."""
    return {"standing": standing, "version": standing.version, "receipts": receipt_words, "review": review}


def to_review(view: EndpointView) -> Response:
    """Lead to the page before publishing: the draft has not proved itself on the examples yet.

    Where the endpoint's plan has begun to roll it out, to that.
    """
    row = rollout_history.current(actor(), g.workspace.id, "endpoint", view.endpoint.id)
    if row is not None and row.new_number == view.working_version.number:
        message = _("Version %(number)d is on its way.", number=row.new_number)
        return pages.see("rollouts.show", message, rollout=row.id)
    message = _("Saved as a draft, version %(number)d.", number=view.working_version.number)
    place = {"endpoint_id": view.endpoint.id, "number": view.working_version.number}
    return pages.see("versions.review", message, **place)


def chosen(view: EndpointView, name: str, default: EndpointVersion) -> EndpointVersion:
    """Return the version that the address names."""
    number = request.args.get(name, type=int)
    if number is None:
        return default
    return endpoint_versions.find_version(actor(), g.workspace.id, view.endpoint.id, number)


def numbers_of(view: EndpointView) -> list[tuple[int, str]]:
    """Return the versions to choose from, with their notes."""
    rows = endpoint_versions.list_versions(actor(), g.workspace.id, view.endpoint.id, limit=500)
    return [(row.number, label_of(view, row)) for row in rows]


def label_of(view: EndpointView, row: EndpointVersion) -> str:
    """Return a version's entry in a list."""
    role = ""
    if row.id == view.version.id:
        role = _("answers now")
    elif view.draft is not None and row.id == view.draft.id:
        role = _("draft")
    return " · ".join(filter(None, (_("Version %(number)d", number=row.number), role, row.note[:60])))


def with_changes(rows: list[EndpointVersion]) -> list[tuple[EndpointVersion, list[FieldChange] | None]]:
    """Return each version with what it changed; None for the last row, whose predecessor is not at hand."""
    configs = [parse_config(row.config) for row in rows]
    changes = [change_words.changes(old, new) for new, old in zip(configs, configs[1:], strict=False)]
    return list(zip(rows, [*changes, None], strict=True))
