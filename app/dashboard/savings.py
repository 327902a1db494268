"""Savings: what routing and policies saved against the models asked for otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, Response, g, request
from flask_babel import gettext as _

from app.dashboard import csv_files, pages, usage_words
from app.dashboard.auth import actor
from app.dashboard.usage_filters import one_of
from app.dashboard.usage_words import Chart
from app.domain import timespans
from app.domain.analytics import METERED, MOST_ROWS, REPORTED, Found, Question, Row
from app.domain.pricing import format_usd, nano_to_usd
from app.domain.timespans import Timespan
from app.domain.usage_sums import Totals
from app.services import analytics, projects

blueprint = Blueprint("savings", __name__, url_prefix="/w/<workspace>/savings")
RANGES = ("7d", "30d", "90d")
BY = ("model", "policy", "day", "endpoint", "project")
SUMS = ("calls", "spend_usd", "baseline_usd", "savings_usd")
LISTED = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """The days to look at, and how they are told apart."""

    span: Timespan
    range: str
    by: str
    project: str

    @property
    def question(self) -> Question:
        """What is asked of the sums."""
        filters = {"project": self.project} if self.project else {}
        hours = self.span.starts_at, self.span.ends_at
        limit = MOST_ROWS if self.by == "day" else LISTED
        return Question("savings", self.by, *hours, self.span.timezone, filters, limit=limit)

    def link(self, **changes: str) -> dict[str, Any]:
        """Return the arguments of a link to this view, with changes."""
        fields = {"range": self.range, "by": self.by, "project": self.project, **changes}
        return {name: value for name, value in fields.items() if value}


@blueprint.get("")
def index() -> Response:
    """Show what was saved."""
    listed = projects.list_all(actor(), g.workspace.id)
    asked = read([project.id for project in listed])
    found = look(asked.question)
    return pages.page(
        "savings/index.html",
        part="savings/_report.html",
        asked=asked,
        found=found,
        sources=[(source, of_source(found, source)) for source in (METERED, REPORTED)],
        chart=chart(asked),
        project_options=[("", _("All")), *((project.id, project.name) for project in listed)],
        by_options=by_options(),
        range_options=[option for option in usage_words.ranges() if option[0] in RANGES],
        name_of=lambda value: name(asked, found, value),
        usd=format_usd,
        share_of=usage_words.share_of,
    )


@blueprint.get("/export.csv")
def export() -> Response:
    """Send the table as a file."""
    asked = read([project.id for project in projects.list_all(actor(), g.workspace.id)])
    found = look(replace(asked.question, limit=MOST_ROWS))
    header = ("source", asked.by, "id", *SUMS)
    return csv_files.answer(f"savings-by-{asked.by}", header, lines(asked, found))


def read(project_ids: list[str]) -> Asked:
    """Read the URL; what makes no sense is as if it were not there."""
    chosen, project = one_of(request.args.get("range"), RANGES, "30d"), request.args.get("project", "")
    span = timespans.last_days(timespans.RANGES[chosen], datetime.now(UTC), g.workspace.timezone)
    by = one_of(request.args.get("by"), BY, "model")
    return Asked(span, chosen, by, project if project in project_ids else "")


def look(question: Question) -> Found:
    """Return what was found."""
    return analytics.of_workspace(actor(), g.workspace.id, question)


def of_source(found: Found, source: str) -> list[Row]:
    """Return the rows of one source."""
    return [row for row in found.rows if row.source == source]


def chart(asked: Asked) -> Chart:
    """Return what was saved on each day, those without calls too: of metered calls."""
    question = replace(asked.question, by="day", sources=(METERED,), limit=MOST_ROWS)
    saved = {row.value: row.totals.savings_nano_usd for row in look(question).rows}
    first, last = asked.span.days
    days = (first + timespans.DAY * number for number in range((last - first).days + 1))
    points = [(day, saved.get(day.isoformat(), 0)) for day in days]
    return usage_words.money_by_day(_("Saved by day"), _("of the calls that went through Sluice"), points)


def name(asked: Asked, found: Found, value: str) -> str:
    """Name a row."""
    if asked.by == "day":
        return f"{date.fromisoformat(value):%a %d %b %Y}"
    return usage_words.named(found.names, asked.by, value)


def by_options() -> list[tuple[str, str]]:
    """Return what savings can be told apart by."""
    words = {**dict(usage_words.groups()), "day": _("Day")}
    return [(by, words[by]) for by in BY]


def lines(asked: Asked, found: Found) -> Iterator[list[str]]:
    """Yield the lines of the file."""
    for row in found.rows:
        named = [csv_files.cell(name(asked, found, row.value)), csv_files.cell(row.value)]
        yield [row.source, *named, *sums(row.totals)]


def sums(totals: Totals) -> list[str]:
    """Return the numbers of a line."""
    spent, saved = totals.cost_nano_usd, totals.savings_nano_usd
    return [str(totals.calls), nano_to_usd(spent), nano_to_usd(spent + saved), nano_to_usd(saved)]
