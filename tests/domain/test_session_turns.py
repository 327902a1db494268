"""What of an answer a conversation keeps: without thoughts, with the placeholders of what was taken out."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.calls import Call
from app.domain.guardrails.guarding import Guarding
from app.domain.records import Record
from app.domain.session_turns import answer_of, hidden_again


def record_of(outcome: str = "succeeded", *, streamed: bool = False, **vault: str) -> Record:
    call = Call("endpoints", "native", bytes, "id")
    guarding = Guarding(vault={f"[[{name}]]": value for name, value in vault.items()})
    return Record(call, outcome=outcome, streamed=streamed, guarding=guarding)


def whole(**message: Any) -> list[dict[str, Any]]:
    return [{"choices": [{"index": 0, "message": {"role": "assistant", **message}}]}]


def pieces(*deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]


CALL = {"id": "c1", "type": "function", "function": {"name": "mail", "arguments": '{"to":"ann@x.de"}'}}


def test_thoughts_are_not_kept() -> None:
    heard = whole(content="Yes.", reasoning_content="Hm.", annotations=[1])
    assert answer_of(record_of(), heard) == {"role": "assistant", "content": "Yes."}


def test_a_stream_is_put_together() -> None:
    heard = pieces({"role": "assistant", "content": ""}, {"content": "Y"}, {"content": "es."})
    assert answer_of(record_of(streamed=True), heard) == {"role": "assistant", "content": "Yes."}


@pytest.mark.parametrize("outcome", ["failed", "rejected", "cut", "refused", "aborted"])
def test_of_what_failed_nothing_is_kept(outcome: str) -> None:
    assert answer_of(record_of(outcome, streamed=True), pieces({"content": "Half"})) is None


def test_of_a_stream_that_was_left_its_text_is_kept() -> None:
    heard = pieces({"content": "Half"}, {"tool_calls": [{"index": 0, **CALL}]})
    kept = answer_of(record_of("client_left", streamed=True), heard)
    assert kept == {"role": "assistant", "content": "Half"}
    assert answer_of(record_of("client_left"), whole(content="Never sent")) is None


@pytest.mark.parametrize("message", [{}, {"content": ""}, {"content": None, "tool_calls": []}])
def test_an_answer_that_says_nothing_is_none(message: dict[str, Any]) -> None:
    assert answer_of(record_of(), whole(**message)) is None


def test_what_was_taken_out_is_taken_out_again() -> None:
    heard = whole(content="Ann is at ann@x.de, Anna is not.", tool_calls=[CALL])
    kept = answer_of(record_of(EMAIL_001="ann@x.de", NAME_001="Ann"), heard)
    assert kept is not None and kept["content"] == "[[NAME_001]] is at [[EMAIL_001]], Anna is not."
    assert kept["tool_calls"][0]["function"]["arguments"] == '{"to":"[[EMAIL_001]]"}'


@pytest.mark.parametrize("said", ['{"a": "Ren\\u00e9e \\"R\\""}', '{"a": "Renée \\"R\\""}', 'Renée "R"'])
def test_it_is_found_however_json_spells_it(said: str) -> None:
    assert "Ren" not in hidden_again(said, {"[[NAME_001]]": 'Renée "R"'})
