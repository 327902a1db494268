"""Prompt injection: phrases that try to overrule the instructions of whoever set the model up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from app.domain.guardrails.detectors import Detector, begins
from app.domain.guardrails.injection_phrases import LANGUAGES, MARKS, Phrases

GAP = r"[\s,.:;!\"'*_\-]{1,3}"  # between two words


@cache
def injection() -> tuple[Detector, ...]:
    """Return the detectors: one for each language, and one for the marks of chat templates."""
    return (*map(detector, LANGUAGES), marks())


def detector(phrases: Phrases) -> Detector:
    """Return the detector of one language."""
    sources = (rf"(?i)\b(?:{'|'.join(sources_of(phrases))})",)
    return Detector(
        "injection", f"prompt injection ({phrases.language})", "Prompt injection", "INJECTION", sources,
        hint=begins(*phrases.begins), least=10,
    )  # fmt: skip


def sources_of(phrases: Phrases) -> Iterator[str]:
    """Yield the patterns: overrule what was said, reveal it, play somebody without rules."""
    between = rf"(?:(?:{phrases.between}) )*"
    told, said = phrases.instructions, phrases.before
    found = (
        rf"(?:{phrases.overrule}) {between}(?:{said}) {between}(?:{told})\b",
        rf"(?:{phrases.overrule}) {between}(?:{told}) {between}(?:{said})\b",
        rf"(?:{phrases.reveal}) {phrases.hidden}\b",
        *phrases.whole,
    )
    return (source.replace(" ", GAP) for source in found)


def marks() -> Detector:
    """Return the detector of what chat templates put between system and user."""
    return Detector(
        "injection", "prompt injection (chat template marks)", "Prompt injection", "INJECTION", MARKS,
        hint=r"(?i)<\||\[/?INST|<</?SYS|###|system_?prompt>", least=6,
    )  # fmt: skip
