"""Checks a request against its endpoint's variables and input schema, an answer against its output schema."""

from __future__ import annotations

from collections.abc import Generator

from app.domain.calls import Chunk
from app.domain.records import Record


def check_input(record: Record) -> None:
    """Raise InvalidInput or InputSchemaInvalid unless the request is as the endpoint wants it."""


def check_output(chunks: Generator[Chunk, None, None], record: Record) -> Generator[Chunk, None, None]:
    """Return the answer; raise OutputSchemaInvalid before any of it unless it is as the endpoint promises."""
    return chunks
