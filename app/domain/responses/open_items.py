"""The items of a streamed response while they grow: what is sent when they open, grow and close."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from app.domain.responses.answer import Parts, refusal_part, text_in, text_part

Json = dict[str, Any]


class OpenItem(ABC):
    """One item at its place in the output. `item`: as it stands; whole once it is closed."""

    def __init__(self, parts: Parts, index: int) -> None:
        self.item: Json = {}
        self._parts = parts
        self._index = index
        self._pieces: list[str] = []
        self._logprobs: list[Any] = []

    @abstractmethod
    def open(self) -> Iterator[Json]:
        """Yield the events that begin the item."""

    @abstractmethod
    def close(self, status: str) -> Iterator[Json]:
        """Yield the events that end the item."""

    @property
    def _text(self) -> str:
        return "".join(self._pieces)

    def _begin(self, item: Json) -> Json:
        self.item = item
        return {"type": "response.output_item.added", "output_index": self._index, "item": item}

    def _end(self, item: Json) -> Json:
        self.item = item
        return {"type": "response.output_item.done", "output_index": self._index, "item": item}

    def _event(self, kind: str, /, **fields: Any) -> Json:
        place = {"item_id": self.item["id"], "output_index": self._index}
        return {"type": f"response.{kind}", **place, **fields}


class OpenText(OpenItem):
    """An item that grows by pieces of text."""

    @abstractmethod
    def write(self, piece: str, logprobs: list[Any]) -> Iterator[Json]:
        """Yield the event that adds a piece of text."""


class OpenMessage(OpenText):
    """A message of one text."""

    def open(self) -> Iterator[Json]:
        yield self._begin(self._parts.message(self._index, [], "in_progress"))
        yield self._event("content_part.added", content_index=0, part=self._part("", []))

    def write(self, piece: str, logprobs: list[Any]) -> Iterator[Json]:
        self._pieces.append(piece)
        self._logprobs += logprobs
        yield self._event("output_text.delta", content_index=0, delta=piece, logprobs=logprobs)

    def close(self, status: str) -> Iterator[Json]:
        part = self._part(self._text, self._logprobs)
        yield self._event("output_text.done", content_index=0, text=part["text"], logprobs=self._logprobs)
        yield self._event("content_part.done", content_index=0, part=part)
        yield self._end(self._parts.message(self._index, [part], status))

    def _part(self, text: str, logprobs: list[Any]) -> Json:
        return text_part(text, logprobs, [])


class OpenRefusal(OpenText):
    """A message that refuses."""

    def open(self) -> Iterator[Json]:
        yield self._begin(self._parts.message(self._index, [], "in_progress"))
        yield self._event("content_part.added", content_index=0, part=refusal_part(""))

    def write(self, piece: str, logprobs: list[Any]) -> Iterator[Json]:
        self._pieces.append(piece)
        yield self._event("refusal.delta", content_index=0, delta=piece)

    def close(self, status: str) -> Iterator[Json]:
        part = refusal_part(self._text)
        yield self._event("refusal.done", content_index=0, refusal=self._text)
        yield self._event("content_part.done", content_index=0, part=part)
        yield self._end(self._parts.message(self._index, [part], status))


class OpenReasoning(OpenText):
    """What the model thinks: in full, or as the summary that the client asked for."""

    def __init__(self, parts: Parts, index: int) -> None:
        super().__init__(parts, index)
        self.blocks: list[Json] = []  # signed

    def open(self) -> Iterator[Json]:
        yield self._begin(self._parts.reasoning(self._index, "", []))
        if self._parts.summarizes:
            yield self._event("reasoning_summary_part.added", summary_index=0, part=self._part(""))
        else:
            yield self._event("content_part.added", content_index=0, part=self._part(""))

    def write(self, piece: str, logprobs: list[Any]) -> Iterator[Json]:
        self._pieces.append(piece)
        yield self._said("delta", delta=piece)

    def close(self, status: str) -> Iterator[Json]:
        text = self._text
        yield self._said("done", text=text)
        if self._parts.summarizes:
            yield self._event("reasoning_summary_part.done", summary_index=0, part=self._part(text))
        else:
            yield self._event("content_part.done", content_index=0, part=self._part(text))
        yield self._end(self._parts.reasoning(self._index, text, self.blocks))

    def _said(self, what: str, **fields: str) -> Json:
        if self._parts.summarizes:
            return self._event(f"reasoning_summary_text.{what}", summary_index=0, **fields)
        return self._event(f"reasoning_text.{what}", content_index=0, **fields)

    def _part(self, text: str) -> Json:
        return {"type": "summary_text" if self._parts.summarizes else "reasoning_text", "text": text}


class OpenCall(OpenItem):
    """A tool call. Its arguments are sent as they come; the text of a custom tool is known at the end."""

    def __init__(self, parts: Parts, index: int) -> None:
        super().__init__(parts, index)
        self._call_id = ""
        self._name = ""

    def add(self, piece: Json) -> Iterator[Json]:
        """Yield what a piece adds; before the name has come, nothing can be sent."""
        function = piece.get("function")
        arguments = text_in(function, "arguments")
        self._call_id = self._call_id or text_in(piece, "id")
        self._pieces.append(arguments)
        if not self.item:
            self._name += text_in(function, "name")
            if not self._name:
                return
            yield from self.open()
            arguments = self._text
        if arguments and not self._is_custom:
            yield self._event("function_call_arguments.delta", delta=arguments)

    def open(self) -> Iterator[Json]:
        yield self._begin(self._made("", "in_progress"))

    def close(self, status: str) -> Iterator[Json]:
        if not self.item:
            yield from self.open()
        item = self._made(self._text, status)
        if self._is_custom:
            yield self._event("custom_tool_call_input.delta", delta=item["input"])
            yield self._event("custom_tool_call_input.done", input=item["input"])
        else:
            named = {"name": self._name, "arguments": item["arguments"]}
            yield self._event("function_call_arguments.done", **named)
        yield self._end(item)

    @property
    def _is_custom(self) -> bool:
        return bool(self.item) and self.item["type"] == "custom_tool_call"

    def _made(self, arguments: str, status: str) -> Json:
        function = {"name": self._name, "arguments": arguments}
        return self._parts.call(self._index, {"id": self._call_id, "function": function}, status)
