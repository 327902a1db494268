"""Tool arguments arrive byte for byte, wherever the upstream's stream is cut, and so do ours at clients."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from app.domain.calls import Call, Chunk
from app.domain.chat import join
from app.domain.dialects import OPENAI
from app.domain.reasoning_fields import normalized
from app.domain.records import Record
from app.domain.sse import Splitter
from app.domain.streams import events
from app.providers.anthropic_answer import StreamTranslator
from app.providers.base import END, chunk_of
from tests.upstream_replies import anthropic_events, data, openai_chunk, text_block

FIRST = '{"city":"Zürich \\"1\\" ☃","n":-1.50e3,"nested":{"a":[1,2,{"b":null}]}}'
SECOND = '{"text":"data: [DONE]\\n\\n"}'
Call_ = tuple[str, str, str]


def opened(index: int, call_id: str, name: str, text: str = "") -> dict[str, Any]:
    function = {"name": name, "arguments": text}
    return {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]}


def more(index: int, text: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}


def openai_answer(*deltas: dict[str, Any]) -> bytes:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    sent = [openai_chunk(delta) for delta in deltas]
    sent += [openai_chunk({}, "tool_calls"), openai_chunk({}, choices=[], usage=usage)]
    return b"".join([*map(data, sent), data("[DONE]")])


def use(call_id: str, name: str, *pieces: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return {"type": "tool_use", "id": call_id, "name": name, "input": {}}, deltas


def pieces_of(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


TEXT = {"role": "assistant", "content": "Let me see."}
OPENAI_ANSWERS: dict[str, tuple[bytes, list[Call_]]] = {
    "several after text": (
        openai_answer(
            TEXT, opened(0, "c1", "f"), *[more(0, one) for one in pieces_of(FIRST, 7)],
            opened(1, "c2", "g"), *[more(1, one) for one in pieces_of(SECOND, 5)],
        ),
        [("c1", "f", FIRST), ("c2", "g", SECOND)],
    ),
    "tool first, whole at once": (
        openai_answer({"role": "assistant", "content": None, **opened(0, "c1", "f", FIRST)}),
        [("c1", "f", FIRST)],
    ),
    "parallel, in turns": (
        openai_answer(
            opened(0, "c1", "f"), opened(1, "c2", "g"),
            *[more(number % 2, one)
              for pair in zip(pieces_of(FIRST, 4), pieces_of(SECOND.ljust(len(FIRST)), 4), strict=True)
              for number, one in enumerate(pair)],
        ),
        [("c1", "f", FIRST), ("c2", "g", SECOND.ljust(len(FIRST)))],
    ),
    "without arguments": (openai_answer(opened(0, "c1", "f"), more(0, "{}")), [("c1", "f", "{}")]),
}  # fmt: skip
ANTHROPIC_ANSWERS: dict[str, tuple[bytes, list[Call_]]] = {
    "several after text": (
        b"".join(
            anthropic_events(
                text_block("Let me see."), use("c1", "f", "", *pieces_of(FIRST, 7)),
                use("c2", "g", *pieces_of(SECOND, 5)), stop="tool_use",
            )
        ),
        [("c1", "f", FIRST), ("c2", "g", SECOND)],
    ),
    "tool first, then text": (
        b"".join(anthropic_events(use("c1", "f", FIRST), text_block("So."), stop="tool_use")),
        [("c1", "f", FIRST)],
    ),
    "without arguments": (
        b"".join(anthropic_events(use("c1", "f", ""), use("c2", "g"), stop="tool_use")),
        [("c1", "f", "{}"), ("c2", "g", "{}")],
    ),
}  # fmt: skip
ANSWERS = [
    *(pytest.param("openai", *answer, id=f"openai: {name}") for name, answer in OPENAI_ANSWERS.items()),
    *(
        pytest.param("anthropic", *answer, id=f"anthropic: {name}")
        for name, answer in ANTHROPIC_ANSWERS.items()
    ),
]


def datas(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the data of each event of a stream that comes in such pieces."""
    splitter = Splitter()
    for piece in pieces:
        yield from (event.data for event in splitter.feed(piece))
    yield from (event.data for event in splitter.finish())


def read(dialect: str, pieces: Iterable[bytes]) -> list[Chunk]:
    """Return the chunks that an adapter makes of it."""
    if dialect == "openai":
        return [chunk_of(normalized(json.loads(one))) for one in datas(pieces) if one != END]
    translator = StreamTranslator()
    return [translator.chunk(json.loads(one)) for one in datas(pieces)]


def calls_in(answers: Iterable[dict[str, Any]]) -> list[Call_]:
    """Return the tool calls that an answer's chunks make up."""
    [choice] = join(answers)["choices"]
    assert choice["finish_reason"] == "tool_calls"
    found = choice["message"]["tool_calls"]
    return [(one["id"], one["function"]["name"], one["function"]["arguments"]) for one in found]


def answers_of(chunks: Iterable[Chunk]) -> list[dict[str, Any]]:
    return [chunk.data for chunk in chunks if chunk.data is not None]


@pytest.mark.parametrize(("dialect", "stream", "expected"), ANSWERS)
def test_arguments_survive_a_cut_at_every_byte(dialect: str, stream: bytes, expected: list[Call_]) -> None:
    whole = answers_of(read(dialect, [stream]))
    assert calls_in(whole) == expected
    assert deep(answers_of(read(dialect, (stream[i : i + 1] for i in range(len(stream)))))) == deep(whole)
    events_seen = list(datas([stream]))
    for place in range(1, len(stream)):
        assert list(datas((stream[:place], stream[place:]))) == events_seen, place


def deep(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the answers but for when they were made."""
    return [{name: value for name, value in one.items() if name != "created"} for one in answers]


@pytest.mark.parametrize(("dialect", "stream", "expected"), ANSWERS)
def test_what_we_write_survives_a_cut_at_every_byte_too(
    dialect: str, stream: bytes, expected: list[Call_]
) -> None:
    record = Record(Call("proxy", "openai", lambda: b"", "r1"))
    written = b"".join(events(iter(read(dialect, [stream])), OPENAI, record))
    seen = list(datas([written]))
    assert seen[-1] == END
    answers = [json.loads(one) for one in seen[:-1]]
    assert answers[0]["choices"][0]["delta"]["role"] == "assistant"
    assert all(len(one["choices"]) == 1 for one in answers) and calls_in(answers) == expected
    assert list(datas(written[i : i + 1] for i in range(len(written)))) == seen
