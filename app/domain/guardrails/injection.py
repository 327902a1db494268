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
    sources = tuple(
        rf"(?i)\b(?:{'|'.join(several)})".replace(" ", GAP)
        for several in (overruling(phrases), others(phrases))
    )
    return Detector(
        "injection", f"prompt injection ({phrases.language})", "Prompt injection", "INJECTION", sources,
        hint=begins(*phrases.begins), least=10,
    )  # fmt: skip


def overruling(phrases: Phrases) -> Iterator[str]:
    """Yield the phrases that overrule what was said before; a blank is any gap."""
    between = rf"(?:(?:{phrases.between}) )*"
    told, said = phrases.instructions, phrases.before
    yield rf"(?:{phrases.overrule}) {between}(?:{said}) {between}(?:{told})\b"
    yield rf"(?:{phrases.overrule}) {between}(?:{told}) {between}(?:{said})\b"


def others(phrases: Phrases) -> Iterator[str]:
    """Yield the phrases that ask for what is hidden, or for somebody without rules; a blank is any gap."""
    yield rf"(?:{phrases.reveal}) {phrases.hidden}\b"
    yield from phrases.whole


def marks() -> Detector:
    """Return the detector of what chat templates put between system and user."""
    return Detector(
        "injection", "prompt injection (chat template marks)", "Prompt injection", "INJECTION", MARKS,
        hint=r"(?i)<\||\[/?INST|<</?SYS|###|system_?prompt>", least=6,
    )  # fmt: skip
