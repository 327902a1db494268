"""Searches texts with all guardrails of one side at once; what is found is told by place, never by content.

Three uses: `scan` for whole texts, `spans` for a piece of a stream, `masks.apply` for what `scan` found.
A text that holds nothing costs one search for words and one for hints; sources run only on what they hit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate

from app.domain.guardrails.detectors import Detector
from app.domain.guardrails.folding import fold
from app.domain.guardrails.injection import injection
from app.domain.guardrails.patterns import pattern_detector
from app.domain.guardrails.personal import personal
from app.domain.guardrails.rules import Rule
from app.domain.guardrails.search import Hit, Search, Unfinished
from app.domain.guardrails.secrets import secrets
from app.domain.guardrails.words import keywords

SEPARATOR = "\n"  # between the parts of what is searched


@dataclass(frozen=True, slots=True)
class Armed:
    """One detector and the rule it works for."""

    rule: Rule
    detector: Detector


@dataclass(frozen=True, slots=True)
class Span:
    """Where something was found in one text, in characters; `end` excluded."""

    start: int
    end: int
    armed: Armed

    @property
    def action(self) -> str:
        """Return what its rule does."""
        return self.armed.rule.action


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that one rule found in one part. A match across parts is one finding in each of them."""

    rule: str  # its name
    kind: str  # what it is, in words: “e-mail address”
    part: int
    start: int
    end: int
    action: str
    label: str  # of a mask: [E-Mail REDACTED]
    tag: str  # of a placeholder: [[EMAIL_001]]
    continued: bool = False  # the rest of a match that began in a part before; not to be counted again


@dataclass(frozen=True, slots=True)
class Scan:
    """What a search found, and the names of the rules that could not be carried to their end."""

    findings: tuple[Finding, ...]
    failed: tuple[str, ...] = ()


class Screen:
    """The guardrails of one side, made ready to search. `wholes`: those about the whole text (wholes.py)."""

    def __init__(self, rules: Sequence[Rule], side: str, key_prefix: str) -> None:
        self.rules = tuple(as_of(rule, side) for rule in rules if rule.covers(side))
        self.wholes = tuple(rule for rule in self.rules if rule.is_whole)
        self.armed = tuple(
            Armed(rule, detector) for rule in self.rules for detector in detectors_of(rule, key_prefix)
        )
        self.widenings = frozenset(widening(armed) for armed in self.armed if armed.rule.masks)
        self.search = Search([armed.detector for armed in self.armed])

    def __bool__(self) -> bool:
        return bool(self.rules)

    def spans(self, text: str, start: int = 0) -> list[Span]:
        """Return what is found in `text` from the character `start` on, in order.

        What stands before `start` is context only (one character of it is looked at). What one rule finds
        never overlaps; what several find may. Raise Unfinished when a rule could not be carried to its end.
        """
        found, failed = self.search.run(text, start)
        if failed:
            raise Unfinished(self.armed[index].rule.name for index in failed)
        return self.resolved(found)

    def scan(self, texts: Sequence[str]) -> Scan:
        """Return what is found in the texts joined by line ends, told by part."""
        if not self.armed:
            return Scan(())
        found, failed = self.search.run(SEPARATOR.join(texts))
        names = dict.fromkeys(self.armed[index].rule.name for index in failed)
        if not found:
            return Scan((), tuple(names))
        starts = [0, *accumulate(len(text) + len(SEPARATOR) for text in texts)]
        findings = (piece for span in self.resolved(found) for piece in pieces(span, starts))
        return Scan(tuple(findings), tuple(names))

    def resolved(self, found: Sequence[Hit]) -> list[Span]:
        """Return hits as spans; of one rule's that overlap the longest, over what all of them cover."""
        last: dict[str, Span] = {}
        spans: dict[str, list[Span]] = {}
        for start, end, index in found:
            span = Span(start, end, self.armed[index])
            name = span.armed.rule.name
            before = last.get(name)
            if before is not None and start < before.end:
                winner = max(before, span, key=lambda each: each.end - each.start)
                span = replace(winner, start=before.start, end=max(end, before.end))
                spans[name].pop()
            spans.setdefault(name, []).append(span)
            last[name] = span
        return sorted(
            (span for each in spans.values() for span in each), key=lambda span: (span.start, span.end)
        )

    def growth(self, size: int) -> int:
        """Return by how many bytes a text of `size` bytes may grow when all that can be is masked."""
        return max((-(-extra * size // least) for extra, least in self.widenings), default=0)


def as_of(rule: Rule, side: str) -> Rule:
    """Return the rule as it is carried out on one side: from an answer things are taken out for good."""
    return replace(rule, action="mask") if side == "output" and rule.action == "redact" else rule


def pieces(span: Span, starts: Sequence[int]) -> Iterator[Finding]:
    """Yield one finding for each part that a match touches."""
    rule, detector = span.armed.rule, span.armed.detector
    part = bisect_right(starts, span.start) - 1
    continued = False
    while part < len(starts) - 1 and starts[part] < span.end:
        start, stop = starts[part], starts[part + 1] - len(SEPARATOR)
        first, last = max(span.start, start), min(span.end, stop)
        if first < last:
            yield Finding(
                rule.name, detector.words, part, first - start, last - start, rule.action,
                detector.label, detector.tag, continued,
            )  # fmt: skip
            continued = True
        part += 1


def widening(armed: Armed) -> tuple[int, int]:
    """Return by how many bytes one mask may lengthen a text, and how many it replaces at least."""
    detector = armed.detector
    is_placed = armed.rule.action == "redact"
    new = f"[[{detector.tag}_000000]]" if is_placed else f"[{detector.label} REDACTED]"
    return max(0, len(new.encode()) - detector.least), detector.least


def detectors_of(rule: Rule, key_prefix: str) -> Iterator[Detector]:
    """Yield the detectors that carry out one rule; none for a rule about the whole text."""
    if rule.kind == "keywords":
        yield keywords(rule.words)
    elif rule.kind == "secrets":
        yield from secrets(rule.kinds, key_prefix)
    elif rule.kind == "pii":
        yield from personal(rule.kinds, rule.names)
    elif rule.kind == "patterns":
        yield pattern_detector(rule.name.removeprefix("pattern:"), rule.pattern)
    elif rule.kind == "injection":
        yield from injection()


@lru_cache(maxsize=256)
def screen(rules: tuple[Rule, ...], side: str, key_prefix: str = "sk-sluice-") -> Screen:
    """Return the screen of `rules` (rules.effective) for one side: input or output."""
    return Screen(rules, side, key_prefix)


__all__ = ["Armed", "Finding", "Scan", "Screen", "Span", "Unfinished", "fold", "screen"]
