"""Webhooks: listed, added and changed by admins; the log of what was delivered, tests and resending."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import forms, pages, webhook_words
from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.domain.errors import Conflict, InvalidInput
from app.domain.ids import is_uuid
from app.domain.webhooks import is_failing
from app.models import Webhook
from app.models.columns import utc_now
from app.services import webhook_log, webhooks
from app.services.webhooks import NewSecret

blueprint = Blueprint("webhooks", __name__, url_prefix="/w/<workspace>/webhooks")
BLANK: dict[str, Any] = {"name": "", "url": "", "events": [], "active": True}
PAGE_SIZE = 30


@blueprint.get("")
def index() -> Response:
    """List the webhooks and how they do."""
    rows = webhooks.list_all(actor(), g.workspace.id)
    return pages.page(
        "webhooks/index.html", rows=rows, state=state, words=webhook_words, may_edit=at_least(g.role, "admin")
    )


@blueprint.get("/new")
def new() -> Response:
    """Show the form for a new webhook."""
    forms.require("admin")
    return form_page(BLANK)


@blueprint.post("")
def create() -> BaseResponse:
    """Add a webhook and show its secret: in this answer alone, which nobody may store."""
    forms.require("admin")
    try:
        made = webhooks.create(actor(), g.workspace.id, fields())
    except (InvalidInput, Conflict) as error:
        return form_page(typed(), error)
    return made_page(made)


@blueprint.get("/<uuid:webhook>")
def show(webhook: UUID) -> Response:
    """Show what was delivered, newest first."""
    row = webhooks.find(actor(), g.workspace.id, str(webhook))
    before = request.args.get("before", "")
    asked = {"before_id": before if is_uuid(before) else None, "limit": PAGE_SIZE + 1}
    listed = webhook_log.list_page(actor(), g.workspace.id, row.id, **asked)  # type: ignore[arg-type]
    return pages.page(
        "webhooks/show.html",
        part="webhooks/_log.html",
        webhook=row,
        rows=listed[:PAGE_SIZE],
        older=listed[PAGE_SIZE - 1].id if len(listed) > PAGE_SIZE else None,
        before=before,
        state=state,
        words=webhook_words,
        may_edit=at_least(g.role, "admin"),
    )


@blueprint.get("/<uuid:webhook>/edit")
def edit(webhook: UUID) -> Response:
    """Show a webhook's form."""
    row = webhooks.find(actor(), g.workspace.id, str(webhook))
    forms.require("admin")
    return form_page(webhooks.as_fields(row), webhook=row)


@blueprint.post("/<uuid:webhook>/edit")
def update(webhook: UUID) -> BaseResponse:
    """Change a webhook."""
    row = webhooks.find(actor(), g.workspace.id, str(webhook))
    forms.require("admin")
    try:
        webhooks.update(actor(), g.workspace.id, row.id, fields())
    except (InvalidInput, Conflict) as error:
        return form_page(typed(), error, row)
    return pages.see("webhooks.show", _("Saved."), webhook=row.id)


@blueprint.post("/<uuid:webhook>/delete")
def delete(webhook: UUID) -> BaseResponse:
    """Delete a webhook."""
    webhooks.delete(actor(), g.workspace.id, str(webhook))
    return pages.see(
        "webhooks.index", _("The webhook is deleted, with its log. Nothing is sent there any more.")
    )


@blueprint.post("/<uuid:webhook>/rotate")
def rotate(webhook: UUID) -> Response:
    """Give a webhook a new secret, shown in this answer alone."""
    return made_page(webhooks.rotate(actor(), g.workspace.id, str(webhook)), rotated=True)


@blueprint.post("/<uuid:webhook>/test")
def test(webhook: UUID) -> BaseResponse:
    """Send a test."""
    return sent(str(webhook), lambda: webhook_log.test(actor(), g.workspace.id, str(webhook)))


@blueprint.post("/<uuid:webhook>/deliveries/<uuid:delivery>/resend")
def resend(webhook: UUID, delivery: UUID) -> BaseResponse:
    """Send an event once more."""
    place = g.workspace.id, str(webhook), str(delivery)
    return sent(str(webhook), lambda: webhook_log.resend(actor(), *place))


def sent(webhook_id: str, do: Any) -> BaseResponse:
    """Put something into the outbox and show the log, where it comes up first."""
    try:
        do()
    except Conflict as error:
        flash(error.message, "error")
        return pages.see("webhooks.show", webhook=webhook_id)
    return pages.see(
        "webhooks.show", _("It is on its way; the log says what came of it."), webhook=webhook_id
    )


def fields() -> dict[str, Any]:
    """Return the form as the service takes it; every box ticked is the same as none."""
    return {"name": forms.text("name"), "url": forms.text("url"), "events": forms.many("events")} | {
        "active": forms.switch("active")
    }


def typed() -> dict[str, Any]:
    """Return what was typed, to show it again."""
    return fields()


def state(row: Webhook) -> str:
    """Return how a webhook does: active, retrying, failing or off."""
    if not row.active:
        return "off"
    if row.failing_since is None:
        return "active"
    return "failing" if is_failing(row.failing_since, utc_now()) else "retrying"


def form_page(
    values: dict[str, Any], error: InvalidInput | Conflict | None = None, webhook: Webhook | None = None
) -> Response:
    """Render the form."""
    return pages.page(
        "webhooks/form.html",
        status=422 if error else 200,
        values=values,
        errors=pages.errors_of(error) if error else {},
        webhook=webhook,
        events=webhook_words.events(),
    )


def made_page(made: NewSecret, *, rotated: bool = False) -> Response:
    """Show a secret: in this answer alone, which nobody may store."""
    response = pages.page("webhooks/made.html", made=made, rotated=rotated)
    response.headers["Cache-Control"] = "no-store"
    return response
