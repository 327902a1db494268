"""Chat streams told as the events of messages: whole, in order, every byte of a tool's arguments in place."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.calls import HEARTBEAT, Chunk
from app.domain.dialects import ANTHROPIC
from app.domain.provider_errors import StreamCut
from app.domain.streams import events
from tests.domain.messages.streamed import as_the_sdk_reads, blocks_of, call, chunk, record, sent

Json = dict[str, Any]
ARGUMENTS = '{"city": "Zür\\u0069ch 🎈", "deep": {"a": [1, 2.50, null]}, "text": "\\"}{\\n"}'
START = chunk({"role": "assistant", "content": ""})


def tool_blocks(chunks: list[Chunk]) -> list[Json]:
    return [block for block in blocks_of(sent(chunks)) if block["type"] == "tool_use"]


def test_a_text_has_the_full_sequence() -> None:
    told = sent([START, chunk({"content": "Hel"}), HEARTBEAT, chunk({"content": "lo"}), chunk({}, "stop")])
    assert [event["type"] for event in told] == [
        "message_start", "ping", "content_block_start", "content_block_delta", "ping", "content_block_delta",
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    message = told[0]["message"]
    assert message["id"] == "msg_0190aa" and message["model"] == "gpt-x" and message["content"] == []
    assert told[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert told[-2]["usage"] == {
        "input_tokens": 5, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3, "output_tokens": 5,
    }  # fmt: skip
    read = as_the_sdk_reads(told)
    assert read.content[0].text == "Hello" and read.usage.input_tokens == 5 and read.usage.output_tokens == 5


def test_nothing_but_a_comment_comes_before_the_message_begins() -> None:
    assert next(events(iter([HEARTBEAT, START]), ANTHROPIC, record())).startswith(b":")


def test_arguments_survive_wherever_the_stream_is_split() -> None:
    for place in range(len(ARGUMENTS) + 1):
        first, rest = ARGUMENTS[:place], ARGUMENTS[place:]
        pieces = [chunk(call(first, name="w", call_id="c1")), chunk(call(rest)), chunk({}, "tool_calls")]
        assert [block["json"] for block in tool_blocks([START, *pieces])] == [ARGUMENTS]
    singly = [chunk(call(character)) for character in ARGUMENTS]
    told = sent([chunk(call("", name="w", call_id="c1")), *singly, chunk({}, "tool_calls")])
    assert blocks_of(told)[0]["json"] == ARGUMENTS
    assert as_the_sdk_reads(told).content[0].input["text"] == '"}{\n'
    assert told[-2]["delta"]["stop_reason"] == "tool_use"


def test_several_tools_text_between_them_and_tools_first() -> None:
    told = sent(
        [
            chunk(call('{"a"', name="w", call_id="c1")),
            chunk(call(":1}")),
            chunk({"content": "And "}),
            chunk({"content": "then"}),
            chunk(call('{"b":', 1, "v", "c2")),
            chunk(call("2}", 1)),
            chunk(call("{}", 2, "u", "c3")),
            chunk({}, "tool_calls"),
        ]
    )
    blocks = blocks_of(told)
    assert [(block["type"], block["json"] or block.get("text")) for block in blocks] == [
        ("tool_use", '{"a":1}'), ("text", "And then"), ("tool_use", '{"b":2}'), ("tool_use", "{}"),
    ]  # fmt: skip
    assert [(b["id"], b["name"]) for b in blocks if b["type"] == "tool_use"] == [
        ("c1", "w"), ("c2", "v"), ("c3", "u"),
    ]  # fmt: skip
    assert [block.input for block in as_the_sdk_reads(told).content if block.type == "tool_use"] == [
        {"a": 1}, {"b": 2}, {},
    ]  # fmt: skip


def test_interleaved_tools_are_told_one_after_the_other() -> None:
    blocks = tool_blocks(
        [
            chunk(call("", 0, "w", "c1")),
            chunk(call("", 1, "v", "c2")),
            chunk(call('{"a":', 0)),
            chunk(call('{"b":', 1)),
            chunk({"content": "Hm"}),
            chunk(call("1}", 0)),
            chunk(call("2}", 1)),
            chunk({}, "tool_calls"),
        ]
    )
    assert [(block["name"], block["json"]) for block in blocks] == [("w", '{"a":1}'), ("v", '{"b":2}')]


@pytest.mark.parametrize("arguments", ["", "{}"])
def test_a_tool_without_arguments(arguments: str) -> None:
    told = sent([chunk(call(arguments, name="w", call_id="c1")), chunk({}, "stop")])
    assert as_the_sdk_reads(told).content[0].input == {}
    assert told[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_name_that_comes_late_is_waited_for() -> None:
    late = [chunk(call("{", call_id="functions.w:0")), chunk(call("}", name="w")), chunk({}, "tool_calls")]
    assert [(b["id"], b["name"], b["json"]) for b in tool_blocks(late)] == [("functions_w_0", "w", "{}")]
    unnamed = tool_blocks([chunk(call("{}", name="w"))])
    assert unnamed[0]["id"].startswith("toolu_")


def test_a_picture_that_stands_in_no_text_is_one() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
    assert (
        blocks_of(sent([chunk({"images": [picture]}, "stop")]))[0]["text"]
        == "\n![](data:image/png;base64,iVBO)\n"
    )


def test_thoughts_with_signatures_and_hidden_ones() -> None:
    hidden = {"type": "redacted_thinking", "data": "xx"}
    signed = {"type": "thinking", "thinking": "Let me see", "signature": "sig1"}
    told = sent(
        [
            chunk({"reasoning_content": "Let me "}),
            chunk({"reasoning_content": "see"}),
            chunk({"thinking_blocks": [signed]}),
            chunk({"reasoning_content": "Again"}),
            chunk({"thinking_blocks": [hidden]}),
            chunk({"content": "Yes"}, "stop"),
        ]
    )
    blocks = [{name: value for name, value in block.items() if name != "json"} for block in blocks_of(told)]
    assert blocks == [
        signed,
        {"type": "thinking", "thinking": "Again", "signature": ""},
        hidden,
        {"type": "text", "text": "Yes"},
    ]
    whole = sent(
        [chunk({"reasoning_content": "Let me see", "thinking_blocks": [signed, hidden]}), chunk({}, "stop")]
    )
    assert [{name: block[name] for name in block if name != "json"} for block in blocks_of(whole)] == [
        signed,
        hidden,
    ]


@pytest.mark.parametrize(
    ("finish", "choice", "stop", "told"),
    [
        ("length", {}, None, ("max_tokens", None)),
        ("content_filter", {}, None, ("refusal", None)),
        ("stop", {"stop_reason": "END"}, ["END"], ("stop_sequence", "END")),
        ("stop", {"stop_reason": 128}, ["END"], ("end_turn", None)),
        ("stop", {"native_finish_reason": "pause_turn"}, None, ("pause_turn", None)),
        (
            "stop",
            {"native_finish_reason": "stop_sequence", "stop_sequence": "X"},
            None,
            ("stop_sequence", "X"),
        ),
        ("odd", {}, None, ("end_turn", None)),
    ],
)
def test_why_it_ended(finish: str, choice: Json, stop: Any, told: tuple[str, str | None]) -> None:
    delta = sent([START, chunk({"content": "x"}, finish, **choice)], record(stop=stop))[-2]["delta"]
    assert (delta["stop_reason"], delta["stop_sequence"]) == told


def test_only_the_first_of_several_answers_is_told() -> None:
    assert (
        len(blocks_of(sent([chunk({"content": "a"}), chunk({"content": "b"}, index=1), chunk({}, "stop")])))
        == 1
    )


def own_events() -> list[Json]:
    cited = {"type": "citations_delta", "citation": {"type": "page_location", "cited_text": "x"}}
    return [
        {
            "type": "message_start",
            "message": {"id": "msg_up", "model": "claude-up", "usage": {"input_tokens": 7}},
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "hologram"}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": cited},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]


def test_a_providers_own_events_are_passed_on_but_for_the_name_of_the_model() -> None:
    chunks = [Chunk(None, source=event) for event in own_events()]
    chunks[0].data = {"choices": [{"index": 0, "delta": {"role": "assistant"}}]}
    chunks.insert(-1, Chunk({"choices": [], "usage": {}}))  # said already by the event before it
    told = sent(chunks)
    assert told[0]["message"]["model"] == "gpt-x"
    assert told[1:] == own_events()[1:]
    assert sent(chunks[:-1])[-1] == {"type": "message_stop"}


def test_rounds_with_plugins_are_told_as_one_message() -> None:
    several = record()
    several.plugins = (object(),)  # type: ignore[assignment]
    answer = chunk({"content": "Mine"}, "stop")
    answer.source = {"type": "content_block_delta"}
    assert blocks_of(sent([answer], several))[0]["text"] == "Mine"


def test_no_clean_end_after_an_error() -> None:
    def broken() -> Any:
        yield chunk({"content": "x"})
        raise StreamCut

    written = b"".join(events(broken(), ANTHROPIC, record()))
    assert b"event: error" in written and b"message_stop" not in written
