"""Which tool calls are ours, in whole answers and in streams of every shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.domain.calls import HEARTBEAT, Chunk
from app.domain.chat import finish_reason, join
from app.domain.plugin_turns import Turn

OURS = "sluice_run_python"
ARGUMENTS = json.dumps({"code": "print('ä\\n')"})


def call(index: int, name: str, arguments: str = ARGUMENTS) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": f"call_{index}", "type": "function", "function": function}


def chunk(delta: dict[str, Any], finish: str | None = None) -> Chunk:
    data = {"id": "c1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return Chunk(data, finish_reason=finish)


def pieces(*calls: dict[str, Any], size: int, finish: str = "tool_calls") -> list[Chunk]:
    """Return a stream that says hello and makes the calls, their arguments cut into pieces."""
    chunks = [chunk({"role": "assistant", "content": "Hello"})]
    for each in calls:
        arguments = each["function"]["arguments"]
        begun = {**each, "function": {"name": each["function"]["name"], "arguments": ""}}
        chunks.append(chunk({"tool_calls": [begun]}))
        for at in range(0, len(arguments), size):
            piece = {"index": each["index"], "function": {"arguments": arguments[at : at + size]}}
            chunks.append(chunk({"tool_calls": [piece]}))
    return [*chunks, chunk({}, finish)]


def pass_through(turn: Turn, chunks: list[Chunk]) -> list[dict[str, Any]]:
    """Return what the client gets."""
    shown = [turn.take(each)[0] for each in chunks]
    return [each.data for each in shown if each is not None and each.data is not None]


@pytest.mark.parametrize("size", range(1, len(ARGUMENTS) + 1, 3))
def test_our_call_is_kept_whole_however_it_is_cut(size: int) -> None:
    turn = Turn({OURS})
    shown = pass_through(turn, pieces(call(0, OURS), size=size))
    assert [(each.id, each.name, each.arguments) for each in turn.calls] == [("call_0", OURS, ARGUMENTS)]
    assert turn.text == "Hello" and join(shown)["choices"][0]["message"]["content"] == "Hello"
    assert [finish_reason(each) for each in shown] == [None]


@pytest.mark.parametrize("order", [(OURS, "weather"), ("weather", OURS), (OURS, "weather", OURS, "map")])
def test_with_a_call_of_the_clients_ours_are_dropped_and_theirs_numbered_anew(order: tuple[str, ...]) -> None:
    turn = Turn({OURS})
    shown = pass_through(turn, pieces(*(call(n, name) for n, name in enumerate(order)), size=4))
    message = join(shown)["choices"][0]
    assert turn.calls == []
    names = [each["function"]["name"] for each in message["message"]["tool_calls"]]
    assert names == [name for name in order if name != OURS]
    assert {each["function"]["arguments"] for each in message["message"]["tool_calls"]} == {ARGUMENTS}
    assert message["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_call_that_may_lack_its_end_is_not_run(finish: str) -> None:
    turn = Turn({OURS})
    shown = pass_through(turn, pieces(call(0, OURS), size=5, finish=finish))
    assert turn.calls == [] and finish_reason(shown[-1]) == finish


def test_a_call_in_one_chunk_with_text_and_end_is_understood() -> None:
    turn = Turn({OURS})
    shown, kept = turn.take(chunk({"content": "So:", "tool_calls": [call(0, OURS)]}, "tool_calls"))
    assert shown is not None and shown.data is not None and kept is not None
    assert shown.data["choices"][0]["delta"] == {"content": "So:"} and finish_reason(shown.data) is None
    assert [each.name for each in turn.calls] == [OURS]


def test_whole_answers() -> None:
    def whole(*calls: dict[str, Any]) -> Chunk:
        message = {"role": "assistant", "content": None, "tool_calls": list(calls)}
        data = {"id": "c1", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
        return Chunk(data, finish_reason="tool_calls")

    alone, mixed = Turn({OURS}), Turn({OURS})
    assert alone.take(whole(call(0, OURS)))[0] is None and len(alone.calls) == 1
    shown = mixed.take(whole(call(0, OURS), call(1, "weather")))[0]
    assert shown is not None and shown.data is not None and mixed.calls == []
    assert [c["function"]["name"] for c in shown.data["choices"][0]["message"]["tool_calls"]] == ["weather"]


def test_a_later_answer_goes_on_in_the_first_ones_stream() -> None:
    turn = Turn({OURS}, {"id": "first", "created": 1}, later=True)
    shown = pass_through(turn, [chunk({"role": "assistant", "content": "Hi"}), chunk({}, "stop")])
    assert {each["id"] for each in shown} == {"first"}
    assert shown[0]["choices"][0]["delta"] == {"content": "Hi"}
    assert turn.take(HEARTBEAT) == (HEARTBEAT, None)


def test_an_answer_without_our_tools_passes_untouched() -> None:
    chunks = pieces(call(0, "weather"), size=7)
    turn = Turn({OURS})
    assert all(turn.take(each) == (each, None) for each in chunks) and turn.calls == []
