"""The conversation of a messages body, message by message, as chat messages."""

from __future__ import annotations

from typing import Any

from app.domain.bodies import encoded
from app.domain.errors import InvalidRequest
from app.domain.messages.parts import Json, parts_of, plain

ROLES = ("user", "assistant", "system")
THOUGHTS = ("thinking", "redacted_thinking")
MOVED = "Part of the result of the tool call {id}:"
SHOWN_BELOW = "The result is in the next message."


def system_messages(given: Any, place: str) -> list[Json]:
    """Return the system message, if there is one."""
    if given is None or given == "" or given == []:
        return []
    blocks = blocks_of(given, place)
    if any(block.get("type") != "text" for block in blocks):
        raise InvalidRequest("A system prompt can only hold text", param=place)
    return [{"role": "system", "content": plain(parts_of(blocks, place))}]


def messages_of(given: Any) -> list[Json]:
    """Return the chat messages: a tool's results become messages of their own."""
    if given is None:
        raise InvalidRequest("Field required", param="messages")
    if not isinstance(given, list) or not given:
        raise InvalidRequest("at least one message is required", param="messages")
    found: list[Json] = []
    for index, message in enumerate(given):
        place = f"messages.{index}"
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise InvalidRequest(f"Input should be one of: {', '.join(ROLES)}", param=f"{place}.role")
        if message.get("content") is None:
            raise InvalidRequest("Field required", param=f"{place}.content")
        found += translated(message, f"{place}.content")
    return found


def translated(message: Json, place: str) -> list[Json]:
    """Return the chat messages that one message stands for."""
    if message["role"] == "system":
        return system_messages(message["content"], place)
    blocks = blocks_of(message["content"], place)
    return [answer(blocks, place)] if message["role"] == "assistant" else said(blocks, place)


def blocks_of(content: Any, place: str) -> list[Json]:
    """Return the blocks of a content, which may be a plain text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise InvalidRequest("Input should be a text or a list of blocks", param=place)
    for index, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise InvalidRequest("Field required", param=f"{place}.{index}.type")
    return content


def said(blocks: list[Json], place: str) -> list[Json]:
    """Return what the user says: the results of tools first, as chat wants them, then the rest."""
    found: list[Json] = []
    rest: list[Json] = []
    for index, block in enumerate(blocks):
        if block["type"] == "tool_result":
            message, moved = result(block, f"{place}.{index}")
            found.append(message)
            rest += moved
        else:
            rest += parts_of([block], place, index)
    return [*found, {"role": "user", "content": plain(rest)}] if rest or not found else found


def result(block: Json, place: str) -> tuple[Json, list[Json]]:
    """Return a tool's result as a message of text, and what can only be said by the user: pictures, files."""
    call_id = block.get("tool_use_id")
    if not isinstance(call_id, str) or not call_id:
        raise InvalidRequest("Field required", param=f"{place}.tool_use_id")
    content = block.get("content")
    parts = parts_of(blocks_of("" if content is None else content, f"{place}.content"), f"{place}.content")
    texts = [part for part in parts if part.get("type") == "text"]
    others = [part for part in parts if part.get("type") != "text"]
    if others and not texts:
        texts = [{"type": "text", "text": SHOWN_BELOW}]
    message: Json = {"role": "tool", "tool_call_id": call_id, "content": plain(texts)}
    if block.get("is_error") is True:
        message["is_error"] = True
    if isinstance(block.get("cache_control"), dict):
        message["cache_control"] = block["cache_control"]
    moved = [{"type": "text", "text": MOVED.format(id=call_id)}, *others] if others else []
    return message, moved


def answer(blocks: list[Json], place: str) -> Json:
    """Return an earlier answer: its thoughts, its text, the tools that it used.

    What the provider's own tools did is left out: nobody else can read it.
    """
    texts = [block for block in blocks if block["type"] == "text"]
    thoughts = [block for block in blocks if block["type"] in THOUGHTS]
    calls = [
        tool_call(block, f"{place}.{index}")
        for index, block in enumerate(blocks)
        if block["type"] == "tool_use"
    ]
    message: Json = {"role": "assistant", "content": plain(parts_of(texts, place)) if texts else None}
    if thoughts:
        signed = [block for block in thoughts if block["type"] != "thinking" or block.get("signature")]
        message.update({"thinking_blocks": signed} if signed else {})
        text = "".join(str(block.get("thinking") or "") for block in thoughts)
        message.update({"reasoning_content": text} if text else {})
    if calls:
        message["tool_calls"] = calls
    elif not texts:
        message["content"] = ""
    return message


def tool_call(block: Json, place: str) -> Json:
    """Return one use of a tool."""
    for name in ("id", "name"):
        if not isinstance(block.get(name), str) or not block[name]:
            raise InvalidRequest("Field required", param=f"{place}.{name}")
    arguments = block.get("input")
    if arguments is not None and not isinstance(arguments, dict):
        raise InvalidRequest("Input should be an object", param=f"{place}.input")
    function = {"name": block["name"], "arguments": encoded(arguments or {}).decode()}
    return {"id": block["id"], "type": "function", "function": function}
