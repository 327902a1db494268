"""Shapes laid out as places, each a character of a match, with the places that may follow it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from app.domain.guardrails.chars import Chars
from app.domain.guardrails.shapes import Choice, Edge, Repeat, Row, Shape, Unreadable, read

MOST_PLACES = 2_000  # of one pattern
MOST_FOLLOWERS = 40_000
# Of one set of characters, and of one that most are in; a longer row of them goes on as long as it lasts.
MOST_COUNTED, MOST_OF_ANY = 24, 120
MOST_COPIED = 600  # places that come of counts in one pattern


class Fragment(NamedTuple):
    """A shape laid out: whether it can be empty, and the places where it begins and ends."""

    empty: bool
    first: tuple[int, ...]
    last: tuple[int, ...]


NOTHING = Fragment(True, (), ())


class Layout:
    """The places of one pattern, numbered after those of the others. Inexactly, counts are left out."""

    def __init__(self, base: int, *, exactly: bool) -> None:
        self.chars: list[Chars] = []
        self.followers: list[set[int]] = []
        self.edged: set[int] = set()  # places right after the edge of a word
        self._base, self._exactly, self._edges = base, exactly, 0

    def lay(self, shape: Shape) -> Fragment:
        """Lay out a shape."""
        if isinstance(shape, Chars):
            return self._place(shape)
        if isinstance(shape, Edge):
            return NOTHING
        if isinstance(shape, Row):
            whole = self._row([self.lay(part) for part in shape.parts])
            if shape.parts and isinstance(shape.parts[0], Edge):
                self.edged.update(whole.first)
            return whole
        if isinstance(shape, Choice):
            options = [self.lay(option) for option in shape.options]
            first = tuple(place for option in options for place in option.first)
            last = tuple(place for option in options for place in option.last)
            return Fragment(any(option.empty for option in options), first, last)
        return self._repeat(shape)

    def _place(self, chars: Chars) -> Fragment:
        if len(self.chars) >= MOST_PLACES:
            raise Unreadable("too large")
        place = self._base + len(self.chars)
        self.chars.append(chars)
        self.followers.append(set())
        return Fragment(False, (place,), (place,))

    def _row(self, parts: list[Fragment]) -> Fragment:
        whole = NOTHING
        for part in parts:
            self._join(whole.last, part.first)
            first = whole.first + part.first if whole.empty else whole.first
            last = whole.last + part.last if part.empty else part.last
            whole = Fragment(whole.empty and part.empty, first, last)
        return whole

    def _repeat(self, shape: Repeat) -> Fragment:
        part = self.lay(shape.part)
        least, most = shape.least, shape.most
        if isinstance(shape.part, Chars):
            bound = MOST_OF_ANY if shape.part.negated else MOST_COUNTED
            if (most or least) > bound:
                shape = Repeat(shape.part, min(least, bound), None)
                least, most = shape.least, shape.most
        if most == 0:
            return NOTHING
        if most == 1:
            return part._replace(empty=part.empty or least == 0)
        if most is None and least <= 1 or part.empty or not self._exactly:
            self._join(part.last, part.first)
            return part._replace(empty=part.empty or least == 0)
        return self._counted(shape, part)

    def _counted(self, shape: Repeat, part: Fragment) -> Fragment:
        """Lay out as many copies as may come; the last one again and again where there is no end."""
        copies, before = [part], len(self.chars)
        for _ in range((shape.most or shape.least) - 1):
            if len(self.chars) - before > MOST_COPIED:
                raise Unreadable("too large")
            copies.append(self.lay(shape.part))
            self._join(copies[-2].last, copies[-1].first)
        if shape.most is None:
            self._join(copies[-1].last, copies[-1].first)
        ends = copies[max(0, shape.least - 1) :]
        return Fragment(shape.least == 0, part.first, tuple(place for one in ends for place in one.last))

    def _join(self, places: tuple[int, ...], following: tuple[int, ...]) -> None:
        self._edges += len(places) * len(following)
        if self._edges > MOST_FOLLOWERS:
            raise Unreadable("too large")
        for place in places:
            self.followers[place - self._base].update(following)


def laid_out(pattern: str, base: int) -> tuple[Layout, Fragment]:
    """Return the places of a pattern, numbered from `base`; Unreadable where that cannot be."""
    shape = read_shape(pattern)
    try:
        layout = Layout(base, exactly=True)
        whole = layout.lay(shape)
    except Unreadable:
        layout = Layout(base, exactly=False)
        whole = layout.lay(shape)
    if whole.empty:
        raise Unreadable("matches the empty text")
    return layout, whole


@lru_cache(1_000)
def read_shape(pattern: str) -> Shape:
    """Return the shape of a pattern; Unreadable for whatever goes wrong."""
    try:
        return read(pattern)
    except (ValueError, OverflowError):
        raise Unreadable("not understood") from None
