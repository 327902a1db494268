"""Requests: every call in a live list with filters, as a file, and each as a receipt in plain words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import csv_files, pages, receipt_facts, receipt_words, reported_words, request_filters
from app.dashboard.auth import actor
from app.dashboard.request_filters import Asked
from app.domain import receipts as domain_receipts
from app.domain.pricing import nano_to_usd
from app.domain.tokens import message_text
from app.models import RecordRow
from app.services import receipts, replays

blueprint = Blueprint("requests", __name__, url_prefix="/w/<workspace>/requests")
COLUMNS = (
    "created_at", "id", "client_request_id", "source", "endpoint_slug", "endpoint_version", "caller_label",
    "model_requested", "model_answered", "provider", "outcome", "error_code", "error_message",
    "finish_reason", "stream", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
    "reasoning_tokens", "estimated", "cost_nano_usd", "first_token_ms", "duration_ms", "operation",
    "end_user", "held_nano_usd", "shortfall_nano_usd", "overage_nano_usd", "savings_nano_usd",
    "cached", "tag", "policy_key", "policy_version", "policy_state", "policy_rule", "action", "arm",
    "plan", "region",
)  # fmt: skip
REPORTED = (
    "action", "input_tokens", "output_tokens", "total_tokens", "cost_nano_usd", "catalog_nano_usd",
    "savings_nano_usd", "latency_ms", "cache_status", "task_type", "prompt_version", "policy_version", "arm",
    "tags",
)  # fmt: skip


@blueprint.get("")
def index() -> BaseResponse:
    """List the requests; the first page keeps itself up to date."""
    asked = request_filters.read(request.args)
    page = receipts.list_page(actor(), g.workspace.id, asked.filters, asked.cursor)
    if asked.cursor is not None and not asked.cursor.forward and page.newer is None:
        return pages.see("requests.index", **asked.link())
    seen = digest(page.rows)
    if request.args.get("seen") == seen:
        return Response(status=204)
    return pages.page("requests/index.html", part="requests/_list.html", **list_context(asked, page, seen))


@blueprint.get("/export.csv")
def export() -> Response:
    """Send the filtered list as a file that spreadsheets open safely."""
    asked = request_filters.read(request.args)
    rows = receipts.export(actor(), g.workspace.id, asked.filters)
    header = [name.replace("_nano_usd", "_usd") for name in (*COLUMNS, *(f"reported_{n}" for n in REPORTED))]
    return csv_files.answer("requests", header, map(cells, rows))


@blueprint.get("/<uuid:request>")
def show(request: UUID) -> Response:
    """Show one request as a receipt; while its record is not there yet, a page that looks again."""
    found = receipts.find(actor(), g.workspace.id, str(request))
    if found is None:
        part = "requests/_pending.html"
        return pages.page("requests/show.html", part=part, status=202, story=None, request_id=str(request))
    told = domain_receipts.receipt(found.row, found.provider_names)
    return pages.page(
        "requests/show.html",
        part="requests/_reported.html" if found.row.reported else "requests/_receipt.html",
        reported=reported_words,
        story=found,
        row=found.row,
        receipt=told,
        request_id=found.row.id,
        words=receipt_words,
        say=receipt_words.say,
        message_text=message_text,
        repeated=replays.repeats_of(actor(), g.workspace.id, found.row.id),
        **receipt_facts.context(found, told),
    )


def list_context(asked: Asked, page: receipts.Page, seen: str) -> dict[str, Any]:
    """Return what the list shows; what the filters offer only with the whole page."""
    before, after = map(request_filters.write_cursor, (page.older, page.newer))
    context: dict[str, Any] = {
        "asked": asked,
        "rows": page.rows,
        "older": url_for("requests.index", **asked.link(before=before)) if before else "",
        "newer": url_for("requests.index", **asked.link(after=after)) if after else "",
        "seen": seen,
        "newest": page.rows[0].created_at.isoformat() if page.rows else "",
        "seen_until": request_filters.moment(request.args.get("newest", "")),
        "words": receipt_words,
        "reported": reported_words,
    }
    if not pages.is_part():
        context["choices"] = receipts.choices(actor(), g.workspace.id)
    return context


def digest(rows: Iterable[Any]) -> str:
    """Return a short mark of which rows are shown; rows never change."""
    return hashlib.sha256(" ".join(row.id for row in rows).encode()).hexdigest()[:16]


def cells(row: RecordRow) -> list[str]:
    """Return a line of the file: what is known here, then the client's own numbers of a call it reported."""
    said = {**(row.reported or {}), "tags": " ".join((row.reported or {}).get("tags") or ()) or None}
    return [
        *(cell(name, getattr(row, name)) for name in COLUMNS),
        *(cell(name, said.get(name)) for name in REPORTED),
    ]


def cell(name: str, value: Any) -> str:
    """Return a column's value as a cell; amounts are in dollars."""
    is_amount = name.endswith("_nano_usd") and value is not None
    return nano_to_usd(value) if is_amount else csv_files.cell(value)
