"""What goes to a provider of Anthropic's dialect: the client's own body, without what is ours or nobody's."""

from __future__ import annotations

from typing import Any

from app.domain.wishes import OWN_FIELDS

Json = dict[str, Any]
PLAIN_BLOCKS = ("text", "thinking", "redacted_thinking", "tool_use")
PLAIN_ENDS = (None, "end_turn", "tool_use")


def own_body(body: Json) -> Json:
    """Return the body as it goes on: as it came, but for our own fields and other models' thoughts."""
    found = {name: value for name, value in body.items() if name not in OWN_FIELDS}
    messages = body.get("messages")
    if isinstance(messages, list) and any(map(has_unsigned, messages)):
        cleaned = [without_unsigned(one) if has_unsigned(one) else one for one in messages]
        found["messages"] = [one for one in cleaned if one is not None]
    return found


def has_unsigned(message: Any) -> bool:
    """Say whether a message holds thoughts that are not Anthropic's: they have no signature."""
    content = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, list) and any(map(is_unsigned, content))


def is_unsigned(block: Any) -> bool:
    """Say whether a block is a thought without a signature, which the provider would refuse."""
    return isinstance(block, dict) and block.get("type") == "thinking" and not block.get("signature")


def without_unsigned(message: Json) -> Json | None:
    """Return the message without such thoughts; None where it holds nothing else."""
    kept = [block for block in message["content"] if not is_unsigned(block)]
    return {**message, "content": kept} if kept else None


def says_more(source: Json) -> bool:
    """Say whether a provider's message, or one event of it, holds what a chat answer has no place for."""
    blocks = source.get("content"), [source.get("content_block")]
    ends = source.get("stop_reason"), part(source, "delta").get("stop_reason")
    return (
        any(map(is_special, [one for some in blocks if isinstance(some, list) for one in some]))
        or part(source, "delta").get("type") == "citations_delta"
        or any(end not in PLAIN_ENDS for end in ends)
    )


def is_special(block: Any) -> bool:
    """Say whether a block is of a kind that only Anthropic has, or has notes that only it makes."""
    if not isinstance(block, dict):
        return False
    return block.get("type") not in PLAIN_BLOCKS or bool(block.get("citations"))


def part(source: Json, name: str) -> Json:
    """Return an object inside an event, empty when there is none."""
    value = source.get(name)
    return value if isinstance(value, dict) else {}
