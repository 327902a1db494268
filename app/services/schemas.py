"""Checks a request against its endpoint's variables and input schema, an answer against its output schema."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any

import orjson

from app.domain import json_schemas, variables
from app.domain.bodies import encoded
from app.domain.calls import Chunk
from app.domain.chat import choices_of
from app.domain.endpoint_errors import InputSchemaInvalid, OutputSchemaInvalid
from app.domain.endpoint_schemas import MOST_VALUE_BYTES, checked_part
from app.domain.json_schemas import Unusable
from app.domain.prompts import client_messages
from app.domain.records import Record
from app.services.answer_schemas import compiled

Json = dict[str, Any]


def check_input(record: Record) -> None:
    """Raise InvalidInput or InputSchemaInvalid unless the request is as the endpoint wants it.

    An endpoint with variables is asked by them alone: its input schema is for those without (P12).
    """
    target, call = record.target, record.call
    if target is None or (target.endpoint_id is None and not target.config.variables):
        return
    sent = call.body.get(variables.FIELD)
    if target.config.variables or sent:
        record.variables = variables.check_values(target.config.variables, sent)
    elif target.config.input_schema is not None:
        part = checked_part(target.config.input_schema, call.body, last_text(record))
        if wrong := complaint(target.config.input_schema, part):
            raise InputSchemaInvalid(f"The request does not fit the endpoint's input schema: {wrong}.")


def last_text(record: Record) -> str:
    """Return the text that the caller says in this turn; "" where it is none."""
    said = [message for message in client_messages(record.call) if message["role"] == "user"]
    content = said[-1]["content"] if said else ""
    return content if isinstance(content, str) else ""


def check_output(chunks: Generator[Chunk, None, None], record: Record) -> Generator[Chunk, None, None]:
    """Return the answer; raise OutputSchemaInvalid before any of it unless it is as the endpoint promises."""
    target = record.target
    if target is None or target.config.output_schema is None:
        return chunks
    return fitting(chunks, target.config.output_schema)


def fitting(chunks: Generator[Chunk, None, None], schema: Json) -> Generator[Chunk, None, None]:
    """Yield the chunks of a whole answer; raise OutputSchemaInvalid where one of its choices does not fit."""
    with closing(chunks):
        for chunk in chunks:
            for choice in choices_of(chunk.data or {}):
                check_choice(choice, schema)
            yield chunk


def check_choice(choice: Json, schema: Json) -> None:
    """Raise OutputSchemaInvalid unless one choice is JSON of the schema; calls of tools are no answer yet."""
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    if message.get("tool_calls") or message.get("function_call"):
        return
    content = message.get("content")
    try:
        value = orjson.loads(content if isinstance(content, str) else "")
    except ValueError:
        raise OutputSchemaInvalid(f"{OutputSchemaInvalid.default[:-1]}: it is not JSON.") from None
    if wrong := complaint(schema, value):
        raise OutputSchemaInvalid(f"{OutputSchemaInvalid.default[:-1]}: {wrong}.")


def complaint(schema: Json, value: Any) -> str:
    """Return what is wrong with a value and where, in words that repeat nothing of it; "" where it fits."""
    size = len(encoded(value))
    if size > MOST_VALUE_BYTES:
        return f"it is larger than {MOST_VALUE_BYTES // 1024} KB"
    try:
        error = compiled(schema).complaint(value, size)
    except Unusable as unusable:
        return str(unusable)
    return "" if error is None else f"{json_schemas.sentence(error)} (at {json_schemas.place(error)})"
