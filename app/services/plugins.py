"""The plugins of one call: let in, put into the request before the model is asked, remembered after (R2)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.domain import plugins
from app.domain.callers import Caller
from app.domain.calls import Call, Usage
from app.domain.errors import GatewayError, InvalidRequest
from app.domain.forwarding import end_user_of
from app.domain.memories import relevant, worth_keeping
from app.domain.pdf_parts import MOST_PDFS, Pdf, count, replaced
from app.domain.plugin_texts import (
    BOOKS,
    BOOKS_BYTES,
    FRAME_BYTES,
    MEMORIES,
    MEMORY_BYTES,
    WEB,
    WEB_BYTES,
    Source,
    listed,
    numbered,
)
from app.domain.plugin_tools import with_tools
from app.domain.plugins import InUse, PluginFailed, cut, last_user_text, put_in_front
from app.domain.policies.contexts import user_of
from app.domain.record_parts import Extra
from app.domain.records import Record
from app.domain.targets import Target
from app.plugins import backend, gutenberg, pdf_reader, web_search
from app.services import memories, plugin_settings

log = logging.getLogger(__name__)
MOST_QUESTION = 2_000
PDF_SECONDS = 60.0  # for all of a call together
NO_USER = (
    "The plugin 'memory' needs 'user' in the body: whom to remember things of, in at most 200 characters."
)


def check(caller: Caller, target: Target, call: Call, *, fresh: bool) -> tuple[InUse, ...]:
    """Return the plugins that the call uses: known, in the plan and set up; else raise 400 or 403."""
    body = call.chat or call.body
    if body.get("plugins") is None or target.forwards or target.operation != "chat":
        return ()
    names = plugins.asked(body)
    if caller.plan is not None:
        plugins.check_plan(names, caller.plan.name, caller.plan.plugins)
    plugins.check_body(names, body)
    uses = plugin_settings.in_use(caller, names, fresh=fresh) if names else ()
    if "memory" in names:
        end_user(call)
    return uses


def end_user(call: Call) -> str:
    """Return whom the client speaks for, by header where a policy decides; InvalidRequest without one."""
    if call.by_policy:
        return user_of(call.headers)
    name = end_user_of(call.chat or call.body) or end_user_of(call.body)
    if not name or not name.strip() or "\x00" in name:
        raise InvalidRequest(NO_USER, param="user")
    return name.strip()


def offer_tools(record: Record) -> None:
    """Let the model call the tools of the plugins; this comes before the hold, which must cover it."""
    record.request = with_tools(record.request, record.plugins)
    record.touched = True


def gather(record: Record) -> None:
    """Have the plugins put in front of the conversation what they find; one that fails is left out."""
    if not record.plugins:
        return
    record.begin("plugins")
    for use in record.plugins:
        work = CONTEXT.get(use.name)
        if work is None:
            continue
        try:
            work(use, record)
        except PluginFailed as error:
            warn(record, use.name, str(error))
        except SQLAlchemyError as error:
            log.error("plugin %s: %s", use.name, type(error).__name__)
            warn(record, use.name, "What is remembered could not be read.")
    record.messages = record.request["messages"]


def warn(record: Record, name: str, text: str) -> None:
    """Tell client and receipt that the answer was made without a plugin."""
    record.warnings.append(f"The plugin {name} could not help: {text}")
    record.plugin_notes.append({"plugin": name, "state": "failed", "reason": text})


def note(record: Record, name: str, what: str, **more: Any) -> None:
    """Tell client and receipt what a plugin did."""
    record.plugin_notes.append({"plugin": name, "state": "used", **more})
    record.extras.append(Extra("plugin", f"{name}: {what}", Usage(), 0))


def put(record: Record, text: str) -> None:
    """Put a text before the conversation."""
    record.request = {**record.request, "messages": put_in_front(record.request["messages"], text)}


def question_of(call: Call, most: int = MOST_QUESTION) -> str:
    """Return what the user said last, as the client sent it."""
    body = call.chat or call.body
    messages = body.get("messages")
    found = last_user_text(messages, most) if isinstance(messages, list) else ""
    return found or str(body.get("message") or "")[:most]


def sources_of(record: Record) -> list[Source]:
    """Return all that the answer may name by number."""
    listed_in = [told.get("sources", ()) for told in record.plugin_notes]
    return [Source(each["title"], each["url"], "") for sources in listed_in for each in sources]


def search_web(use: InUse, record: Record) -> None:
    """Put pages about the question in front."""
    found = web_search.search(use, question_of(record.call), record.call.cancellation)
    tell_sources(record, use, found, WEB, WEB_BYTES)


def find_books(use: InUse, record: Record) -> None:
    """Put public-domain books about the question in front."""
    found = gutenberg.find(use, question_of(record.call), record.call.cancellation)
    tell_sources(record, use, found, BOOKS, BOOKS_BYTES)


def tell_sources(record: Record, use: InUse, found: Sequence[Source], intro: str, most_bytes: int) -> None:
    """Put what was found in front, numbered on from what other plugins found."""
    if found:
        put(record, numbered(intro, found, most_bytes, len(sources_of(record)) + 1))
    told = [{"title": source.title, "url": source.url} for source in found]
    note(record, use.name, "1 source" if len(told) == 1 else f"{len(told)} sources", sources=told)


def tell_memories(use: InUse, record: Record) -> None:
    """Put what the project remembers of the user in front."""
    assert record.caller is not None
    kept = [row.content for row in memories.of_user(record.caller, end_user(record.call))]
    chosen = relevant(question_of(record.call), kept)
    if chosen:
        put(record, listed(MEMORIES, chosen, MEMORY_BYTES))
    told = "1 memory" if len(chosen) == 1 else f"{len(chosen)} memories"
    note(record, use.name, told, memories=len(chosen))


def read_pdfs(use: InUse, record: Record) -> None:
    """Put the text of each PDF in its place."""
    messages = record.request["messages"]
    total = count(messages)
    if total == 0:
        return
    reader = PdfTexts(use, record)
    record.request = {**record.request, "messages": replaced(messages, reader.text_of)}
    note(record, use.name, f"{reader.read} of {total} PDFs read", pdfs=reader.read)


class PdfTexts:
    """The texts of a call's PDFs, all together within its limits."""

    def __init__(self, use: InUse, record: Record) -> None:
        self.read = 0
        self._use = use
        self._record = record
        self._seen = 0
        self._left = int(use.options["characters"])
        self._until = time.monotonic() + PDF_SECONDS

    def text_of(self, pdf: Pdf) -> str:
        """Return the text that takes a PDF's place; one that cannot be read says so."""
        self._seen += 1
        name = cut(" ".join(pdf.name.split()), FRAME_BYTES // MOST_PDFS - 40)
        try:
            text = cut(self._text(pdf), self._left)
        except PluginFailed as error:
            warn(self._record, self._use.name, str(error))
            return cut(f"[{name}: not readable]", FRAME_BYTES // MOST_PDFS)
        self.read += 1
        self._left -= len(text.encode(errors="replace"))
        return f"[{name}]\n{text}"

    def _text(self, pdf: Pdf) -> str:
        cancellation = self._record.call.cancellation
        if self._seen > MOST_PDFS or self._left <= 0 or time.monotonic() > self._until:
            raise PluginFailed("There are more PDFs, or longer ones, than are read for one call.")
        data = pdf.data or backend.fetch(pdf.url, cancellation, pdf_reader.MOST_BYTES)
        return pdf_reader.read(data, self._use.options["pages"], self._left, cancellation)


CONTEXT: dict[str, Callable[[InUse, Record], None]] = {
    "web-search": search_web,
    "gutenberg": find_books,
    "memory": tell_memories,
    "pdf-reader": read_pdfs,
}


def remember(record: Record) -> None:
    """Keep what the user said of themselves, once they were answered; never raises."""
    use = next((use for use in record.plugins if use.name == "memory"), None)
    if use is None or record.outcome != "succeeded" or record.caller is None:
        return
    texts = worth_keeping(question_of(record.call, 20_000))
    if not texts:
        return
    try:
        memories.remember(record.caller, end_user(record.call), texts, use.options["most_per_user"])
    except (SQLAlchemyError, GatewayError) as error:
        log.error("memories not kept: %s", type(error).__name__)
