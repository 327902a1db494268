"""Members of a workspace: roles, invitations, leaving."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, g, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import addresses, forms, pages
from app.dashboard.auth import actor
from app.domain.actors import ROLES, at_least
from app.domain.errors import Conflict, InvalidInput
from app.services import invitations, members

blueprint = Blueprint("members", __name__, url_prefix="/w/<workspace>/members")


@blueprint.get("")
def index() -> Response:
    """List members and, for admins, open invitations."""
    return list_page()


@blueprint.post("/invitations")
def invite() -> Response:
    """Make an invitation and show its link: in this answer alone."""
    fields = {"email": forms.text("email"), "role": forms.text("role")}
    try:
        token = invitations.create(actor(), g.workspace.id, fields)
    except (InvalidInput, Conflict) as error:
        return list_page(values=fields, errors=pages.errors_of(error), status=422)
    link = addresses.public_root() + url_for("invitations.show", token=token)
    return list_page(link=link, invited=fields["email"].strip().lower())


@blueprint.post("/invitations/<uuid:invitation>/revoke")
def revoke(invitation: UUID) -> Response:
    """Take an invitation back."""
    invitations.revoke(actor(), g.workspace.id, str(invitation))
    return pages.see("members.index", _("The invitation is taken back. Its link no longer works."))


@blueprint.post("/<uuid:member>/role")
def update(member: UUID) -> Response:
    """Give a member another role."""
    try:
        changed = members.set_role(actor(), g.workspace.id, str(member), forms.text("role"))
    except (InvalidInput, Conflict) as error:
        return list_page(refusal=error.message, status=422)
    return pages.see("members.index", _("%(who)s has a new role.", who=changed.user.name))


@blueprint.post("/<uuid:member>/remove")
def delete(member: UUID) -> Response:
    """End somebody's membership."""
    try:
        gone = members.remove(actor(), g.workspace.id, str(member))
    except Conflict as error:
        return list_page(refusal=error.message, status=422)
    return pages.see("members.index", _("%(who)s is no longer a member.", who=gone.user.name))


def list_page(status: int = 200, **context: Any) -> Response:
    """Return the page with whatever the last step has to say."""
    is_admin = at_least(g.role, "admin")
    response = pages.page(
        "members/index.html",
        members=members.list_all(actor(), g.workspace.id),
        invitations=invitations.list_open(actor(), g.workspace.id) if is_admin else [],
        roles=[role for role in ROLES if role != "owner" or g.role == "owner"],
        me=actor().id,
        status=status,
        **context,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
