"""What differs between two answers, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from app.domain.version_diffs import Line

WORDS = re.compile(r"\s*\S+|\s+$")
MOST_WORDS = 3_000  # per side; comparing takes quadratic time


def compare_words(before: str, after: str) -> list[Line] | None:
    """Return pieces marked `+`, `-` or ` `; None where the texts are too long to compare."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return None
    pieces: list[Line] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Line(" ", "".join(old[a:b])))
            continue
        pieces += [Line("-", "".join(old[a:b]))] if b > a else []
        pieces += [Line("+", "".join(new[c:d]))] if d > c else []
    return pieces
