"""What a detector is: RE2 sources or words which every match satisfies, and a check of what they found.

A detector looks at a match and at one character before and after it, no further: a stream held back
far enough finds the same as the whole text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import re2

MAX_MEMORY = 8 << 20


def options(captures: bool) -> re2.Options:
    """Return how every pattern is compiled."""
    found = re2.Options()
    found.max_mem = MAX_MEMORY
    found.log_errors = False
    found.never_capture = not captures
    return found


OPTIONS = options(True)
GROUPLESS = options(False)


@lru_cache(maxsize=2_000)
def compiled(source: str, captures: bool = True) -> re2._Regexp:
    """Return a pattern ready to search; the sources of the product's own detectors stay in memory."""
    return re2.compile(source, OPTIONS if captures else GROUPLESS)


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds one kind of thing in a folded text (see folding.fold).

    `sources`: RE2 patterns for the text as it is. A capture group, where there is one, is what is masked;
    the rest of the match is context. The kinds that come with the product use of RE2's syntax only literals,
    classes, groups, alternatives, repetitions, (?i) and the ASCII word boundary.
    `literals`: texts without upper case (casefolded), to be found in the casefolded text;
    `bounded`: no letter, digit or underscore may stand beside them.
    `accepts`: the check of what a source's match (its capture group) holds, for example Luhn's.
    """

    id: str  # email, aws_access_key: the word in settings
    words: str  # what people read: “e-mail address”
    label: str  # of a mask: [E-Mail REDACTED]
    tag: str  # of a placeholder: [[EMAIL_001]]
    sources: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()
    bounded: bool = False
    captures: bool = True  # False: all of a match is masked, groups only hold together
    accepts: Callable[[str], bool] | None = None
    least: int = 1  # no masked part is shorter, in characters
    not_before: str = ""  # characters that may not stand before a match
    not_after: str = ""  # nor after it
    # What spares most texts the search: an RE2 source, quick to look for, which every match satisfies.
    # Empty: every text is searched.
    hint: str = ""


def begins(*words: str) -> str:
    """Return the hint for matches that hold one of these at the beginning of a word, in any case."""
    return rf"(?i)\b(?:{'|'.join(words)})"


def holds(*words: str) -> str:
    """Return the hint for matches that hold one of these anywhere, in any case."""
    return rf"(?i)(?:{'|'.join(words)})"
