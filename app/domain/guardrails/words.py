"""Keyword lists: any of the words, anywhere in the text, whatever their case."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.guardrails.detectors import Detector
from app.domain.guardrails.folding import casefolded, fold


def plain(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words as they are looked for: folded, without upper case, each once."""
    found = dict.fromkeys(casefolded(fold(word).text).text for word in words)
    return tuple(word for word in found if word)


def keywords(words: Sequence[str]) -> Detector:
    """Return the detector of the words."""
    literals = plain(words)
    least = min(map(len, literals), default=1)
    return Detector("keyword", "keyword", "Keyword", "KEYWORD", literals=literals, least=least)
