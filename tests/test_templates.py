"""The templates: every word goes through gettext, nothing inline that the strict policy would block."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import Environment

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
UNREAD = re.compile(
    r"<(svg|code|script|style)\b.*?</\1>|<!--.*?-->|<[^>]*>|\baria-[a-z]+=\"[^\"]*\"|&[a-z#0-9]+;", re.DOTALL
)
ATTRIBUTE = re.compile(r"\b(?:title|placeholder|aria-label|alt|data-confirm)=\"([^\"]*)\"")
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)|<style\b|\sstyle=|\son[a-z]+=|javascript:|https?://(?!www\.w3\.org)"
)
NAMES = {"Sluice", "UTC", "px", "curl", "Python", "JavaScript", "OpenAI", "SDK"}


def shown_text(source: str) -> str:
    """Return what a template shows as it stands: no expressions, comments or translated blocks."""
    parts, in_translation, block = [], False, ""
    for _, kind, value in Environment().lex(source):
        if kind in ("block_begin", "block_end"):
            in_translation = {"trans": True, "endtrans": False}.get(block, in_translation)
            block = ""
        elif kind == "name" and not block:
            block = value
        elif kind == "data" and not in_translation:
            parts.append(value)
        elif kind == "variable_begin":
            block = "-"
            parts.append(" ")
    return "".join(parts)


def words(text: str) -> list[str]:
    return [word for word in re.findall(r"[A-Za-z]{2,}", text) if word not in NAMES]


@pytest.mark.parametrize("path", TEMPLATES, ids=[str(p.relative_to(ROOT / "templates")) for p in TEMPLATES])
def test_every_word_can_be_translated(path: Path) -> None:
    shown = shown_text(path.read_text())
    attributes = [word for value in ATTRIBUTE.findall(shown) for word in words(value)]
    assert words(UNREAD.sub(" ", shown)) + attributes == []


@pytest.mark.parametrize("path", TEMPLATES, ids=[str(p.relative_to(ROOT / "templates")) for p in TEMPLATES])
def test_nothing_stands_inline(path: Path) -> None:
    text = re.sub(r"{#.*?#}", "", path.read_text(), flags=re.DOTALL)
    assert INLINE.findall(re.sub(r"placeholder=.*|replace\(.*", "", text)) == []
    assert "|safe" not in text.replace(" ", "") or path.name == "icons.html", "only our own drawings are safe"
