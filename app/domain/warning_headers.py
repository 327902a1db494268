"""What was dropped or changed for the model that answers, as response headers (A4, O14)."""

from __future__ import annotations

from collections.abc import Iterable

NAMES = ("X-Sluice-Warning", "X-Aig-Warning")
MOST_CHARACTERS = 1000


def headers(warnings: Iterable[str]) -> dict[str, str]:
    """Return the warnings in one line of ASCII under both names; nothing when there is none."""
    text = "; ".join(warnings)
    if not text:
        return {}
    line = "".join(char if " " <= char <= "~" else "?" for char in text)
    if len(line) > MOST_CHARACTERS:
        line = line[: MOST_CHARACTERS - 3] + "..."
    return dict.fromkeys(NAMES, line)
