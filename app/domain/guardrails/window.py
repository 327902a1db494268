"""A look-behind window on one text that comes in pieces: nothing goes out that may still belong to a match.

How much waits is not fixed: as long as no match is under way, nothing does.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

import orjson

from app.domain.guardrails.automaton import Automaton, seen_as

UNIT = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[^u]|.", re.DOTALL
)
BETWEEN = 64  # characters: in so many, a text gives way to another once at most
PATIENCE = 32  # characters of others: said since a text went on, it is taken to be at its end
HALF = re.compile(  # an escape, or a pair of them, that is not whole yet
    r"(?:\\u[dD][89abAB][0-9a-fA-F]{2})?\\(?:u[0-9a-fA-F]{0,3})?\Z|\\u[dD][89abAB][0-9a-fA-F]{2}\Z"
)


class Cut(NamedTuple):
    """A part of a text, and what is said in its place."""

    start: int
    end: int
    text: str


class Search(Protocol):
    """Finds what is to be replaced from `start` on; before it is context. Raises where all must stop.

    What ends at `floor` or before is out already. `counts`: it is no repetition of what was found before.
    """

    def __call__(self, text: str, start: int, floor: int, *, counts: bool = True) -> list[Cut]: ...


class Window:
    """One text. Places are counted in it as it came, from its beginning.

    `free`: up to here it may go out, but for what `cuts` replace.
    """

    def __init__(self, automaton: Automaton | None, search: Search) -> None:
        self.cuts: list[Cut] = []
        self._automaton, self._search = automaton, search
        self._state = None if automaton is None else automaton.start
        self._text = ""  # what is still needed
        self._base = 0  # where it begins
        self._start = 0  # of the next search
        self._floor = 0  # up to here it is free
        self._gave_way_at = -BETWEEN
        self._passed_by = 0  # characters of others since it went on
        self._fed = 0
        # A match: before `_start` comes to `clear`, and in what is alive.
        self._has_ended = self._may_have = False

    @property
    def free(self) -> int:
        """Return up to where the text may go out."""
        return self._floor

    @property
    def fed(self) -> int:
        """Return how much of the text has come."""
        return self._fed

    @property
    def waits(self) -> bool:
        """Say whether a part of the text is held back."""
        return self.free < self.fed

    def feed(self, text: str) -> None:
        """Add a piece, and decide what can be."""
        self._passed_by = 0
        self._text += text
        self._fed += len(text)
        clear = self._follow(text)
        if clear > self._start:
            self._decide(clear)

    def _follow(self, text: str) -> int:
        """Walk through a piece; return up to where nothing is under way."""
        clear = self._start
        if self._automaton is None or self._state is None:
            return clear
        state, self._automaton.effort = self._state, 0
        for place, char in enumerate(text, self._fed - len(text) + 1):
            state = state[char]
            if state.quiet:
                clear = place
                self._has_ended, self._may_have = self._has_ended or self._may_have, False
            elif state.accepts:
                self._may_have = True
        self._state = state
        return clear

    def _decide(self, clear: int) -> None:
        if self._has_ended:
            self._look(clear)
        self._start, self._has_ended = clear, False
        self._floor = max(self._floor, clear)
        self._forget()

    def _look(self, end: int) -> None:
        base = self._base
        found = self._search(self._text[: end - base], self._start - base, self._floor - base)
        for cut in found:
            self.cuts.append(self._placed(max(cut.start + base, self._floor), cut.end + base, cut.text))

    def _placed(self, start: int, end: int, text: str) -> Cut:
        return Cut(start, end, text)

    def _forget(self) -> None:
        """Keep of what is decided only the last visible character: the next search looks at it."""
        keep = self._start - self._base - 1
        while keep > 0 and not seen_as(self._text[keep]):
            keep -= 1
        if keep > 0:
            self._text, self._base = self._text[keep:], self._base + keep

    def finish(self) -> None:
        """The text has come to its end."""
        self._has_ended = self._has_ended or self._may_have or self._automaton is None
        if self._fed > self._start:
            self._decide(self._fed)
        self._state, self._may_have = None if self._automaton is None else self._automaton.start, False

    def give_way(self, said: int) -> None:
        """Hear what else is said: decide as if the text were at its end, unless it did so just before.

        Texts that come in turns, a few characters each, are both under way: neither is at its end.
        Should it go on, a match that began before is found, too, and what is left of it goes out as it must.
        """
        self._passed_by += said
        if self._passed_by < PATIENCE or self._fed - self._gave_way_at < BETWEEN:
            return
        if self._has_ended or self._may_have or self._automaton is None:
            self._look(self._fed)
        self._floor = self._gave_way_at = self._fed

    def swallow(self, text: str) -> None:
        """Decide on a text that is whole."""
        self._text, self._fed, self._has_ended = text, len(text), True
        self._decide(self._fed)

    def told(self, start: int, text: str) -> str:
        """Return the part of the text that begins at `start`, as it goes out. Ask for each once, in order."""
        end, said, place = start + len(text), [], start
        for cut in self.cuts:
            if cut.start >= end:
                break
            said.append(text[place - start : max(cut.start, start) - start])
            if cut.start >= start:
                said.append(cut.text)
            place = min(cut.end, end)
        self.cuts = [cut for cut in self.cuts if cut.end > end]
        return "".join([*said, text[place - start :]]) if said else text


class JsonWindow(Window):
    """The same for JSON, like a tool's arguments: its escapes are read, and what is put in is escaped."""

    def __init__(self, automaton: Automaton | None, search: Search) -> None:
        super().__init__(automaton, search)
        self._half = ""
        # Where each character ends in the JSON, from `_base` on; the first: where that begins.
        self._ends = [0]
        self._quoted = [False]  # whether it is inside a string
        self._came = self._shift = 0

    @property
    def free(self) -> int:
        """Return up to where the JSON may go out."""
        return self._ends[self._floor - self._shift]

    @property
    def fed(self) -> int:
        """Return how much of the JSON has come."""
        return self._came

    def feed(self, text: str) -> None:
        """Add a piece, and decide what can be."""
        self._came += len(text)
        super().feed(self._read(text, at_end=False))

    def finish(self) -> None:
        """The JSON has come to its end, whole or not."""
        if self._half:
            super().feed(self._read("", at_end=True))
        super().finish()

    def give_way(self, said: int) -> None:
        """Tool calls may come in turns: they wait."""

    def swallow(self, text: str) -> None:
        """Decide on JSON that is whole."""
        self._came = len(text)
        super().swallow(self._read(text, at_end=True))

    def _read(self, text: str, *, at_end: bool) -> str:
        """Return what the JSON says, an escape that is not whole left for later."""
        text, self._half = self._half + text, ""
        half = None if at_end else half_escape(text)
        if half is not None:
            text, self._half = text[:half], text[half:]
        units = UNIT.findall(text)
        place, quoted = self._ends[-1], self._quoted[-1]
        for unit in units:
            place += len(unit)
            self._ends.append(place)
            if unit == '"':
                quoted = not quoted
            self._quoted.append(quoted)
        return "".join(map(meant, units))

    def _placed(self, start: int, end: int, text: str) -> Cut:
        first, last = start - self._shift, end - self._shift
        escaped = orjson.dumps(text).decode()
        inside = self._quoted[first]
        return Cut(self._ends[first], self._ends[last], escaped[1:-1] if inside else escaped)

    def _forget(self) -> None:
        super()._forget()
        gone = self._base - self._shift
        if gone > 0:
            del self._ends[:gone], self._quoted[:gone]
            self._shift = self._base


def half_escape(text: str) -> int | None:
    """Return where an escape begins that is not whole yet."""
    found = HALF.search(text, max(0, len(text) - 12))
    while found is not None and is_escaped(text, found.start()):
        found = HALF.search(text, found.start() + 1)
    return None if found is None else found.start()


def is_escaped(text: str, place: int) -> bool:
    """Say whether the backslash at a place is itself escaped by one before it."""
    before = len(text[:place]) - len(text[:place].rstrip("\\"))
    return before % 2 == 1


def meant(unit: str) -> str:
    """Return the character that a unit of JSON stands for."""
    if unit[0] != "\\" or len(unit) == 1:
        return unit
    if unit[1] != "u":
        return {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}.get(unit[1], unit[1])
    codes = [int(unit[place + 2 : place + 6], 16) for place in range(0, len(unit), 6)]
    if len(codes) == 2:
        return chr(0x10000 + (codes[0] - 0xD800) * 0x400 + codes[1] - 0xDC00)
    return "\ufffd" if 0xD800 <= codes[0] <= 0xDFFF else chr(codes[0])
