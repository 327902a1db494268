"""Alerts: what was noted, what was mailed about it to whom, and who gets the mails."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import alert_words, forms, pages, settings
from app.dashboard.auth import actor
from app.domain.alerts import KINDS
from app.domain.errors import InvalidInput
from app.domain.ids import is_uuid
from app.services import alert_rules, alert_settings, alerts, mail
from app.services.mail import MailFailed

blueprint = Blueprint("alerts", __name__, url_prefix="/w/<workspace>")
PAGE_SIZE = 50


@blueprint.get("/alerts")
def index() -> Response:
    """Show a page of alerts by day; `before` and `after` name the alert beside it."""
    before, after = place("before"), place("after")
    kind = request.args.get("kind") if request.args.get("kind") in KINDS else None
    asked = {"kind": kind, "before_id": before, "after_id": after}
    rows = alerts.list_page(actor(), g.workspace.id, **asked, limit=PAGE_SIZE + 1)
    more = len(rows) > PAGE_SIZE
    shown = rows[-PAGE_SIZE:] if after else rows[:PAGE_SIZE]
    return pages.page(
        "alerts/index.html",
        days=alert_words.by_day(shown, g.workspace, alert_rules.ids(actor(), g.workspace.id)),
        words=alert_words,
        kind=kind or "",
        mail_server=mail.office.server is not None,
        newer=shown[0].id if shown and (before or (after and more)) else None,
        older=shown[-1].id if shown and (more or after) else None,
    )


@blueprint.post("/alerts/<uuid:alert>/retry")
def retry(alert: UUID) -> Response:
    """Have an alert mailed that was given up or kept."""
    alerts.retry(actor(), g.workspace.id, str(alert))
    return pages.see("alerts.index", _("It will be mailed in a moment."))


@blueprint.post("/settings/alerts")
def update() -> Response:
    """Store who gets the mails and which kinds are mailed."""
    mailed = set(forms.many("mailed"))
    muted = [kind for kind in KINDS if kind not in mailed]
    typed = {"emails": forms.text("emails").split("\n"), "muted": muted}
    try:
        alert_settings.update(actor(), g.workspace.id, typed)
    except InvalidInput as error:
        return settings.form_page(alert_values=typed, error=error)
    return pages.see("settings.edit", _("Saved."))


@blueprint.post("/settings/alerts/test")
def test() -> Response:
    """Send the person a test mail and say what the mail server answered."""
    email = actor().label  # a person is called by their address
    try:
        answer = alert_settings.send_test(actor(), g.workspace.id, email)
    except MailFailed as error:
        flash(_("No mail was sent. %(answer)s", answer=str(error)), "error")
        return pages.see("settings.edit")
    text = _("The mail server took a mail to %(email)s. It said: %(answer)s", email=email, answer=answer)
    return pages.see("settings.edit", text)


def place(name: str) -> str | None:
    """Return an alert's id from the address; anything else counts as absent."""
    given = request.args.get(name)
    return given if given and is_uuid(given) else None
