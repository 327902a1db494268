"""What goes to Anthropic as it came, and which of its answers a chat can hold."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.messages.native import own_body, says_more

SIGNED = {"type": "thinking", "thinking": "x", "signature": "s"}
UNSIGNED = {"type": "thinking", "thinking": "x", "signature": ""}
TEXT = {"type": "text", "text": "x"}


def turn(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def test_only_our_own_fields_and_other_models_thoughts_are_left_out() -> None:
    body = {"model": "m", "messages": [turn(SIGNED, UNSIGNED, TEXT), turn(UNSIGNED)], "routing": {}, "new": 1}
    assert own_body(body) == {"model": "m", "messages": [turn(SIGNED, TEXT)], "new": 1}
    plain = {"messages": [{"role": "user", "content": "x"}, "odd"]}
    assert own_body(plain)["messages"] is plain["messages"]


@pytest.mark.parametrize(
    ("source", "more"),
    [
        ({"type": "message", "content": [TEXT, SIGNED], "stop_reason": "end_turn"}, False),
        ({"type": "message", "content": [TEXT], "stop_reason": "pause_turn"}, True),
        ({"type": "message", "content": [{**TEXT, "citations": [{}]}]}, True),
        ({"type": "message", "content": [{"type": "server_tool_use"}]}, True),
        ({"type": "content_block_start", "content_block": TEXT}, False),
        ({"type": "content_block_start", "content_block": {"type": "hologram"}}, True),
        ({"type": "content_block_delta", "delta": {"type": "citations_delta"}}, True),
        ({"type": "message_delta", "delta": {"stop_reason": "stop_sequence"}}, True),
        ({"type": "message_stop"}, False),
    ],
)
def test_what_a_chat_has_no_place_for(source: dict[str, Any], more: bool) -> None:
    assert says_more(source) is more
