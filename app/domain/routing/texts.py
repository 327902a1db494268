"""What can be seen in a text without understanding it: telling words, program code, calculations, lists."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.domain.routing.words import BY_WORD, HARD, PHRASES, SIGNS

BETWEEN_WORDS = str.maketrans(dict.fromkeys(".,;:!?()[]{}\"'`<>|/\\*#=…„“”«»¿¡", " "))
CODE_MARKS = ("```", "=>", "#include", "Traceback (most", "</", "();", "&&", "!==")
CODE_LINES = (  # the word to look for first, for most texts have none of them
    ("def ", re.compile(r"def \w+\(")),
    ("class ", re.compile(r"class \w+[:({]")),
    ("function ", re.compile(r"function \w*\(")),
    ("SELECT ", re.compile(r"SELECT .{1,80}?FROM ", re.DOTALL)),
)
SUM = re.compile(r"[0-9] ?[+*^×÷] ?[0-9(]|[0-9] [-/=] [0-9]")
SUM_MARKS = ("\\frac", "\\int", "\\sum", "√", "∑", "∫")
STEPS = re.compile(r"^[ \t]*(?:[0-9]+[.)]|[-*•])[ \t]+\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seen:
    """A text, the same in lower case, and its words, each once and in order."""

    text: str
    lower: str
    words: tuple[str, ...]

    def telling(self) -> dict[str, list[str]]:
        """Return the words that point to a category, by category."""
        found: dict[str, list[str]] = {}
        for word in self.words:
            if (name := BY_WORD.get(word)) is not None:
                found.setdefault(name, []).append(word)
        for phrase, name in PHRASES if self.text.isascii() else (*PHRASES, *SIGNS):
            if phrase in self.lower:
                found.setdefault(name, []).append(phrase)
        return found

    def hard(self) -> list[str]:
        """Return the words that point to a hard request."""
        return sorted(HARD.intersection(self.words))

    def has_code(self) -> bool:
        """Say whether there is program code in it."""
        if any(mark in self.text for mark in CODE_MARKS):
            return True
        return any(word in self.text and line.search(self.text) is not None for word, line in CODE_LINES)

    def has_sum(self) -> bool:
        """Say whether there is a calculation in it; a date is none."""
        return SUM.search(self.text) is not None or any(mark in self.text for mark in SUM_MARKS)

    def asks_much(self) -> bool:
        """Say whether it asks for three things or more: a list, or so many questions."""
        return self.text.count("?") >= 3 or len(STEPS.findall(self.text)) >= 3


def see(text: str) -> Seen:
    """Look at a text."""
    lower = text.lower()
    return Seen(text, lower, tuple(dict.fromkeys(lower.translate(BETWEEN_WORDS).split())))


def quoted(words: list[str]) -> str:
    """Return up to three words in quotation marks."""
    return ", ".join(f"“{word}”" for word in words[:3])
