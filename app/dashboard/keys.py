"""Keys of a project: the list, a new one whose secret is shown once, renaming and revoking."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import budget_words, forms, guardrail_words, key_rules, limit_fields, own_keys, pages
from app.dashboard.auth import actor
from app.domain.callers import DEFAULT_SCOPES
from app.domain.errors import Conflict, InvalidFields, InvalidInput, NotFound
from app.models import Endpoint, Key, Project
from app.services import endpoints, key_rotation, keys, projects
from app.services.key_rotation import NewKey

blueprint = Blueprint("keys", __name__, url_prefix="/w/<workspace>")
LIFETIMES = ("30", "90", "365")  # days
BLANK: dict[str, Any] = {"name": "", "scopes": DEFAULT_SCOPES, "expires": "never", "expires_on": ""}


@blueprint.get("/projects/<uuid:project>/keys")
def index(project: UUID) -> Response:
    """List a project's keys, those in force first."""
    found = projects.find(actor(), g.workspace.id, str(project))
    rows = [(key, keys.state_of(key)) for key in keys.list_all(actor(), g.workspace.id, found.id)]
    rows.sort(key=lambda row: row[1] != "active")
    return pages.page("keys/index.html", project=found, rows=rows, **told())


def told() -> dict[str, Any]:
    """Return what the list says of limits and accounts."""
    words = {"limits_told": limit_fields.told, "rules_told": key_rules.told}
    return {**words, "account_names": key_rules.account_names()}


@blueprint.get("/projects/<uuid:project>/keys/new")
def new(project: UUID) -> Response:
    """Show the form for a new key; `for_endpoint` says where to go on with it."""
    forms.require("editor")
    found = projects.find(actor(), g.workspace.id, str(project))
    return form_page("keys/new.html", found, {**BLANK, "for_endpoint": request.args.get("for_endpoint", "")})


@blueprint.post("/projects/<uuid:project>/keys")
def create(project: UUID) -> Response:
    """Make a key and show its secret: in this answer alone, which nobody may store."""
    found = projects.find(actor(), g.workspace.id, str(project))
    try:
        given = {**fields(), "expires_at": expires_at()}
        made = keys.create(actor(), g.workspace.id, found.id, given)
    except (InvalidInput, Conflict) as error:
        return form_page("keys/new.html", found, key_rules.typed(), error)
    return made_page(found, made, forms.text("for_endpoint"))


def made_page(project: Project, made: NewKey, for_endpoint: str = "", *, rotated: bool = False) -> Response:
    """Show a secret: in this answer alone, which nobody may store."""
    usable = endpoints_for(project, for_endpoint)
    response = pages.page("keys/made.html", project=project, made=made, usable=usable, rotated=rotated)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/keys/<uuid:key>/edit")
def edit(key: UUID) -> Response:
    """Show the form of a key."""
    forms.require("editor")
    found, project = find(key)
    values = {"name": found.name, "scopes": found.scopes, **key_rules.values_of(found)}
    return form_page("keys/edit.html", project, values, key=found)


@blueprint.post("/keys/<uuid:key>/edit")
def update(key: UUID) -> Response:
    """Store what the form says of a key."""
    found, project = find(key)
    try:
        keys.update(actor(), g.workspace.id, found.id, fields())
    except (InvalidInput, Conflict) as error:
        return form_page("keys/edit.html", project, key_rules.typed(), error, key=found)
    return pages.see("keys.index", _("Saved."), project=project.id)


@blueprint.post("/keys/<uuid:key>/rotate")
def rotate(key: UUID) -> Response:
    """Give a key a new secret and show it; the old one opens until the new one is first used."""
    made = key_rotation.rotate(actor(), g.workspace.id, str(key))
    return made_page(projects.find(actor(), g.workspace.id, made.key.project_id), made, rotated=True)


@blueprint.post("/keys/<uuid:key>/revoke")
def delete(key: UUID) -> Response:
    """Revoke a key for good."""
    revoked = keys.revoke(actor(), g.workspace.id, str(key))
    message = _("“%(name)s” is revoked. Calls with it are refused from now on.", name=revoked.name)
    return pages.see("keys.index", message, project=revoked.project_id)


def find(key: UUID) -> tuple[Key, Project]:
    """Return a key and its project."""
    found = keys.find(actor(), g.workspace.id, str(key))
    return found, projects.find(actor(), g.workspace.id, found.project_id)


def fields() -> dict[str, Any]:
    """Return the form as the service takes it."""
    return {"name": forms.text("name"), "scopes": scopes(), **key_rules.fields()}


def scopes() -> list[str]:
    """Return the ticked scopes; a key without any is of no use."""
    ticked = forms.many("scopes")
    if not ticked:
        raise InvalidFields({"scopes": _("Tick at least one.")})
    return ticked


def expires_at() -> datetime | None:
    """Return when the key ends: after some days, with a day in the workspace's time zone, or never."""
    chosen = forms.text("expires")
    if chosen in LIFETIMES:
        return datetime.now(UTC) + timedelta(days=int(chosen))
    return end_of_day(forms.text("expires_on")) if chosen == "date" else None


def end_of_day(typed: str) -> datetime:
    """Return the end of a day that was typed as YYYY-MM-DD; InvalidFields when it is over."""
    try:
        day = date.fromisoformat(typed)
        end = datetime.combine(day, time.max.replace(microsecond=0), ZoneInfo(g.workspace.timezone))
        ends_at = end.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidFields({"expires_on": _("Pick a day.")}) from None
    if ends_at <= datetime.now(UTC):
        raise InvalidFields({"expires_on": _("This day is over. Pick a later one.")})
    return ends_at


def endpoints_for(project: Project, wanted: str) -> list[Endpoint]:
    """Return the endpoints to use a new key with: the one that led here, else all active ones."""
    active = [
        v.endpoint for v in endpoints.list_all(actor(), g.workspace.id, project.id) if v.endpoint.active
    ]
    return [endpoint for endpoint in active if endpoint.id == wanted] or active


def form_page(
    template: str,
    project: Project,
    values: dict[str, Any],
    error: InvalidInput | Conflict | None = None,
    key: Key | None = None,
) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    if key is not None and key.revoked_at is not None:
        raise NotFound(_("This key is revoked."))
    errors = pages.errors_of(error) if error else {}
    status = 422 if error else 200
    choices = key_rules.choices(project)
    limits = budget_words.block("key", key.id) if key else None
    return pages.page(
        template,
        project=project,
        key=key,
        values=values,
        errors=errors,
        choices=choices,
        accounts=key_rules.accounts(str(values.get("account_id", ""))),
        sellers=key_rules.sellers(),
        own=own_keys.block(key) if key else None,
        budgets=limits,
        budget_words=budget_words,
        guard_words=guardrail_words,
        status=status,
    )
