"""Rollouts: a new version goes live step by step, watched; begun, followed, moved, taken back and undone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from flask import Blueprint, Response, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import forms, pages, rollout_pages, rollout_words
from app.dashboard.auth import actor
from app.domain.errors import Conflict, InvalidInput
from app.models import Rollout
from app.services import rollout_guard, rollout_history, rollouts
from app.services.rollout_guard import Standing

blueprint = Blueprint("rollouts", __name__, url_prefix="/w/<workspace>")
OF_ENDPOINT, OF_POLICY = "/endpoints/<uuid:endpoint_id>/rollouts", "/policies/<uuid:policy>/rollouts"


@blueprint.get(OF_ENDPOINT)
@blueprint.get(OF_POLICY)
def index(endpoint_id: UUID | None = None, policy: UUID | None = None) -> BaseResponse:
    """Show the rollout that is under way, else how to begin one; and those before."""
    place = rollout_pages.place_of(endpoint_id, policy)
    row = rollout_history.current(actor(), g.workspace.id, place.kind, place.id)
    if row is not None:
        return pages.see("rollouts.show", rollout=row.id)
    return rollout_pages.start_page(place, rollout_pages.blank(place, request.args.get("version", type=int)))


@blueprint.post(OF_ENDPOINT)
@blueprint.post(OF_POLICY)
def create(endpoint_id: UUID | None = None, policy: UUID | None = None) -> BaseResponse:
    """Begin a rollout and lead to its page."""
    place = rollout_pages.place_of(endpoint_id, policy)
    fields = {**rollout_pages.standing_typed(), "plan": rollout_pages.plan_typed()}
    number = forms.whole("number")
    try:
        if not isinstance(number, int):
            raise InvalidInput(_("Choose the version that is to go live."), param="number")
        row = rollouts.start(actor(), g.workspace.id, place.kind, place.id, number, fields)
    except (InvalidInput, Conflict) as error:
        return rollout_pages.start_page(place, dict(forms.typed()), pages.errors_of(error))
    message = _("Version %(number)d is on its way.", number=row.new_number)
    return pages.see("rollouts.show", message, rollout=row.id)


@blueprint.post(f"{OF_ENDPOINT}/plan")
@blueprint.post(f"{OF_POLICY}/plan")
def update(endpoint_id: UUID | None = None, policy: UUID | None = None) -> BaseResponse:
    """Keep how new versions go live from now on: at once, or as the form says."""
    place = rollout_pages.place_of(endpoint_id, policy)
    at_once = forms.switch("at_once")
    try:
        raw = None if at_once else rollout_pages.plan_typed()
        rollouts.set_plan(actor(), g.workspace.id, place.kind, place.id, raw)
    except InvalidInput as error:
        return rollout_pages.start_page(place, dict(forms.typed()), pages.errors_of(error))
    message = _("New versions go live at once again.") if at_once else _("New versions go live this way.")
    return pages.see("rollouts.index", message, **place.arguments)


@blueprint.get("/rollouts/<uuid:rollout>")
def show(rollout: UUID) -> BaseResponse:
    """Show how a rollout stands, or how it ended."""
    return rollout_pages.show_page(find(rollout))


@blueprint.get("/rollouts/<uuid:rollout>/live")
def live(rollout: UUID) -> BaseResponse:
    """Return the part of the page that keeps itself up to date; the whole page where something moved."""
    row = find(rollout)
    if request.args.get("seen", seen(row)) != seen(row):
        return Response(status=204, headers={"HX-Refresh": "true"})
    return pages.page("rollouts/_live.html", standing=standing(row), row=row, say=rollout_words)


@blueprint.post("/rollouts/<uuid:rollout>/advance")
def advance(rollout: UUID) -> BaseResponse:
    """Begin the next step; the share from which it was asked for must still stand."""
    share = forms.whole("at")
    at = share if isinstance(share, int) else None
    return change(rollout, partial(rollouts.advance, at=at), _("The next step has begun."))


@blueprint.post("/rollouts/<uuid:rollout>/share")
def share(rollout: UUID) -> BaseResponse:
    """Give the new version to so many of the end users."""
    row, typed = find(rollout), forms.decimal("share")
    try:
        wanted = {"state": "SHADOW"} if typed == 0 else {"share": typed}
        moved = rollouts.set_share(actor(), g.workspace.id, row.id, wanted)
    except InvalidInput as error:
        return rollout_pages.show_page(row, pages.errors_of(error))
    except Conflict as error:
        return pages.refuse("rollouts.show", error, rollout=rollout)
    message = _("Now %(share)s of your end users get it.", share=rollout_words.percent(moved.share))
    return pages.see("rollouts.show", message, rollout=rollout)


@blueprint.post("/rollouts/<uuid:rollout>/roll-back")
def roll_back(rollout: UUID) -> BaseResponse:
    """Give everybody the old version again."""
    why = forms.text("reason")
    message = _("Everybody gets the version before again.")
    return change(rollout, partial(rollouts.roll_back, reason=why), message)


@blueprint.post("/rollouts/<uuid:rollout>/stop")
def stop(rollout: UUID) -> BaseResponse:
    """End it as if it had never been."""
    return change(rollout, rollouts.stop, _("The rollout is stopped. The new version stays a draft."))


@blueprint.post("/rollouts/<uuid:rollout>/promote")
def promote(rollout: UUID) -> BaseResponse:
    """Let the new version be the live one for good."""
    return change(rollout, rollouts.promote, _("The new version is live for everybody."))


@blueprint.post("/rollouts/<uuid:rollout>/undo")
def undo(rollout: UUID) -> BaseResponse:
    """Take back how a rollout ended."""
    row = find(rollout)
    try:
        again = rollouts.undo(actor(), g.workspace.id, row.id)
    except (InvalidInput, Conflict) as error:
        return pages.refuse("rollouts.show", error, rollout=rollout)
    if again is not None:
        return pages.see("rollouts.show", _("It goes on where it was."), rollout=again.id)
    message = _("Everybody gets version %(number)d again.", number=row.old_number)
    return pages.see("rollouts.show", message, rollout=rollout)


def change(rollout: UUID, act: Callable[..., Rollout], message: str) -> BaseResponse:
    """Do something to a rollout and show it."""
    try:
        act(actor(), g.workspace.id, str(rollout))
    except (InvalidInput, Conflict) as error:
        return pages.refuse("rollouts.show", error, rollout=rollout)
    return pages.see("rollouts.show", message, rollout=rollout)


def find(rollout: UUID) -> Rollout:
    """Return a rollout."""
    return rollout_history.find(actor(), g.workspace.id, str(rollout))


def standing(row: Rollout) -> Standing:
    """Return how a rollout stands."""
    return rollout_guard.standing(actor(), g.workspace.id, row.id)


def seen(row: Rollout) -> str:
    """Return by what a page knows whether a rollout has moved since."""
    return f"{row.state}-{row.share}-{row.outcome or ''}"
