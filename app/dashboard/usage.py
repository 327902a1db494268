"""Usage: what was spent and used over some time, by model, key and so on; as a chart, a table and files."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, g, request

from app.dashboard import csv_files, pages, usage_filters, usage_words
from app.dashboard.auth import actor
from app.dashboard.usage_filters import Asked
from app.domain.pricing import nano_to_usd
from app.domain.usage_sums import Totals
from app.services import usage_reports
from app.services.usage_hours import OTHER
from app.services.usage_reports import Report

blueprint = Blueprint("usage", __name__, url_prefix="/w/<workspace>/usage")
SUMS = ("calls", "errors", "unpriced", "input_tokens", "output_tokens", "spend_usd")


@blueprint.get("")
def index() -> Response:
    """Show what the workspace used."""
    asked, report = look()
    return pages.page(
        "usage/index.html",
        part="usage/_report.html",
        asked=asked,
        report=report,
        chart=usage_words.chart(report, asked),
        words=usage_words,
    )


@blueprint.get("/export.csv")
def export() -> Response:
    """Send the whole table as a file."""
    asked = usage_filters.read(request.args, g.workspace.timezone)
    found = usage_reports.export(actor(), g.workspace.id, asked.span, asked.group, asked.order)
    lines, names = found
    rows = (
        [csv_files.cell(names.get(line.value, line.value)), csv_files.cell(line.value), *sums(line.totals)]
        for line in lines
    )
    return csv_files.answer(f"usage-by-{asked.group}", (asked.group, "id", *SUMS), rows)


@blueprint.get("/over-time.csv")
def over_time() -> Response:
    """Send what the chart draws as a file."""
    asked, report = look()
    header = ("starts_at", asked.group, "id", *SUMS)
    return csv_files.answer(f"usage-by-{asked.span.unit}", header, drawn(report, asked))


def look() -> tuple[Asked, Report]:
    """Return what is asked for and what was found."""
    asked = usage_filters.read(request.args, g.workspace.timezone)
    args = actor(), g.workspace.id, asked.span, asked.group, asked.measure, asked.order
    return asked, usage_reports.report(*args)


def drawn(report: Report, asked: Asked) -> Iterator[list[str]]:
    """Yield a line for each part of the time and each thing that is drawn in it."""
    values = [*report.drawn, OTHER]
    zone = ZoneInfo(asked.span.timezone)
    for number, start in enumerate(asked.span.starts):
        for value, parts in zip(values, report.parts, strict=True):
            named = [csv_files.cell(report.names.get(value, value)), csv_files.cell(value)]
            yield [csv_files.cell(start.astimezone(zone)), *named, *sums(parts[number])]


def sums(totals: Totals) -> list[str]:
    """Return the numbers of a line."""
    counts = (totals.calls, totals.errors, totals.unpriced, totals.input_tokens, totals.output_tokens)
    return [*map(str, counts), nano_to_usd(totals.cost_nano_usd)]
