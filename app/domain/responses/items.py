"""The input items of a Responses body, one after the other, as chat messages."""

from __future__ import annotations

from typing import Any

from app.domain.errors import InvalidRequest
from app.domain.responses.thoughts import opened
from app.domain.responses.tools import custom_arguments

Json = dict[str, Any]
ROLES = ("user", "assistant", "system", "developer")
TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
NO_FILES = "This gateway stores no files: send the file itself in 'file_data' instead of its id or address."
NO_PICTURES = "This gateway stores no files: send the picture in 'image_url', as an address or a data URL."


def messages_of(given: Any) -> list[Json]:
    """Return the messages that `input` stands for."""
    if isinstance(given, str) and given:
        return [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise InvalidRequest("'input' must be a text or a list of items, and not empty.", param="input")
    conversation = Conversation()
    for index, item in enumerate(given):
        conversation.add(item, f"input[{index}]")
    return conversation.messages


class Conversation:
    """Messages in the making: reasoning and tool calls join the answer that they belong to."""

    def __init__(self) -> None:
        self.messages: list[Json] = []
        self._reasoning: list[str] = []
        self._signed: list[Json] = []

    def add(self, item: Any, place: str) -> None:
        """Add one item; InvalidRequest for those that cannot be said in a chat."""
        if not isinstance(item, dict):
            raise InvalidRequest("Each item of 'input' must be an object.", param=place)
        kind = item.get("type") or ("message" if "role" in item else None)
        if kind == "message":
            self._message(item, place)
        elif kind in ("function_call", "custom_tool_call"):
            self._call(item, kind, place)
        elif kind in ("function_call_output", "custom_tool_call_output"):
            self._result(item, place)
        elif kind == "reasoning":
            self._reasoning += [part["text"] for part in thoughts(item)]
            self._signed += opened(item.get("encrypted_content"))
        elif kind == "item_reference":
            raise InvalidRequest("Nothing is stored here: send the item itself, not its id.", param=place)
        else:
            raise InvalidRequest(f"Items of the type '{kind}' can only be read by OpenAI.", param=place)

    def _message(self, item: Json, place: str) -> None:
        role = item.get("role")
        if role not in ROLES:
            raise InvalidRequest(f"The role must be one of: {', '.join(ROLES)}.", param=f"{place}.role")
        content = content_of(item.get("content"), f"{place}.content")
        if role == "assistant":
            self._answer()["content"] = joined(content)
        else:
            self._reasoning, self._signed = [], []
            self.messages.append({"role": role, "content": content})

    def _call(self, item: Json, kind: str, place: str) -> None:
        texts = [item.get(name) for name in ("call_id", "name", "input" if "custom" in kind else "arguments")]
        if not all(isinstance(text, str) for text in texts):
            raise InvalidRequest("A tool call needs 'call_id', 'name' and what was sent.", param=place)
        call_id, name, sent = map(str, texts)
        last = self.messages[-1] if self.messages else {}
        joins = last.get("role") == "assistant" and not (self._reasoning or self._signed)
        answer = last if joins else self._answer()
        function = {"name": name, "arguments": custom_arguments(sent) if "custom" in kind else sent}
        call = {"id": call_id, "type": "function", "function": function}
        answer.setdefault("tool_calls", []).append(call)

    def _result(self, item: Json, place: str) -> None:
        if not isinstance(item.get("call_id"), str):
            raise InvalidRequest("A tool's result needs the 'call_id' of its call.", param=f"{place}.call_id")
        content = content_of(item.get("output"), f"{place}.output")
        self.messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": content})

    def _answer(self) -> Json:
        """Begin an answer, with the reasoning that came before it."""
        message: Json = {"role": "assistant", "content": None}
        if self._reasoning:
            message["reasoning_content"] = "\n\n".join(self._reasoning)
        if self._signed:
            message["thinking_blocks"] = self._signed
        self._reasoning, self._signed = [], []
        self.messages.append(message)
        return message


def thoughts(item: Json) -> list[Json]:
    """Return the readable parts of a reasoning item: its text, else its summary."""
    for name in ("content", "summary"):
        parts = item.get(name)
        found = [p for p in parts if isinstance(p, dict)] if isinstance(parts, list) else []
        if texts := [part for part in found if isinstance(part.get("text"), str) and part["text"]]:
            return texts
    return []


def content_of(given: Any, place: str) -> str | list[Json]:
    """Return a text, or a list of parts as chat has them."""
    if isinstance(given, str):
        return given
    if not isinstance(given, list):
        raise InvalidRequest("It must be a text or a list of parts.", param=place)
    parts = [part_of(part, f"{place}[{index}]") for index, part in enumerate(given)]
    is_plain = len(parts) == 1 and parts[0].keys() == {"type", "text"}
    return parts[0]["text"] if is_plain else parts


def joined(content: str | list[Json]) -> str | list[Json]:
    """Return an answer's content: its texts as one."""
    if isinstance(content, str) or any(part["type"] != "text" for part in content):
        return content
    return "".join(part["text"] for part in content)


def part_of(part: Any, place: str) -> Json:
    """Return one part of a content; InvalidRequest for what cannot be handed on."""
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in TEXTS and isinstance(part.get("text"), str):
        made: Json = {"type": "text", "text": part["text"]}
    elif kind == "refusal" and isinstance(part.get("refusal"), str):
        made = {"type": "refusal", "refusal": part["refusal"]}
    elif kind == "input_image":
        made = picture(part, place)
    elif kind == "input_file":
        made = file(part, place)
    elif kind == "input_audio" and isinstance(part.get("input_audio"), dict):
        made = {"type": "input_audio", "input_audio": part["input_audio"]}
    else:
        raise InvalidRequest(f"A part of the type '{kind}' cannot be read here.", param=place)
    cached = part.get("cache_control")
    return made | ({"cache_control": cached} if isinstance(cached, dict) else {})


def picture(part: Json, place: str) -> Json:
    """Return a picture."""
    if not isinstance(part.get("image_url"), str):
        raise InvalidRequest(NO_PICTURES, param=place)
    detail = {"detail": part["detail"]} if isinstance(part.get("detail"), str) else {}
    return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}


def file(part: Json, place: str) -> Json:
    """Return a file."""
    if not isinstance(part.get("file_data"), str):
        raise InvalidRequest(NO_FILES, param=place)
    named = {name: part[name] for name in ("filename", "file_data") if isinstance(part.get(name), str)}
    return {"type": "file", "file": named}
