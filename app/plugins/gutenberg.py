"""gutenberg: finds public-domain books at a Gutendex-compatible server and reads the passages that fit."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from app.domain.calls import Cancellation
from app.domain.plugin_texts import Source
from app.domain.plugins import InUse, PluginFailed, cut
from app.domain.relevance import best, passages, searches
from app.plugins.backend import UNREADABLE, fetch, get_json

MOST_TEXT = 400_000  # bytes of a book are looked at
MOST_PASSAGES = 3
START = re.compile(r"\*\*\* ?START OF [^*]*\*\*\*")
MOST_QUERY = 100


def find(use: InUse, question: str, cancellation: Cancellation) -> list[Source]:
    """Return books with what of them has to do with the question; raise PluginFailed."""
    for query in searches(question):
        found = books(use, query, cancellation)
        if found:
            return [read(use, book, question, cancellation) for book in found[: use.options["books"]]]
    return []


def books(use: InUse, query: str, cancellation: Cancellation) -> list[dict[str, Any]]:
    """Return the books that a server lists for some words, most read first."""
    url = f"{use.url.rstrip('/')}/books?search={quote(query[:MOST_QUERY], safe='')}"
    found = get_json(use, url, cancellation)
    results = found.get("results") if isinstance(found, dict) else None
    if not isinstance(results, list):
        raise PluginFailed(UNREADABLE)
    return [book for book in results if isinstance(book, dict) and isinstance(book.get("title"), str)]


def read(use: InUse, book: dict[str, Any], question: str, cancellation: Cancellation) -> Source:
    """Return one book with its passages; without them where its text cannot be had."""
    url = text_url(book)
    try:
        whole = fetch(url, cancellation, MOST_TEXT, trusted=use.url).decode(errors="replace") if url else ""
    except PluginFailed:
        whole = ""
    begun = START.search(whole)
    pieces = passages(whole[begun.end() :] if begun else whole)
    chosen = sorted(best(question, pieces, MOST_PASSAGES))
    excerpt = " […] ".join(pieces[place] for place in chosen)
    title = f"{cut(book['title'], 150)} ({authors(book)})"
    return Source(title, page_url(book) or url, excerpt or "No passage of its text seems to fit.")


def text_url(book: dict[str, Any]) -> str:
    """Return where the plain text of a book is; empty where there is none."""
    formats = book.get("formats")
    listed = formats.items() if isinstance(formats, dict) else ()
    plain = [url for kind, url in listed if str(kind).startswith("text/plain") and isinstance(url, str)]
    return next((url for url in plain if not url.endswith(".zip")), "")


def page_url(book: dict[str, Any]) -> str:
    """Return the book's page at Project Gutenberg."""
    number = book.get("id")
    return f"https://www.gutenberg.org/ebooks/{number}" if type(number) is int else ""


def authors(book: dict[str, Any]) -> str:
    """Return who wrote a book."""
    listed = book.get("authors")
    people = [p.get("name") for p in listed if isinstance(p, dict)] if isinstance(listed, list) else []
    return cut("; ".join(name for name in people if isinstance(name, str)), 100) or "unknown author"


def test(use: InUse) -> str:
    """Ask the server for a book that it must know; return what came in a sentence."""
    found = books(use, "Frankenstein", Cancellation())
    if not found:
        return "The server answers, but knows no book called Frankenstein."
    return f"The server answers. It knows {cut(found[0]['title'], 100)} by {authors(found[0])}."
