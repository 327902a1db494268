"""Runs many detectors over one text: one search for hints, then only the sources of what they hit."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence

import ahocorasick_rs
import re2

from app.domain.guardrails.detectors import GROUPLESS, Detector, compiled
from app.domain.guardrails.folding import casefolded, fold

SET_MEMORY = 64 << 20
# So many patterns of one's own are worth a filter, and so many characters of them it surely holds.
FEWEST_FILTERED = 3
LONGEST_FILTERED = 8_000
# All patterns of one's own together may search this long: only ones that look far ahead ever do.
OWN_NS, OWN_NS_PER_BYTE = 30_000_000, 300
# The detectors that come with the product look ahead no further than their matches; this is ten times theirs.
BUILT_IN_NS, BUILT_IN_NS_PER_BYTE = 100_000_000, 3_000
# No detector may find more than this.
MOST_MATCHES = 5_000
BYTES_PER_MATCH = 25
MATCHES_BETWEEN_LOOKS = 64
NONE: list[tuple[int, int]] = []
Hit = tuple[int, int, int]  # start, end, number of the detector


class Unfinished(Exception):
    """Rules that could not be carried to their end; `rules` are their names."""

    def __init__(self, rules: Iterable[str]) -> None:
        self.rules = tuple(dict.fromkeys(rules))
        super().__init__("A guardrail took too long.")


class Hints:
    """Says which detectors may find something in a text."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        waiting: dict[str, list[int]] = {}
        for number, detector in enumerate(detectors):
            if detector.sources:
                waiting.setdefault(detector.hint, []).append(number)
        self.unhinted = waiting.pop("", [])
        self.waiting = list(waiting.values())
        self.set = hint_set(list(waiting)) if waiting else None
        self.filter = literal_filter([detectors[number] for number in self.unhinted])

    def hit(self, data: bytes) -> list[int]:
        """Return the numbers of the detectors whose sources must be searched for, in order."""
        hits = self.unhinted
        if self.filter is not None:
            hits = [self.unhinted[index] for index in self.filter.Match(data, True) or ()]
        found = self.set.Match(data) if self.set is not None else None
        return sorted([*hits, *(number for hint in found or () for number in self.waiting[hint])])


def hint_set(sources: Sequence[str]) -> re2.Set:
    """Return all hints in one automaton."""
    options = re2.Options()
    options.max_mem, options.log_errors = SET_MEMORY, False
    found = re2.Set.SearchSet(options)
    for source in sources:
        found.Add(source)
    found.Compile()
    return found


def literal_filter(detectors: Sequence[Detector]) -> re2.Filter | None:
    """Return what finds the literals without which patterns cannot match; None where it is not worth it."""
    sources = [source for detector in detectors for source in detector.sources]
    if not FEWEST_FILTERED <= len(sources) == len(detectors) or sum(map(len, sources)) > LONGEST_FILTERED:
        return None
    found = re2.Filter()
    for source in sources:
        found.Add(source, GROUPLESS)
    found.Compile()
    return found


class Budget:
    """How long the detectors of one search may still take; those of one's own apart from the others."""

    def __init__(self, size: int) -> None:
        self.left = {
            True: BUILT_IN_NS + BUILT_IN_NS_PER_BYTE * size,
            False: OWN_NS + OWN_NS_PER_BYTE * size,
        }
        self._now = time.thread_time_ns()

    def begin(self, detector: Detector) -> int:
        """Return the time of this thread at which the detector must have ended; Unfinished if past."""
        left = self.left[detector.captures]
        if left < 0:
            raise Unfinished(())
        return self._now + left

    def spend(self, detector: Detector) -> None:
        """Book the time since the last look on the detector. The clock costs more than many a search."""
        now = time.thread_time_ns()
        self.left[detector.captures] -= now - self._now
        self._now = now


class Search:
    """Detectors made ready. Matches of one detector never overlap; those of different ones may."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self.detectors = tuple(detectors)
        self.hints = Hints(detectors)
        self.words = [(n, word_list(each)) for n, each in enumerate(detectors) if each.literals]

    def run(self, text: str, start: int = 0) -> tuple[list[Hit], list[int]]:
        """Return what is found from `start` on, in order, and which detectors took too long."""
        folded = fold(text)
        data = folded.text.encode("utf-8", "surrogatepass" if not text.isascii() else "strict")
        begin = len(fold(text[:start]).text) if start else 0
        hits: list[Hit] = []
        failed: list[int] = []
        budget = Budget(len(data))
        for number in self.hints.hit(data):
            try:
                hits += self.sourced(number, folded.text, data, begin, budget)
            except Unfinished:
                failed.append(number)
        for number, automaton in self.words:
            found = self.worded(number, automaton, folded.text, begin)
            if len(found) > most_matches(len(data)):
                failed.append(number)
            else:
                hits += found
        if folded.at:
            hits = [(*folded.span(first, last), number) for first, last, number in hits]
        return sorted(hits), failed

    def sourced(self, number: int, text: str, data: bytes, begin: int, budget: Budget) -> list[Hit]:
        """Return what one detector's patterns find, in characters of the folded text."""
        first = begin if len(data) == len(text) else len(text[:begin].encode("utf-8", "surrogatepass"))
        detector = self.detectors[number]
        spans: list[tuple[int, int]] = []
        latest = budget.begin(detector)
        try:
            for source in detector.sources:
                spans += matches(detector, source, data, first, latest)
        finally:
            budget.spend(detector)
        if not spans:
            return []
        spans = apart(spans)
        if len(data) != len(text):
            spans = in_characters(data, spans)
        return [(*span, number) for span in spans]

    def worded(self, number: int, automaton: ahocorasick_rs.AhoCorasick, text: str, begin: int) -> list[Hit]:
        """Return where one detector's words stand, in characters of the folded text."""
        if not self.detectors[number].bounded:
            cased = casefolded(text[begin:])
            found = automaton.find_matches_as_indexes(cased.text)
            spans = [cased.span(first, last) for _, first, last in found]
            return [(first + begin, last + begin, number) for first, last in spans]
        cased = casefolded(text)
        found = automaton.find_matches_as_indexes(cased.text, overlapping=True)
        spans = [cased.span(first, last) for _, first, last in found]
        alone = [span for span in spans if span[0] >= begin and stands_alone(text, *span)]
        return [(*span, number) for span in apart(alone)]


def word_list(detector: Detector) -> ahocorasick_rs.AhoCorasick:
    """Return the automaton of a detector's literals."""
    kind = (
        ahocorasick_rs.MATCHKIND_STANDARD if detector.bounded else ahocorasick_rs.MATCHKIND_LEFTMOST_LONGEST
    )
    return ahocorasick_rs.AhoCorasick(list(detector.literals), matchkind=kind)


def stands_alone(text: str, start: int, end: int) -> bool:
    """Say whether no letter, digit or underscore stands beside the span."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return not (before.isalnum() or before == "_" or after.isalnum() or after == "_")


def most_matches(size: int) -> int:
    """Return how much one detector may find in a text of so many bytes."""
    return MOST_MATCHES + size // BYTES_PER_MATCH


def matches(
    detector: Detector, source: str, data: bytes, position: int, latest: int
) -> list[tuple[int, int]]:
    """Return the spans that a pattern matches and the detector's checks accept, in bytes.

    After a match that is not accepted the search goes on one byte later: a shorter one may begin there.
    Raise Unfinished when that takes too long, or finds too much.
    """
    regexp = compiled(source, detector.captures)
    found = regexp.search(data, position)
    if found is None:
        return NONE
    spans = list[tuple[int, int]]()
    most, looked = most_matches(len(data)), 0
    while found is not None:
        start, end = found.span()
        accepted = is_accepted(detector, data, found)
        if accepted:
            group = min(regexp.groups, 1)
            spans.append(found.span(group) if found.start(group) >= 0 else (start, end))
        position = max(end, start + 1) if accepted else start + 1
        most -= accepted
        looked += 1
        if most < 0 or (looked % MATCHES_BETWEEN_LOOKS == 0 and time.thread_time_ns() > latest):
            raise Unfinished(())
        found = regexp.search(data, position)
    return spans


def is_accepted(detector: Detector, data: bytes, found: re2._Match) -> bool:
    """Say whether a match passes its detector's checks."""
    start, end = found.span()
    if detector.not_before and start and chr(data[start - 1]) in detector.not_before:
        return False
    if detector.not_after and end < len(data) and chr(data[end]) in detector.not_after:
        return False
    if detector.accepts is None:
        return True
    value = found[1] if found.re.groups and found[1] is not None else found[0]
    return detector.accepts(value.decode("utf-8", "replace"))


def apart(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans in order, those that overlap made one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def in_characters(data: bytes, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans of bytes as spans of characters, in one pass over the text."""
    edges = sorted({edge for span in spans for edge in span})
    counts, before, count = [], 0, 0
    for edge in edges:
        count += len(data[before:edge].decode("utf-8", "surrogatepass"))
        counts.append(count)
        before = edge
    return [(counts[bisect_left(edges, start)], counts[bisect_left(edges, end)]) for start, end in spans]
