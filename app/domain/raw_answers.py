"""Reading along while an answer is passed on: its text, its usage in all three shapes, its proof (O4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from app.domain.calls import Usage
from app.domain.chat import finish_reason
from app.domain.forwarding import CHAT, COUNT_TOKENS, EMBEDDINGS, MESSAGES, MODELS, RESPONSES
from app.domain.outputs import add_output
from app.domain.usage import chunk_usage, embeddings_usage, messages_usage, responses_usage

END = b"[DONE]"
ENDED = frozenset({"response.completed", "response.incomplete"})
FAILED = frozenset({"failed", "cancelled"})


@dataclass(slots=True)
class Reading:
    """What one event, or a whole answer, tells."""

    text: str = ""
    usage: Usage | None = None
    finish_reason: str | None = None
    model: str = ""
    id: str = ""
    ended: bool = False  # proof that the answer is whole
    failed: bool = False  # the provider itself reports an error
    only_usage: bool = False  # the chunk that exists for the usage alone


Data = dict[str, Any]


def read_whole(operation: str, body: bytes) -> Reading | None:
    """Read a buffered answer; None when it is none."""
    if operation == MODELS and body.lstrip()[:1] == b"[":
        return Reading(usage=Usage())
    data = parsed(body)
    if data is None:
        return None
    if data.get("error"):
        return Reading(failed=True)
    return WHOLE[operation](data)


class EventReading:
    """Reads the events of one streamed answer in turn."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._usage: Usage | None = None  # Anthropic sends it in parts

    def read(self, name: str, data: bytes | None) -> Reading:
        """Return what an event tells; one that cannot be read tells nothing."""
        if data == END:
            return Reading(ended=self._operation == CHAT)
        event = parsed(data) if data else None
        if event is None:
            return Reading()
        if event.get("error") or name == "error" or event.get("type") == "error":
            return Reading(failed=True)
        if self._operation == MESSAGES:
            return self._message_event(event)
        return response_event(event) if self._operation == RESPONSES else chat_event(event)

    def _message_event(self, event: Data) -> Reading:
        kind = event.get("type")
        if kind == "message_start" and isinstance(event.get("message"), dict):
            message = event["message"]
            self._usage = messages_usage(message.get("usage"))
            return named(Reading(usage=self._usage), message)
        if kind == "message_delta":
            self._usage = messages_usage(event.get("usage"), self._usage)
            reason = field(event.get("delta"), "stop_reason")
            return Reading(usage=self._usage, finish_reason=reason or None)
        return Reading(text="".join(message_texts(event)), ended=kind == "message_stop")


def parsed(data: bytes) -> Data | None:
    """Return the JSON object; None when it is something else."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def chat_event(event: Data) -> Reading:
    """Read a chunk of a chat completion, or a whole one."""
    texts: list[str] = []
    called: list[str] = []
    add_output(event, texts, called)
    reading = Reading(
        text="".join(texts + called),
        usage=chunk_usage(event),
        finish_reason=finish_reason(event),
        only_usage=event.get("choices") == [] and event.get("usage") is not None,
    )
    return named(reading, event)


def response_event(event: Data) -> Reading:
    """Read an event of the responses dialect."""
    kind = event.get("type")
    response = event.get("response")
    if isinstance(kind, str) and isinstance(response, dict):
        reading = whole_response(response)
        reading.text, reading.ended, reading.failed = "", kind in ENDED, kind == "response.failed"
        return reading
    is_delta = isinstance(kind, str) and kind.endswith(".delta")
    return Reading(text=field(event, "delta") if is_delta else "")


def whole_response(data: Data) -> Reading:
    """Read a response."""
    status = field(data, "status")
    reading = Reading(
        text="".join(strings(data.get("output"))),
        usage=responses_usage(data.get("usage")),
        finish_reason=status[:32] or None,
        failed=status in FAILED,
    )
    return named(reading, data)


def whole_message(data: Data) -> Reading:
    """Read a message; without its output, usage says nothing."""
    usage = data.get("usage")
    is_whole = isinstance(usage, dict) and usage.get("output_tokens") is not None
    reading = Reading(
        text="".join(strings(data.get("content"))),
        usage=messages_usage(usage) if is_whole else None,
        finish_reason=field(data, "stop_reason") or None,
    )
    return named(reading, data)


def message_texts(event: Data) -> Iterator[str]:
    """Yield the output in one event of a message's stream."""
    for name in ("delta", "content_block"):
        part = event.get(name)
        yield from (field(part, inner) for inner in ("text", "thinking", "partial_json", "name"))


def named(reading: Reading, data: Data) -> Reading:
    """Add the model and the id that an answer gives itself."""
    reading.model, reading.id = field(data, "model")[:200], field(data, "id")[:128]
    return reading


def field(data: Any, name: str) -> str:
    """Return a text field; empty when there is none."""
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""


TEXT_NAMES = frozenset({"text", "content", "arguments", "thinking", "summary", "refusal", "output", "name"})
OPEN_NAMES = frozenset({"input"})  # of a tool call: any name in it is the caller's own


def strings(value: Any, everything: bool = False) -> Iterator[str]:
    """Yield the texts in a part of a request or an answer; pictures, files and ids are no text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, everything)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if everything or name in TEXT_NAMES or name in OPEN_NAMES:
                yield from strings(inner, everything or name in OPEN_NAMES)


WHOLE: dict[str, Callable[[Data], Reading]] = {
    CHAT: chat_event,
    RESPONSES: whole_response,
    MESSAGES: whole_message,
    EMBEDDINGS: lambda data: named(Reading(usage=embeddings_usage(data.get("usage"))), data),
    COUNT_TOKENS: lambda data: Reading(usage=Usage()),
    MODELS: lambda data: Reading(usage=Usage()),
}


def messages_of(operation: str, body: Data) -> list[Data]:
    """Return the texts of a request as messages: for counting, and for keeping where that is asked for."""
    value = body.get("messages" if operation in (CHAT, MESSAGES) else "input")
    if operation == EMBEDDINGS:
        return [{"role": "user", "content": "\n".join(strings(value)) or str(value)}]  # or a list of tokens
    before = [("system", body.get("system")), ("system", body.get("instructions"))]
    turns = [
        (field(item, "role") or "user", item) for item in (value if isinstance(value, list) else [value])
    ]
    texts = [(role, "\n".join(strings(item))) for role, item in [*before, *turns] if item is not None]
    return [{"role": role, "content": text} for role, text in texts]
