"""Reads patterns in RE2's syntax as trees of shapes, which match at least what the pattern matches.

Anchors match everywhere, classes of Unicode match every character. What cannot be read for
sure is refused: then nobody may say of a piece of text that no match is under way in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from app.domain.guardrails.chars import ANY, LINE, Chars, Ranges, cases

MOST_DEPTH = 40
DIGITS, SPACES = (("0", "9"),), (("\t", "\n"), ("\f", "\r"), (" ", " "))
LOWER, UPPER = ("a", "z"), ("A", "Z")
WORDS = (*DIGITS, LOWER, UPPER, ("_", "_"))
PERL = {"d": DIGITS, "s": SPACES, "w": WORDS}
NAMED = {
    "alpha": (LOWER, UPPER), "digit": DIGITS, "alnum": (*DIGITS, LOWER, UPPER), "upper": (UPPER,),
    "lower": (LOWER,), "word": WORDS, "space": (("\t", "\r"), (" ", " ")),
    "blank": (("\t", "\t"), (" ", " ")),
    "xdigit": (*DIGITS, ("a", "f"), ("A", "F")), "punct": (("!", "/"), (":", "@"), ("[", "`"), ("{", "~")),
}  # fmt: skip
CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}


class Unreadable(Exception):
    """The pattern has parts whose matches cannot be bounded here."""


@dataclass(frozen=True, slots=True)
class Row:
    """Shapes one after the other; none: the empty text."""

    parts: tuple[Shape, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several shapes."""

    options: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A shape `least` to `most` times; None: without end."""

    part: Shape
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a word begins or ends: between two letters, digits or underscores of ASCII it is not."""


Shape = Chars | Row | Choice | Repeat | Edge
EMPTY = Row()


class Flags(NamedTuple):
    """What a pattern's letters in front say: any case, a point stands for line ends, too."""

    any_case: bool = False
    dot_all: bool = False


def read(pattern: str, *, any_case: bool = False) -> Shape:
    """Return the shape of a pattern that RE2 takes; raise Unreadable for what is not understood here."""
    reader = Reader(pattern, Flags(any_case))
    shape = reader.choice()
    if reader.place != len(pattern):
        raise Unreadable("unbalanced")
    return shape


class Reader:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: str, flags: Flags) -> None:
        self.place = 0
        self._pattern, self._flags = pattern, flags
        self._depth = 0

    def choice(self) -> Shape:
        """Read options up to the end of the group."""
        options = [self._row()]
        while self._takes("|"):
            options.append(self._row())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _row(self) -> Shape:
        parts = []
        while self._next not in ("", "|", ")"):
            parts.append(self._repeated(self._part()))
        parts = [part for part in parts if part != EMPTY]
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def _repeated(self, part: Shape) -> Shape:
        while (counts := self._counts()) is not None:
            self._takes("?")
            part = Repeat(part, *counts)
        return part

    def _counts(self) -> tuple[int, int | None] | None:
        """Read how often the part before may come; None where nothing is said."""
        for sign, counts in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._takes(sign):
                return counts
        if self._next != "{":
            return None
        inner, closed, _ = self._pattern[self.place + 1 :].partition("}")
        least, comma, most = inner.partition(",")
        if not (closed and least.isdigit() and (most.isdigit() or not most)):
            return None  # a brace that stands for itself
        self.place += len(inner) + 2
        return int(least), int(most) if most else (None if comma else int(least))

    def _part(self) -> Shape:
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return self._set()
        if char == "\\":
            return self._escape()
        if char == ".":
            return ANY if self._flags.dot_all else LINE
        if char in "^$":
            return EMPTY
        if char in "*+?":
            raise Unreadable("nothing to repeat")
        return self._chars(((char, char),))

    def _group(self) -> Shape:
        """Read a group; flags that are set in it end with it."""
        before, self._depth = self._flags, self._depth + 1
        if self._depth > MOST_DEPTH:
            raise Unreadable("too deep")
        if self._takes("?") and not self._opening():
            self._depth -= 1
            return EMPTY
        inner = self.choice()
        if not self._takes(")"):
            raise Unreadable("unbalanced")
        self._flags, self._depth = before, self._depth - 1
        return inner

    def _opening(self) -> bool:
        """Read what follows `(?`; False where it only sets flags for what comes."""
        for sign in ("P<", "<"):
            if self._takes(sign):
                self.place = self._pattern.index(">", self.place) + 1
                return True
        on = True
        while (char := self._take()) not in ":)":
            if char == "-":
                on = False
            elif char == "i":
                self._flags = self._flags._replace(any_case=on)
            elif char == "s":
                self._flags = self._flags._replace(dot_all=on)
            elif char not in "mU":
                raise Unreadable("a flag")
        return char == ":"

    def _escape(self) -> Shape:
        char = self._take()
        if char == "b":
            return Edge()
        if char in "BAz":
            return EMPTY
        if char in PERL:
            return self._chars(PERL[char])
        if char.lower() in PERL:
            return Chars(PERL[char.lower()], negated=True, any_case=self._flags.any_case)
        if char in "pP":
            self._skip_class()
            return ANY
        literal = self._literal(char)
        return self._chars(((literal, literal),))

    def _skip_class(self) -> None:
        if self._take() == "{":
            self.place = self._pattern.index("}", self.place) + 1

    def _literal(self, char: str) -> str:
        """Return the character that an escape stands for."""
        if char in CONTROLS:
            return CONTROLS[char]
        if char == "x":
            return self._hex()
        if char.isalnum():
            raise Unreadable("an escape")
        return char

    def _hex(self) -> str:
        if self._takes("{"):
            digits, _, _ = self._pattern[self.place :].partition("}")
            self.place += len(digits) + 1
        else:
            digits = self._pattern[self.place : self.place + 2]
            self.place += 2
        return chr(int(digits, 16))

    def _set(self) -> Shape:
        negated = self._takes("^")
        ranges: list[tuple[str, str]] = []
        is_bounded, is_first = True, True
        while is_first or self._next != "]":
            found = self._members()
            is_bounded = is_bounded and found is not None
            ranges += found or ()
            is_first = False
        self._take()
        return self._chars(tuple(ranges), negated=negated) if is_bounded else ANY

    def _members(self) -> Ranges | None:
        """Read one entry of a set; None for one that is not bounded here."""
        if self._takes("[:"):
            name = self._pattern[self.place : self._pattern.index(":]", self.place)]
            self.place += len(name) + 2
            return NAMED.get(name)
        char = self._take()
        if char == "\\":
            char = self._take()
            if char.lower() in PERL:
                return PERL.get(char)
            if char in "pP":
                self._skip_class()
                return None
            char = self._literal(char)
        return ((char, self._last(char)),)

    def _last(self, first: str) -> str:
        """Return the end of the range that begins with a character."""
        if self._next != "-" or self._pattern[self.place + 1 : self.place + 2] in ("]", ""):
            return first
        self._take()
        last = self._take()
        return self._literal(self._take()) if last == "\\" else last

    def _chars(self, ranges: Ranges, *, negated: bool = False) -> Chars:
        if not self._flags.any_case:
            return Chars(ranges, negated)
        single = tuple((one, one) for first, last in ranges if first == last for one in sorted(cases(first)))
        is_loose = any(first != last and last > "\x7f" for first, last in ranges)
        found = Chars(ranges, negated, any_case=True, loose=is_loose)
        return found if negated else replace(found, ranges=(*ranges, *single))

    @property
    def _next(self) -> str:
        return self._pattern[self.place : self.place + 1]

    def _take(self) -> str:
        if self.place >= len(self._pattern):
            raise Unreadable("ends early")
        self.place += 1
        return self._pattern[self.place - 1]

    def _takes(self, sign: str) -> bool:
        if not self._pattern.startswith(sign, self.place):
            return False
        self.place += len(sign)
        return True
