"""The versions of a policy: what each changed, what two say differently, and which of them is live."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import forms, pages, policy_changes
from app.dashboard.auth import actor
from app.dashboard.policy_pages import find, page
from app.domain.errors import Conflict, InvalidInput
from app.domain.policies.rules import PolicyConfig, parse_policy
from app.domain.version_diffs import FieldChange
from app.models import PolicyVersion
from app.services import policies, policy_versions
from app.services.policy_versions import PolicyView

blueprint = Blueprint("policy_history", __name__, url_prefix="/w/<workspace>/policies/<uuid:policy>/versions")
PER_PAGE = 20


@blueprint.get("")
def index(policy: UUID) -> Response:
    """List the versions with what each changed."""
    view, upto = find(policy), request.args.get("upto", type=int)
    place = g.workspace.id, view.policy.id
    rows = policy_versions.list_versions(actor(), *place, upto=upto, limit=PER_PAGE + 1)
    older = rows[PER_PAGE].number if len(rows) > PER_PAGE else None
    entries = with_changes(rows)[:PER_PAGE]
    lived = policy_versions.history(actor(), *place)
    return page("policies/versions.html", view, entries=entries, lived=lived, older=older, upto=upto)


@blueprint.get("/compare")
def compare(policy: UUID) -> Response:
    """Show what two versions say differently: ?a=3&b=7; without them, the live one and the draft."""
    view = find(policy)
    before, after = chosen(view, "a", view.version), chosen(view, "b", view.working_version)
    configs = config_of(before), config_of(after)
    return page(
        "policies/compare.html",
        view,
        before=before,
        after=after,
        changes=policy_changes.changes(*configs),
        lines=policy_changes.text_changes(*configs),
        numbers=numbers_of(view),
    )


@blueprint.post("/<int:number>/live")
def make_live(policy: UUID, number: int) -> Response:
    """Let a version decide from now on."""
    try:
        policies.make_live(actor(), g.workspace.id, str(policy), number)
    except (InvalidInput, Conflict) as error:
        return pages.refuse("policy_history.index", error, policy=policy)
    message = _("Version %(number)d decides from now on.", number=number)
    return pages.see("policy_history.index", message, policy=policy)


@blueprint.post("/<int:number>/restore")
def restore(policy: UUID, number: int) -> Response:
    """Make a new version of what an earlier one said: the draft, or live at once."""
    live = forms.text("save_as") == "live"
    try:
        saved = policies.restore(actor(), g.workspace.id, str(policy), number, live=live)
    except (InvalidInput, Conflict) as error:
        return pages.refuse("policy_history.index", error, policy=policy)
    texts = {"number": saved.working_version.number, "old": number}
    message = _("Version %(number)d now decides, with what version %(old)d said.", **texts)
    if not live:
        message = _("Version %(number)d is a draft of what version %(old)d said.", **texts)
    return pages.see("policy_history.index", message, policy=policy)


@blueprint.post("/discard")
def discard(policy: UUID) -> Response:
    """Set the draft aside."""
    try:
        policies.discard_draft(actor(), g.workspace.id, str(policy))
    except Conflict as error:
        return pages.refuse("policies.show", error, policy=policy)
    message = _("The draft is set aside. It stays under Versions.")
    return pages.see("policies.show", message, policy=policy)


def chosen(view: PolicyView, name: str, default: PolicyVersion) -> PolicyVersion:
    """Return the version that the address names."""
    number = request.args.get(name, type=int)
    if number is None:
        return default
    return policy_versions.find_version(actor(), g.workspace.id, view.policy.id, number)


def numbers_of(view: PolicyView) -> list[tuple[int, str]]:
    """Return the versions to choose from, with their notes."""
    rows = policy_versions.list_versions(actor(), g.workspace.id, view.policy.id, limit=500)
    return [(row.number, label_of(view, row)) for row in rows]


def label_of(view: PolicyView, row: PolicyVersion) -> str:
    """Return a version's entry in a list."""
    role = _("draft") if row.id == view.policy.draft_version_id else ""
    role = _("live") if row.id == view.version.id else role
    return " · ".join(filter(None, (_("Version %(number)d", number=row.number), role, row.note[:60])))


def with_changes(rows: list[PolicyVersion]) -> list[tuple[PolicyVersion, list[FieldChange] | None]]:
    """Return each version with what it changed; None for the last row, whose predecessor is not at hand."""
    configs = [config_of(row) for row in rows]
    changes = [policy_changes.changes(old, new) for new, old in zip(configs, configs[1:], strict=False)]
    return list(zip(rows, [*changes, None], strict=True))


def config_of(version: PolicyVersion) -> PolicyConfig:
    """Return what a version says."""
    return parse_policy(version.config, stored=True)
