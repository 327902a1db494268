"""Lists as CSV files that stream, and that spreadsheets open without running anything in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Response

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\0")  # a spreadsheet would take the cell for a formula


def answer(what: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """Send the lines as a file named after what is in it and today's date."""
    name = f"sluice-{what}-{datetime.now(UTC):%Y-%m-%d}.csv"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(lines(header, rows), content_type="text/csv; charset=utf-8", headers=disposition)


def lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the file line by line."""
    yield line(header)
    yield from map(line, rows)


def cell(value: Any) -> str:
    """Return a value as a cell that no spreadsheet runs."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.startswith(DANGEROUS) else text


def line(cells: Sequence[str]) -> str:
    """Return one line of the file."""
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()
