"""One automaton for many shapes: after each character it says whether any match may be under way.

It is made while it is used: a state is a set of places in the shapes, computed when it is first reached.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from app.domain.guardrails.chars import Chars
from app.domain.guardrails.folding import ODD, PLAIN
from app.domain.guardrails.layouts import laid_out

MOST_EFFORT = 250_000  # places looked at for one piece of a text, about 50 ms; then it gives up on the text
EFFORT = 40  # places: what a new state takes beside them
MOST_TRANSITIONS = 40_000  # kept at a time
MOST_CLEARINGS = 8  # then it gives up: every text is under way
ENDED = -1  # a place that nothing follows: a match ended within a character
IN_WORD = -2  # no place: the last character was a letter, digit or underscore of ASCII


class Ways(NamedTuple):
    """As what a character may be read: the sets that each reading is in.

    `folded`: without case, which may be several characters; `visible`: False for what is left out;
    `in_word`: a letter, digit or underscore of ASCII.
    """

    singles: tuple[int, ...]
    folded: tuple[int, ...]
    visible: bool
    in_word: bool


def seen_as(char: str) -> str:
    """Return what detectors read a character as, in its case; nothing for an invisible one."""
    return PLAIN[char] if not char.isascii() and ODD.match(char) else char


class State(dict[str, "State"]):
    """A set of places; maps each character to the state after it.

    `accepts`: a match may have just ended; `quiet`: none is under way.
    """

    __slots__ = ("_automaton", "accepts", "places", "quiet")

    def __init__(self, automaton: Automaton, places: frozenset[int]) -> None:
        super().__init__()
        self.places = places
        self.accepts = not places.isdisjoint(automaton.ends)
        self.quiet = not places - {IN_WORD}
        self._automaton = automaton

    def __missing__(self, char: str) -> State:
        return self._automaton.step(self, char)

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)


class Automaton:
    """What is alive after a text of several patterns and words.

    A character counts as it is, made plain and without case, whichever goes on: so whoever compares in one
    of these ways, or a mixture, finds no match that was not under way here. `start`: before any text.
    """

    def __init__(self, patterns: Iterable[str] = (), words: Iterable[str] = ()) -> None:
        self.ends: set[int] = {ENDED}
        self._sets: dict[Chars, int] = {}  # each with its bit
        self._bits: list[int] = []  # of the set at each place
        self._followers: list[tuple[int, ...]] = []
        self._first: list[int] = []  # where a match may begin
        self._edged: list[int] = []  # where it may begin only at the edge of a word
        self._branches: dict[tuple[int, str], int] = {}  # of the tree of words
        for pattern in patterns:
            self._add(pattern)
        for word in words:
            self._add_word(word)
        self._states: dict[frozenset[int], State] = {}
        self._masks: dict[str, int] = {}
        self._ways: dict[str, Ways] = {}
        self._steps: dict[tuple[frozenset[int], Ways], State] = {}
        self._kept = self._clearings = 0
        self.effort = 0  # whoever begins a piece of a text sets it back
        self.start = State(self, frozenset())
        self._unending = State(self, frozenset({ENDED}))

    def step(self, state: State, char: str) -> State:
        """Return the state after a character, and keep it for the next time."""
        if state is self._unending or self._clearings >= MOST_CLEARINGS or self.effort > MOST_EFFORT:
            return self._unending
        ways = self._ways.get(char) or self._ways.setdefault(char, self._read(char))
        known = self._steps.get((state.places, ways))
        if known is None:
            known = self._steps[state.places, ways] = self._state(self._after(state.places, ways))
        state[char] = known
        self._kept += 1
        if self._kept > MOST_TRANSITIONS:
            self._clear()
        return known

    def _clear(self) -> None:
        self._kept, self._clearings = 0, self._clearings + 1
        for state in self._states.values():
            state.clear()
        self.start.clear()
        self._states, self._steps, self._masks, self._ways = {}, {}, {}, {}

    def _state(self, places: frozenset[int]) -> State:
        if not places:
            return self.start
        found = self._states.get(places)
        if found is None:
            found = self._states[places] = State(self, places)
        return found

    def _read(self, char: str) -> Ways:
        """Return the sets that a character is in: as it is, made plain, and without case."""
        plain = seen_as(char)
        low = plain.casefold()
        singles = {char, *([plain] if len(plain) == 1 else ()), *([low] if len(low) == 1 else ())}
        several = tuple(map(self._mask, low)) if len(low) > 1 else ()
        masks = tuple(sorted({self._mask(one) for one in singles}))
        in_word = char.isascii() and (char.isalnum() or char == "_")
        return Ways(masks, several, bool(plain), in_word)

    def _mask(self, char: str) -> int:
        found = self._masks.get(char)
        if found is None:
            found = sum(1 << bit for chars, bit in self._sets.items() if char in chars)
            self._masks[char] = found
        return found

    def _after(self, places: frozenset[int], ways: Ways) -> frozenset[int]:
        """Return the places after one character; a match may begin anywhere, and end within it."""
        inside = ways.in_word and IN_WORD in places
        places = places - {IN_WORD}
        reached = {IN_WORD} if ways.in_word else set() if ways.visible else set(places)
        for mask in ways.singles:
            reached |= self._moved(places, mask, inside)
        inner: set[int] | frozenset[int] = places
        for number, mask in enumerate(ways.folded, 1):
            inner = self._moved(inner, mask, False)
            if number < len(ways.folded) and not inner.isdisjoint(self.ends):
                reached.add(ENDED)
        return frozenset(reached | inner if ways.folded else reached)

    def _moved(self, places: Iterable[int], mask: int, inside: bool) -> set[int]:
        """Return the places that one character leads to; `inside` a word, no match begins at its edge."""
        bits, followers = self._bits, self._followers
        self.effort += (
            EFFORT + len(self._first) + sum(len(followers[place]) for place in places if place != ENDED)
        )
        found = {place for place in self._first if mask >> bits[place] & 1}
        if not inside:
            found.update(place for place in self._edged if mask >> bits[place] & 1)
        for place in places:
            if place != ENDED:
                found.update(next for next in followers[place] if mask >> bits[next] & 1)
        return found

    def _add(self, pattern: str) -> None:
        """Add a pattern; Unreadable where it is not understood, matches nothing at all, or is too large."""
        layout, whole = laid_out(pattern, len(self._bits))
        self._bits += [self._sets.setdefault(chars, len(self._sets)) for chars in layout.chars]
        self._followers += [tuple(sorted(places)) for places in layout.followers]
        self._edged += [place for place in whole.first if place in layout.edged]
        self._first += [place for place in whole.first if place not in layout.edged]
        self.ends.update(whole.last)

    def _add_word(self, word: str) -> None:
        """Add a word, folded."""
        place = ENDED
        for char in "".join(map(seen_as, word)).casefold():
            below = self._branches.get((place, char))
            if below is None:
                chars = Chars(((char, char),))
                below = self._branches[place, char] = len(self._bits)
                self._bits.append(self._sets.setdefault(chars, len(self._sets)))
                self._followers.append(())
                if place == ENDED:
                    self._first.append(below)
                else:
                    self._followers[place] += (below,)
            place = below
        if place != ENDED:
            self.ends.add(place)
