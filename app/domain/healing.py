"""Mends JSON that a model wrote carelessly: one pass over the text, which keeps all that was right as it was.

Valid JSON is never touched. What cannot be mended without guessing is left as it came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from app.domain.errors import InvalidRequest
from app.domain.healing_mender import FENCE, Mender, Unmendable
from app.domain.record_parts import Healing

MOST_CHARACTERS = 256 * 1024
MOST_STARTS = 16  # places in the surrounding prose where JSON is looked for
STARTS = re.compile(r"[{\[]")
MEMBER = re.compile(r"\s*[\"'“][^\"'“”\n]{1,200}[\"'”]\s*:")

STEPS = {  # what was done, as receipts and answers say it
    "fence": "the code fence around it was taken away",
    "prose": "the text around it was taken away",
    "extra_comma": "a comma too many was taken away",
    "missing_comma": "a missing comma was added",
    "missing_colon": "a missing colon was added",
    "quotes": "other quotes were turned into double quotes",
    "inner_quotes": "quotes inside a text were marked as such",
    "names": "names were put in quotes",
    "words": "a text was put in quotes",
    "literals": "words such as True and None were turned into JSON's own",
    "numbers": "a number was written as JSON has it",
    "comments": "comments were taken away",
    "control": "line breaks and control characters inside a text were written as JSON has them",
    "escapes": "a wrong backslash was mended",
    "missing_bracket": "a missing bracket was added",
    "extra_bracket": "a bracket too many was taken away",
    "missing_end": "the text that broke off was closed",
    "nameless": "a name without a value was taken away",
    "escaped": "the backslashes around every quote were taken away",
}


MODES = ("repair", "local", "off")  # what a body's `healing` may say; the first where it says nothing
FORMATS = ("json_object", "json_schema")


@dataclass(frozen=True, slots=True)
class Healed:
    """The mended text and what was done, as names of STEPS; no step: the text is as it came.

    `valid` says whether the text is JSON now.
    """

    text: str
    steps: tuple[str, ...] = ()
    valid: bool = True


def mode_of(body: Mapping[str, Any]) -> str:
    """Return how far the client lets us go; raise InvalidRequest (400) for an unknown word."""
    mode = body.get("healing")
    if mode is None:
        return MODES[0]
    if mode not in MODES:
        raise InvalidRequest(f"'healing' must be one of: {', '.join(MODES)}.", param="healing")
    return str(mode)


def told(healing: Healing) -> dict[str, Any]:
    """Return what an answer says of its healing."""
    return {"outcome": healing.outcome, "steps": [STEPS[step] for step in healing.steps]}


def is_json(text: str) -> bool:
    """Say whether the text is valid JSON."""
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


def heal(text: str) -> Healed:
    """Return the JSON in `text`, mended where that needs no guessing; else the text as it came."""
    if is_json(text):
        return Healed(text)
    if len(text) <= MOST_CHARACTERS:
        for source, steps in ((text, {}), *unescaped(text)):
            found = best_in(source, steps)
            if found is not None:
                return found
    return Healed(text, (), valid=False)


def unescaped(text: str) -> list[tuple[str, dict[str, None]]]:
    """Return the text with the escapes of a quoted text undone, where it looks like one."""
    if '\\"' not in text:
        return []
    plain = text.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')
    return [(plain, {"escaped": None})]


def best_in(text: str, steps: dict[str, None]) -> Healed | None:
    """Return the longest piece of JSON in the text; None when there is none."""
    if MEMBER.match(text):
        return mended(Mender(text, 0, steps, opened=True))[0]
    start, best, longest = 0, None, 0
    fence = text.find(FENCE)
    first = STARTS.search(text)
    if first is not None and 0 <= fence < first.start():
        steps, start = {**steps, "fence": None}, fence + len(FENCE)
    for _ in range(MOST_STARTS):
        found = STARTS.search(text, start)
        if found is None:
            break
        healed, end = mended(Mender(text, found.start(), steps))
        if healed is not None and end - found.start() > longest:
            best, longest = healed, end - found.start()
        start = max(end, found.end())
    return best


def mended(mender: Mender) -> tuple[Healed | None, int]:
    """Return what a mender makes of its piece of the text, and where that ends."""
    try:
        written = mender.run()
    except Unmendable:
        return None, mender.at
    steps = mender.steps
    around = mender.text[: mender.start] + mender.text[mender.at :]
    if "fence" not in steps and around.strip():
        steps.setdefault("prose")
    return (Healed(written, tuple(steps)) if is_json(written) else None), mender.at
