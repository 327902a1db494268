"""Patterns of one's own: RE2 alone, so that none can hang; what RE2 cannot do is refused with the reason."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import re2

from app.domain.errors import InvalidFields, InvalidInput
from app.domain.guardrails.detectors import Detector, compiled

LONGEST = 1_000
MOST_INSTRUCTIONS = 5_000
TOO_SLOW = "It would take too long on large texts. Make it simpler or shorter."
# A pattern that takes longer than this on the trial texts would take more than 100 ms for 100 KB.
TRIAL_SIZES = (1_000, 8_000)
TRIAL_NS = 1_500_000
TRIAL_NS_PER_BYTE = 600
NS_PER_MATCH = 2_000  # however simple the pattern is
REASONS = (
    ("(?=", "It looks ahead with (?=…), which guardrails cannot do. Match what follows instead."),
    ("(?!", "It looks ahead with (?!…), which guardrails cannot do. Match what follows instead."),
    ("(?<=", "It looks behind with (?<=…), which guardrails cannot do. Match what comes before instead."),
    ("(?<!", "It looks behind with (?<!…), which guardrails cannot do. Match what comes before instead."),
    ("(?>", "It has an atomic group (?>…), which guardrails cannot do."),
    ("(?#", "It has a comment (?#…), which guardrails cannot read."),
    ("(?R", "It calls itself, which guardrails cannot do."),
    ("(?(", "It has a condition (?(…), which guardrails cannot do."),
)
WORDS = {
    "missing )": "A parenthesis is not closed.",
    "missing ]": "A bracket [ is not closed.",
    "unexpected )": "There is a ) too many.",
    "invalid repetition size": "A repetition is too large: at most 1,000 in all, also when nested.",
    "no argument for repetition operator": "There is nothing to repeat before *, + or ?.",
    "bad repetition operator": "Two signs of repetition stand beside each other.",
    "invalid character class range": "A range in brackets is the wrong way round or unknown.",
    "invalid escape sequence": "A backslash stands before a character that has no such meaning.",
    "trailing \\": "It ends with a backslash.",
    "pattern too large": "It is too large.",
    "invalid UTF-8": "It holds characters that cannot be written.",
    "invalid named capture group": "The name of a group is not right.",
    "invalid perl operator": "It begins a group with (? and something that guardrails cannot do.",
    "expression nests too deeply": "It is nested too deeply.",
}
BACK_REFERENCE = re.compile(r"(?<!\\)(?:\\\\)*\\[1-9]|\(\?P=")
COUNTS = re.compile(r"\{[0-9,]*\}|\\[a-zA-Z]")
POSSESSIVE = re.compile(r"(?<!\\)[*+?}]\+")


def check_pattern(source: str, param: str) -> None:
    """Raise InvalidInput with the reason unless `source` can be carried out; see check_speed as well."""
    if len(source) > LONGEST:
        raise InvalidInput(f"Must be at most {LONGEST:,} characters.", param=param)
    try:
        found = compiled(source, False)
    except re2.error as error:
        raise InvalidInput(reason(source, error), param=param) from None
    except UnicodeEncodeError:
        raise InvalidInput(WORDS["invalid UTF-8"], param=param) from None
    if found.search(b"") is not None:
        raise InvalidInput("It matches nothing at all as well, so it would match everywhere.", param=param)
    if max(found.programsize, found.reverseprogramsize) > MOST_INSTRUCTIONS:
        raise InvalidInput(TOO_SLOW, param=param)


def reason(source: str, error: Exception) -> str:
    """Return in plain words why RE2 refused a pattern."""
    told = error.args[0] if error.args else ""
    said = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    for mark, words in REASONS:
        if mark in source:
            return words
    if BACK_REFERENCE.search(source) and "escape" in said or "(?P=" in source:
        return "It refers back to a group, which guardrails cannot do."
    if POSSESSIVE.search(source) and "repetition operator" in said:
        return "It has a possessive repetition such as *+, which guardrails cannot do."
    return next((words for mark, words in WORDS.items() if mark in said), f"It is no RE2 pattern: {said}.")


def check_speed(settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InvalidFields for the patterns of (checked) settings that would take too long on large texts.

    To be asked when they are saved: it tries them out, which a stored version need not go through again.
    """
    entries = settings.get("patterns", {}).get("patterns") or ()
    slow = [number for number, entry in enumerate(entries, 1) if is_slow(entry["pattern"])]
    if slow:
        raise InvalidFields({f"patterns.patterns.{number}.pattern": TOO_SLOW for number in slow})


def trials(source: str) -> Iterator[bytes]:
    """Yield texts on which a pattern that is slow shows it: made of what it is made of; short ones first."""
    letters = sorted({character for character in source if character.isalnum()})[:12] or ["a"]
    words = re.findall(r"[^\W_]{2,}", COUNTS.sub(" ", source))[:6] or letters
    dice = random.Random(len(source))  # noqa: S311 - not for secrets
    mixtures = (
        letters, [*letters, " "], ["a", "b"], list("a1 -."), [*words, *words, "\u00fc", " ", "1"],
        *([letter] for letter in letters[-4:]),
    )  # fmt: skip
    texts = ["".join(dice.choices(mixture, k=TRIAL_SIZES[-1])).encode() for mixture in mixtures]
    for size in TRIAL_SIZES:
        yield from (text[:size] for text in texts)


@lru_cache(maxsize=1_000)
def is_slow(source: str) -> bool:
    """Say whether the pattern takes too long on any of the trial texts, twice in a row."""
    pattern = compiled(source, False)
    return any(takes_long(pattern, text) and takes_long(pattern, text) for text in trials(source))


def takes_long(pattern: re2._Regexp, text: bytes) -> bool:
    """Say whether finding all matches in the text takes longer than it may."""
    latest, number = time.thread_time_ns() + TRIAL_NS + TRIAL_NS_PER_BYTE * len(text), 0
    for number, _ in enumerate(pattern.finditer(text), 1):
        if number % 50 == 0 and time.thread_time_ns() > latest + number * NS_PER_MATCH:
            return True
    return time.thread_time_ns() > latest + number * NS_PER_MATCH


def pattern_detector(name: str, source: str) -> Detector:
    """Return the detector of one pattern; its name is what people read."""
    return Detector("pattern", name, "Pattern", "PATTERN", (source,), captures=False)
