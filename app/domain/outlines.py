"""What has parts, told in lines: `pii → kinds: email, phone`, instead of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NAMES = ("name", "label")  # what tells the objects of a list apart
ARROW = " → "
LONGEST = 300


def outline(value: Any) -> list[str]:
    """Return a line for each part of a JSON value; none for nothing."""
    return list(lines(value, ())) if value is not None and value not in ({}, []) else []


def lines(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of what stands at a path."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from lines(inner, (*path, str(name)))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, 1):
            yield from item_lines(item, number, path)
    else:
        where = ARROW.join(path)
        yield f"{where}: {leaf(value)}" if where else leaf(value)


def item_lines(item: Any, number: int, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of one entry of a list: under its name, where it has one."""
    called = next((name for name in NAMES if isinstance(item, Mapping) and item.get(name)), "")
    if not called:
        yield from lines(item, (*path, str(number)))
        return
    rest = {name: inner for name, inner in item.items() if name != called}
    yield from lines(rest or "", (*path, f"“{item[called]}”"))


def leaf(value: Any) -> str:
    """Return what has no parts in a short line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, list | tuple):
        return cut(", ".join(leaf(item) for item in value))
    return cut(" ".join(str(value).split()))


def cut(text: str) -> str:
    """Return a text that is not too long for a line."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()}…"
