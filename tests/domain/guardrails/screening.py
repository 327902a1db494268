"""Small ways to screen texts with a few settings."""

from __future__ import annotations

from typing import Any

from app.domain.guardrails import masks
from app.domain.guardrails.rules import effective
from app.domain.guardrails.screens import Screen, screen
from app.domain.guardrails.settings import parse_guardrails


def screen_of(settings: dict[str, Any], side: str = "input") -> Screen:
    """Return the screen that these settings make for one side."""
    return screen(effective(parse_guardrails({"guardrails": settings})), side)


def found(settings: dict[str, Any], *texts: str) -> list[tuple[str, str]]:
    """Return what is found: in words, and the text itself."""
    scan = screen_of(settings).scan(texts)
    assert not scan.failed
    return [(each.kind, texts[each.part][each.start : each.end]) for each in scan.findings]


def masked(settings: dict[str, Any], *texts: str) -> tuple[list[str], dict[str, str]]:
    """Return the texts without what is found, and the placeholders."""
    vault: dict[str, str] = {}
    scan = screen_of(settings).scan(texts)
    return masks.apply(texts, scan.findings, vault), vault
