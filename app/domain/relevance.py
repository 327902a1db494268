"""Which texts have to do with a question: plain counting of shared words, offline and explainable."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

WORD = re.compile(r"\w{2,40}")
QUOTED = re.compile(r"[\"“«„‘']([^\"“”«»„‘’']{2,80})[\"”»“’']")
CAPITALIZED = re.compile(r"\b[A-Z][\w'-]+(?:\s+(?:(?:of|the|and|in|to|a|de|la)\s+)*[A-Z][\w'-]+)*")
SENTENCE_START = re.compile(r"(?:^|[.!?\n]\s*)([A-Z][\w'-]*)")
# Words that say nothing of what a question is about.
COMMON = frozenset(
    (
        "the of and to in is it that for on with as was are be this by an at or from but not have has had "
        "you your he she they we his her their my me our us who what when where which why how do does did "
        "can could will would should about there here if then than so no yes all any some into out up down "
        "over please tell give find show book books text texts novel story read write wrote written author "
        "authors quote passage chapter does "
    ).split()
)


def words(text: str) -> list[str]:
    """Return the words of a text that tell what it is about, in lower case, in order."""
    return [word for word in WORD.findall(text.lower()) if word not in COMMON]


def score(question: Iterable[str], text: str, rarity: Counter[str], total: int) -> float:
    """Return how much a text has to do with the words of a question; a word that few texts have counts more.

    `rarity`: in how many of the `total` texts each word stands.
    """
    found = set(words(text))
    return sum(math.log(1 + total / rarity[word]) for word in set(question) if word in found)


def best(question: str, texts: Sequence[str], most: int) -> list[int]:
    """Return the places of the texts that share words with the question, best first, at most so many."""
    asked = words(question)
    rarity = Counter(word for text in texts for word in set(words(text)))
    scores = [(score(asked, text, rarity, len(texts)), -place) for place, text in enumerate(texts)]
    ranked = sorted(((value, place) for value, place in scores if value > 0), reverse=True)
    return [-place for _, place in ranked[:most]]


def searches(question: str) -> list[str]:
    """Return what to search a catalog of books for, best guess first: what is quoted, names, then words.

    A word that is capitalized only because it begins a sentence is no name.
    """
    starts = {match[1] for match in SENTENCE_START.finditer(question)}
    runs = [match[0] for match in CAPITALIZED.finditer(question)]
    names = [run for run in (without_start(run, starts) for run in runs) if run]
    plain = " ".join(list(dict.fromkeys(words(question)))[:4])
    guesses = [*QUOTED.findall(question), *sorted(names, key=len, reverse=True), plain]
    return list(dict.fromkeys(guess.strip() for guess in guesses if guess.strip()))[:4]


def without_start(run: str, starts: set[str]) -> str:
    """Return a run of capitalized words without a common word at its beginning."""
    first, _, rest = run.partition(" ")
    return rest if first in starts and (first.lower() in COMMON or not rest) else run


def passages(text: str, most_characters: int = 900) -> list[str]:
    """Return a text's paragraphs, short ones joined and long ones cut."""
    found: list[str] = []
    held = ""
    for paragraph in re.split(r"\n\s*\n", text):
        plain = " ".join(paragraph.split())
        if held and len(held) + len(plain) > most_characters:
            found.append(held)
            held = ""
        held = f"{held} {plain}".strip()
        while len(held) > 2 * most_characters:
            found.append(held[:most_characters])
            held = held[most_characters:]
    return [*found, held] if held else found
