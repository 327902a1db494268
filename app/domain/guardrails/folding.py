"""Text as guardrails read it: look-alike digits, letters and blanks made plain, invisible ones left out.

Every character is looked at alone, so a piece of a stream folds as it would within the whole text.
Look-alikes from other alphabets (a Cyrillic а in a Latin word) stay as they are: they are not seen through.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

import re2

# Soft hyphen, joiners, directions, marks of variation, and the invisible “tag” alphabet.
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef"
)
BLANKS = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
DASHES = "\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
# Where a character may stand for an ASCII one: other digits, letter-like signs, small and full-width forms.
DRESSED = (
    "\u017f\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef\u0e50-\u0e59\u2024\u2044\u2100-\u214f"
    "\u24b6-\u24e9\ufe50-\ufe6b\uff01-\uff5e\U0001d400-\U0001d7ff"
)
ODD = re.compile(f"[{INVISIBLE}{BLANKS}{DASHES}{DRESSED}]")
GONE = re.compile(f"[{INVISIBLE}]")
HAS_ODD = re2.compile(ODD.pattern)  # the same, faster on a text that has none


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text and the way back. `at`: where the folded text lost (`step` 1) or won (-1) a character."""

    text: str
    at: tuple[int, ...] = ()
    step: int = 1

    def origin(self, index: int) -> int:
        """Return where the folded character `index` stands in the original."""
        return index + self.step * bisect_right(self.at, index) if self.at else index

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the part of the original that folded characters came from; `end` excluded."""
        return (self.origin(start), self.origin(end - 1) + 1) if self.at else (start, end)


def plain(character: str) -> str:
    """Return what one character is read as: nothing, a blank, a dash, an ASCII character, or itself."""
    if GONE.match(character):
        return ""
    if unicodedata.category(character) in ("Zs", "Pd") or character == "\u2212":
        return " " if unicodedata.category(character) == "Zs" else "-"
    digit = unicodedata.decimal(character, None)
    form = unicodedata.normalize("NFKC", character) if digit is None else str(digit)
    return form if len(form) == 1 else character


class Plain(dict[str, str]):
    """What odd characters are read as, worked out once for each that turns up."""

    def __missing__(self, character: str) -> str:
        self[character] = found = plain(character)
        return found


PLAIN = Plain()


def fold(text: str) -> Folded:
    """Return `text` as the detectors read it; upper and lower case stay."""
    if text.isascii() or not HAS_ODD.search(text.encode("utf-8", "surrogatepass")):
        return Folded(text)
    folded = ODD.sub(lambda match: PLAIN[match[0]], text)
    if len(folded) == len(text):
        return Folded(folded)
    gone = (match.start() for match in GONE.finditer(text))
    return Folded(folded, tuple(index - before for before, index in enumerate(gone)))


EXPANDING = re.compile(
    "[" + "".join(chr(code) for code in range(0x10000) if len(chr(code).casefold()) > 1) + "]"
)


def casefolded(text: str) -> Folded:
    """Return `text` without the difference of upper and lower case (ß is read as ss)."""
    lowered = text.casefold()
    if len(lowered) == len(text):
        return Folded(lowered)
    won: list[int] = []
    for match in EXPANDING.finditer(text):
        first = match.start() + len(won) + 1
        won += range(first, first + len(match[0].casefold()) - 1)
    return Folded(lowered, tuple(won), -1)
