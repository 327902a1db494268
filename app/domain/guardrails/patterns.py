"""Patterns of one's own: RE2 alone, so that none can hang; what RE2 cannot do is refused with the reason."""

from __future__ import annotations

import random
import re
import time

import re2

from app.domain.errors import InvalidInput
from app.domain.guardrails.detectors import Detector, compiled

LONGEST = 1_000
MOST_INSTRUCTIONS = 3_000
# A pattern that takes longer on the trial texts would take more than 100 ms for 100 KB.
TRIAL_SIZE = 8_000
MOST_TRIAL_NS = 8_000_000
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
POSSESSIVE = re.compile(r"(?<!\\)[*+?}]\+")


def check_pattern(source: str, param: str) -> None:
    """Raise InvalidInput with the reason unless `source` can be carried out, and quickly."""
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
    if max(found.programsize, found.reverseprogramsize) > MOST_INSTRUCTIONS or is_slow(found, source):
        raise InvalidInput("It would take too long on large texts. Make it simpler or shorter.", param=param)


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


def trials(source: str) -> list[bytes]:
    """Return texts on which a pattern that is slow shows it: of the characters that it is made of."""
    letters = sorted({character for character in source if character.isalnum()})[:12] or ["a"]
    dice = random.Random(len(source))  # noqa: S311 - not for secrets
    return [
        "".join(dice.choices(alphabet, k=TRIAL_SIZE)).encode()
        for alphabet in (letters, [*letters, " "], ["a", "b"], list("a1 -."))
    ]


def is_slow(pattern: re2._Regexp, source: str) -> bool:
    """Say whether the pattern takes too long on any of the trial texts."""
    for text in trials(source):
        began = time.thread_time_ns()
        for number, _ in enumerate(pattern.finditer(text)):
            if number % 50 == 0 and time.thread_time_ns() - began > MOST_TRIAL_NS:
                return True
        if time.thread_time_ns() - began > MOST_TRIAL_NS:
            return True
    return False


def pattern_detector(name: str, source: str) -> Detector:
    """Return the detector of one pattern; its name is what people read."""
    return Detector("pattern", name, "Pattern", "PATTERN", (source,), captures=False)
