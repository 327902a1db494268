"""What the memory plugin keeps of what users say of themselves, by rules that anyone can read.

No model is asked. Kept is a sentence that asks to be remembered, or that begins like one about oneself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.domain.relevance import best

MOST_TEXT = 20_000  # of a message is looked at
LONGEST = 300
MOST_NEW = 5  # of one message
MOST_TOLD = 20
SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")
ASKED = re.compile(
    r"(?:please,? )?(?:remember|keep in mind|don['’]t forget|do not forget|note)(?: that|:|,)?\s+(.+)",
    re.IGNORECASE,
)
OF_ONESELF = re.compile(
    r"(?:and |also,? |hi,? |hello,? )?(?:"
    r"my (?:name|age|job|birthday|hobby|email|address|company|team|wife|husband|partner|son|daughter|dog|cat|"
    r"favou?rite \w+|language|timezone|time zone)(?: \w+)? (?:is|are)\b"
    r"|call me\b"
    r"|i(?: am|['’]m) (?:an? |from |allergic |vegan|vegetarian|based |called |named |\d|not an? )"
    r"|i (?:always |never |usually |really )?(?:prefer|like|love|hate|dislike|speak|live in|"
    r"work (?:as|at|for|in)|was born|come from|(?:don['’]t|do not) (?:like|eat|drink|speak))\b"
    r")",
    re.IGNORECASE,
)


def worth_keeping(text: str) -> list[str]:
    """Return the sentences of a message that are to be remembered, at most a few, in order."""
    found: list[str] = []
    for sentence in SENTENCE.findall(text[:MOST_TEXT].replace("\x00", " ")):
        kept = memory_of(" ".join(sentence.split()))
        if kept and kept not in found:
            found.append(kept)
    return found[:MOST_NEW]


def memory_of(sentence: str) -> str | None:
    """Return what of a sentence is remembered; None: nothing. Questions and very long ones are not."""
    if not 4 <= len(sentence) <= LONGEST or sentence.endswith("?"):
        return None
    asked = ASKED.match(sentence)
    if asked is not None:
        return asked[1] if len(asked[1]) > 3 else None
    return sentence if OF_ONESELF.match(sentence) else None


def relevant(question: str, newest_first: Sequence[str]) -> list[str]:
    """Return what to tell the model: what shares words with the question first, then the newest."""
    chosen = best(question, newest_first, MOST_TOLD)
    rest = [place for place in range(len(newest_first)) if place not in set(chosen)]
    return [newest_first[place] for place in [*chosen, *rest][:MOST_TOLD]]
