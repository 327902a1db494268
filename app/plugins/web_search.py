"""web-search: asks a SearXNG-compatible server for pages about the user's last message."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from app.domain.calls import Cancellation
from app.domain.plugin_texts import Source
from app.domain.plugins import InUse, PluginFailed, cut
from app.plugins.backend import UNREADABLE, get_json

MOST_QUERY = 300
MOST_SNIPPET = 1_200


def search(use: InUse, question: str, cancellation: Cancellation) -> list[Source]:
    """Return the best pages; raise PluginFailed."""
    query = " ".join(question.split())[:MOST_QUERY]
    if not query:
        return []
    language = f"&language={quote(use.options['language'])}" if use.options.get("language") else ""
    url = f"{use.url.rstrip('/')}/search?q={quote(query, safe='')}&format=json{language}"
    found = get_json(use, url, cancellation)
    results = found.get("results") if isinstance(found, dict) else None
    if not isinstance(results, list):
        raise PluginFailed(UNREADABLE)
    pages = [source for source in map(source_of, results) if source is not None]
    return pages[: use.options["results"]]


def source_of(result: Any) -> Source | None:
    """Return one result; None for what names no page."""
    if not isinstance(result, dict):
        return None
    url, title, text = (result.get(name) for name in ("url", "title", "content"))
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        return None
    plain = [" ".join(value.split()) if isinstance(value, str) else "" for value in (title, text)]
    return Source(cut(plain[0], 200) or url[:200], url[:1_000], cut(plain[1], MOST_SNIPPET))


def test(use: InUse) -> str:
    """Ask the server for something that everybody knows; return what came in a sentence."""
    found = search(use, "Wikipedia", Cancellation())
    if not found:
        return "The server answers, but finds nothing: check which search engines it may use."
    return f"The server answers. The first page it found: {found[0].title}"
