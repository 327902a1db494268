"""End users: the customers' own users, what each of them used, and what is kept of them erased on request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, g, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import csv_files, forms, pages, receipt_words, usage_words
from app.dashboard.auth import actor
from app.dashboard.usage_filters import one_of
from app.dashboard.usage_words import Chart
from app.domain.actors import at_least
from app.domain.analytics import METERED, REPORTED, Row
from app.domain.errors import InvalidInput, NotFound
from app.domain.pricing import format_usd, nano_to_usd
from app.services import end_users, erasures
from app.services.end_users import SORTS, EndUser, Story
from app.services.erasures import Erased

blueprint = Blueprint("end_users", __name__, url_prefix="/w/<workspace>/end-users")
RANGES = {"7d": 7, "30d": 30, "90d": 90, "400d": 400}
MOST_PAGES = 1_000
COLUMNS = ("end_user", *end_users.COUNTS, "last_call")
SURE = "yes"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the list is asked for."""

    range: str
    query: str
    sort: str
    page: int

    def link(self, **changes: Any) -> dict[str, Any]:
        """Return the arguments of a link to this view, with changes."""
        fields = {"range": self.range, "q": self.query, "sort": self.sort, "page": self.page, **changes}
        return {name: value for name, value in fields.items() if value and (name, value) != ("page", 1)}


@blueprint.get("")
def index() -> Response:
    """List the end users."""
    asked = read()
    place = (actor(), g.workspace.id, RANGES[asked.range], asked.query, asked.sort)
    return pages.page(
        "end_users/index.html",
        part="end_users/_list.html",
        asked=asked,
        found=end_users.list_page(*place, asked.page),
        ranges=ranges(),
        sorts=sorts(),
        usd=format_usd,
    )


@blueprint.get("/export.csv")
def export() -> Response:
    """Send the whole list as a file."""
    asked = read()
    place = (actor(), g.workspace.id, RANGES[asked.range], asked.query, asked.sort)
    header = [name.replace("_nano_usd", "_usd") for name in COLUMNS]
    return csv_files.answer("end-users", header, (line(person) for person in end_users.export(*place)))


@blueprint.get("/one")
def show() -> BaseResponse:
    """Show one end user: what they used, their latest requests, and where they stand in rollouts."""
    if not request.args.get("user"):
        return pages.see("end_users.index")
    name, chosen = (
        named(request.args.get("user", "")),
        one_of(request.args.get("range"), tuple(RANGES), "30d"),
    )
    found = end_users.story(actor(), g.workspace.id, name, RANGES[chosen])
    if not found.is_known:
        raise NotFound("Nothing is known of this end user.")
    return page_of(found, chosen)


@blueprint.post("/erase")
def erase() -> BaseResponse:
    """Erase what is kept of an end user, for good."""
    name = named(forms.text("user"))
    forms.require("admin")
    if forms.text("sure") != SURE:
        flash(_("Nothing was erased: tick first that it is meant for good."), "error")
        return pages.see("end_users.show", user=name)
    return pages.see("end_users.index", told(erasures.erase(actor(), g.workspace.id, name)))


def page_of(found: Story, chosen: str) -> Response:
    """Render the page of one end user."""
    return pages.page(
        "end_users/show.html",
        story=found,
        range=chosen,
        ranges=ranges(),
        metered=found.totals[METERED],
        reported=found.totals[REPORTED],
        chart=chart(found),
        tables=[(by, title, rows_of(found, by)) for by, title in tables()],
        name_of=lambda by, value: usage_words.named({}, by, value),
        words=receipt_words,
        usd=format_usd,
        may_erase=at_least(g.role, "admin"),
        sure=SURE,
    )


def read() -> Asked:
    """Read the URL; what makes no sense is as if it were not there."""
    page = request.args.get("page", "")
    return Asked(
        range=one_of(request.args.get("range"), tuple(RANGES), "30d"),
        query=request.args.get("q", "").strip().replace("\x00", "")[:200],
        sort=one_of(request.args.get("sort"), SORTS, "last"),
        page=min(int(page), MOST_PAGES) if page.isascii() and page.isdecimal() and int(page) else 1,
    )


def named(text: str) -> str:
    """Return an end user's name as an address carries it; raise NotFound for what cannot be one."""
    try:
        return erasures.checked(text)
    except InvalidInput:
        raise NotFound("There is no such end user.") from None


def ranges() -> list[tuple[str, str]]:
    """Return the stretches of time to choose from."""
    known = {**dict(usage_words.ranges()), "400d": _("Last 400 days")}
    return [(value, known[value]) for value in RANGES]


def sorts() -> list[tuple[str, str]]:
    """Return the orders of the list."""
    words = {
        "last": _("Last seen"),
        "spend": _("Most spent"),
        "calls": _("Most calls"),
        "errors": _("Most failed"),
    }
    return [(value, str(words[value])) for value in SORTS]


def tables() -> list[tuple[str, str]]:
    """Return by what an end user's calls are told apart."""
    return [("model", _("By model")), ("policy", _("By policy"))]


def rows_of(found: Story, by: str) -> list[Row]:
    """Return the rows of a table, metered ones first."""
    return sorted(found.by[by].rows, key=lambda row: row.source)


def chart(found: Story) -> Chart:
    """Return what was spent on each day with calls: on metered ones."""
    rows = (row for row in found.by["day"].rows if row.source == METERED)
    points = [(date.fromisoformat(row.value), row.totals.cost_nano_usd) for row in rows]
    return usage_words.money_by_day(_("Cost by day"), _("days with calls"), points)


def line(person: EndUser) -> list[str]:
    """Return the line of a file."""
    counts = ((name, getattr(person, name)) for name in end_users.COUNTS)
    told_counts = [nano_to_usd(n) if name.endswith("_nano_usd") else str(n) for name, n in counts]
    return [csv_files.cell(person.name), *told_counts, csv_files.cell(person.last_at)]


def told(erased: Erased) -> str:
    """Say what was erased."""
    if not erased.is_done:
        return str(_("The end user is being erased. There is much of it, so it goes on in the background."))
    count = erased.requests
    text = ngettext(
        "The end user is erased: %(num)d request no longer says whose it was.",
        "The end user is erased: %(num)d requests no longer say whose they were.",
        count,
    )
    return str(text)
