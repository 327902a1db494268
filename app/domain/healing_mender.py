"""The pass over careless JSON that mends it: what is right is copied as it stands."""

from __future__ import annotations

import re

import orjson

from app.domain.healing_texts import read_bare, read_text

MOST_DEPTH = 64
CLOSERS = {"{": "}", "[": "]"}
QUOTES = "\"'`“”„‘’"
BETWEEN = re.compile(r"[ \t\r\n]+")
SKIPPED = re.compile(
    r"//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)|#[^\n]*|\.\.\.|…|[\x00-\x08\x0b\x0c\x0e-\x1f\xa0\u200b-\u200f\ufeff]"
)
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])")
FENCE = "```"


class Unmendable(Exception):
    """Going on would be guessing."""


class Mender:
    """Copies one object or list, mending as it goes. `expects`: name, colon, value or comma."""

    def __init__(self, text: str, start: int, steps: dict[str, None], *, opened: bool = False) -> None:
        self.text, self.start, self.at = text, start, start
        self.steps = dict(steps)
        self.written: list[str] = []
        self.open: list[str] = []
        self.expects = "value"
        self.comma = -1  # where in `written` a comma stands that nothing follows yet
        self.name = -1  # where a name stands that has no value yet
        if opened:
            self.note("missing_bracket")
            self.push("{")

    def run(self) -> str:
        """Return the JSON; raise Unmendable."""
        while self.open or not self.written:
            self.skip()
            if self.at >= len(self.text) or self.text.startswith(FENCE, self.at):
                return self.cut_off()
            getattr(self, f"expect_{self.expects}")(self.text[self.at])
        return "".join(self.written)

    def note(self, step: str) -> None:
        """Remember a step that was taken."""
        self.steps.setdefault(step)

    def write(self, piece: str, expects: str) -> None:
        """Add a piece, after which comes what is expected."""
        self.written.append(piece)
        self.expects = expects

    def skip(self) -> None:
        """Pass over blanks, which are kept, and comments, which are not."""
        while True:
            if found := BETWEEN.match(self.text, self.at):
                self.written.append(found.group())
            elif found := SKIPPED.match(self.text, self.at):
                self.note("comments" if len(found.group()) > 1 or found.group() == "#" else "control")
            else:
                return
            self.at = found.end()

    def expect_name(self, char: str) -> None:
        """Take a member's name, or the end of the object."""
        if char in "}]":
            self.close(char)
        elif char == ",":
            self.drop_char("extra_comma")
        elif char in QUOTES:
            self.begin_name()
            self.take_text("colon")
        elif (bare := read_bare(self.text, self.at)) and not bare[0].isdigit():
            self.begin_name()
            self.note("names")
            self.at += len(bare)
            self.write(orjson.dumps(bare).decode(), "colon")
        else:
            raise Unmendable

    def expect_colon(self, char: str) -> None:
        """Take what stands between a name and its value."""
        if char in ":=":
            self.at += 2 if self.text.startswith("=>", self.at) else 1
            if char == "=":
                self.note("missing_colon")
            self.write(":", "value")
        elif char in ",}]":
            self.drop_name()
        elif self.begins_value(char):
            self.note("missing_colon")
            self.write(":", "value")
        else:
            raise Unmendable

    def expect_value(self, char: str) -> None:
        """Take a value."""
        if char in "{[":
            self.at += 1
            self.push(char)
        elif char in QUOTES:
            self.take_text("comma")
        elif char in ",}]":
            self.no_value(char)
        elif found := NUMBER.match(self.text, self.at):
            self.at = found.end()
            self.write_value(found.group())
        else:
            self.take_word()

    def expect_comma(self, char: str) -> None:
        """Take what stands behind a value."""
        if char in ",;":
            self.at += 1
            self.add_comma()
        elif char in "}]":
            self.close(char)
        elif self.begins_value(char):
            self.note("missing_comma")
            self.add_comma()
        else:
            raise Unmendable

    def begins_value(self, char: str) -> bool:
        """Say whether a value or a name could begin so."""
        return char in QUOTES or char in "{[-+." or char.isalnum() or char == "_"

    def begin_name(self) -> None:
        """Remember where the name begins."""
        self.name = len(self.written)

    def add_comma(self) -> None:
        """Write a comma."""
        self.comma = len(self.written)
        self.write(",", "name" if self.open[-1] == "{" else "value")

    def drop_char(self, step: str) -> None:
        """Leave out one character."""
        self.note(step)
        self.at += 1

    def push(self, char: str) -> None:
        """Open an object or a list."""
        if len(self.open) >= MOST_DEPTH:
            raise Unmendable
        self.comma = self.name = -1
        self.open.append(char)
        self.write(char, "name" if char == "{" else "value")

    def write_value(self, piece: str) -> None:
        """Write a whole value."""
        self.comma = self.name = -1
        self.write(piece, "comma")

    def take_text(self, expects: str) -> None:
        """Copy a text in quotes."""
        inside = self.open[-1] if self.open else ""
        piece, self.at, complete, steps = read_text(self.text, self.at, expects == "colon", inside)
        for step in steps:
            self.note(step)
        if not complete:
            self.note("missing_end")
        if expects == "comma":
            self.write_value(piece)
        elif complete:
            self.write(piece, expects)
        else:
            self.expects = "colon"  # half a name, and the end of everything

    def take_word(self) -> None:
        """Copy a literal, a number that JSON writes otherwise, or a text without quotes."""
        from_word = read_bare(self.text, self.at, value=True)
        if not from_word:
            raise Unmendable
        ended = self.at + len(from_word) >= len(self.text)
        self.at += len(from_word)
        piece, step = as_json(from_word, ended)
        if step:
            self.note(step)
        if piece:
            self.write_value(piece)
        elif self.name >= 0:
            self.drop_name()

    def no_value(self, char: str) -> None:
        """There is none where one should be: a name without a value, or an empty place in a list."""
        if self.open[-1] == "{":
            self.drop_name()
        elif char == ",":
            self.drop_char("extra_comma")
        else:
            self.close(char)

    def drop_name(self) -> None:
        """Take back a name that has no value, and go on behind it."""
        self.note("nameless")
        del self.written[self.name :]
        self.name = -1
        self.expects = "name"
        if self.text.startswith(",", self.at):
            self.at += 1

    def drop_comma(self) -> None:
        """Take back a comma that nothing follows."""
        if self.comma >= 0:
            self.note("extra_comma")
            self.written[self.comma] = ""
            self.comma = -1

    def close(self, char: str) -> None:
        """Close what is open: with the bracket that stands there, or with the one that is missing."""
        self.drop_comma()
        closer = CLOSERS[self.open[-1]]
        if char == closer:
            self.at += 1
        elif char in [CLOSERS[opener] for opener in self.open]:
            self.note("missing_bracket")
        else:
            self.note("extra_bracket")
            self.at += 1
            self.expects = "comma"
            return
        self.open.pop()
        self.write(closer, "comma")

    def cut_off(self) -> str:
        """Close everything: the text ends here."""
        if not self.open:
            raise Unmendable
        if self.name >= 0 and self.expects in ("colon", "value"):
            self.drop_name()
        if self.comma >= 0:
            self.written[self.comma] = ""
        self.note("missing_end" if "missing_end" in self.steps else "missing_bracket")
        closers = "".join(CLOSERS[opener] for opener in reversed(self.open))
        return "".join(self.written).rstrip() + closers


WORDS = {
    "true": "true", "True": "true", "TRUE": "true", "false": "false", "False": "false", "FALSE": "false",
    "null": "null", "None": "null", "NULL": "null", "nil": "null", "undefined": "null",
    "NaN": "null", "nan": "null", "Infinity": "null", "-Infinity": "null", "inf": "null", "-inf": "null",
}  # fmt: skip
NUMBERLIKE = re.compile(r"([+-]?)(\d[\d_]*)?(?:\.(\d[\d_]*)?)?([eE][+-]?\d+)?")
HALF_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)?[.eE+-]*")


def as_json(word: str, ended: bool) -> tuple[str, str]:
    """Return a word as JSON has it, and the step that this is; an empty piece: there is nothing to keep."""
    if word in WORDS:
        return WORDS[word], "" if word == WORDS[word] else "literals"
    if ended:
        whole = [literal for literal in ("true", "false", "null") if literal.startswith(word)]
        if whole:
            return whole[0], "missing_end"
        if half := HALF_NUMBER.fullmatch(word):
            return half.group(1) or "", "missing_end"
    if found := NUMBERLIKE.fullmatch(word):
        sign, before, after, exponent = (part.replace("_", "") if part else "" for part in found.groups())
        if before or after:
            number = f"{'-' if sign == '-' else ''}{before.lstrip('0') or '0'}"
            return number + (f".{after}" if after else "") + exponent, "numbers"
    return orjson.dumps(word).decode(), "words"
