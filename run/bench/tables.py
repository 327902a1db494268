"""Plain tables: the same rows for a terminal and for Markdown."""

from __future__ import annotations

Rows = list[list[str]]


def number(value: float | None) -> str:
    """Write a figure with about three digits; a dash where there is none."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def markdown(rows: Rows) -> str:
    """Return the rows as a Markdown table, the first one as its head."""
    head, *rest = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rest]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def plain(rows: Rows) -> str:
    """Return the rows in aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *rest = [cell.ljust(width) if not at else cell.rjust(width)
                        for at, (cell, width) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
        lines.append("  ".join((first, *rest)).rstrip())
    return "\n".join(lines) + "\n"
