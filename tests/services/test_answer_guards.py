"""What guardrails stop never reaches the client, wherever the provider's stream is cut, at every door."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from app.domain import dialects
from app.domain.calls import HEARTBEAT, Chunk
from app.domain.endpoint_errors import AnswerBlocked
from app.domain.forwarding import CHAT
from app.domain.guardrails.screens import Screen
from app.domain.records import Record
from tests.services.guarded_answers import (
    Settings,
    log,
    outcomes,
    passing,
    read,
    record_of,
    said,
    whole,
    written,
)
from tests.upstream_replies import USAGE, anthropic_events, data, openai_chunk, openai_events, text_block

SECRET = "AKIA" + "QX3Z7RT5WLN2MBVC"
PARTS = (SECRET, "ada.lovelace@example.com", "4111 1111 1111 1111", "Project Zeus")
TEXT = f"Key {PARTS[0]}, mail {PARTS[1]}, card {PARTS[2]} of {PARTS[3]}!"
MASKED = "Key [Secret REDACTED], mail [E-Mail REDACTED], card [Card REDACTED] of [Keyword REDACTED]!"
DOORS = ("openai", "native", "anthropic", "responses")


def all_rules(action: str) -> Settings:
    return {
        "keywords": {"action": action, "words": ["project zeus"]},
        "secrets": {"action": action},
        "pii": {"action": action, "kinds": ["email", "card"]},
    }


def response_events(*deltas: str) -> Iterable[bytes]:
    """Yield the events of a response: a text in pieces, then what repeats it whole."""
    text, number = "".join(deltas), iter(range(1000))
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    response = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "m",
        "instructions": "Be.",
    }

    def event(kind: str, **fields: Any) -> bytes:
        return data(
            {"type": f"response.{kind}", "sequence_number": next(number), **fields}, f"response.{kind}"
        )

    yield event("created", response={**response, "status": "in_progress", "output": []})
    yield event("output_item.added", output_index=0, item={**item, "status": "in_progress", "content": []})
    for delta in deltas:
        yield event("output_text.delta", **place, delta=delta, logprobs=[])
    yield event("output_text.done", **place, text=text, logprobs=[])
    yield event("content_part.done", **place, part=part)
    yield event("output_item.done", output_index=0, item=item)
    yield event("completed", response={**response, "output": [item], "usage": usage})


def upstream(kind: str, *deltas: str) -> list[Chunk]:
    """Return the chunks of an answer in pieces, as adapters and forwarders hand them out."""
    if kind in ("anthropic", "messages"):
        raw = anthropic_events(text_block(*deltas))
        return read("raw", raw, "messages") if kind == "messages" else read("anthropic", raw)
    if kind == "responses":
        return read("raw", response_events(*deltas), "responses")
    raw = openai_events(*deltas)
    return read("raw", raw, "chat") if kind == "chat" else read("openai", raw)


WAYS = [
    *(pytest.param(kind, door, id=f"{kind} at {door}") for kind in ("openai", "anthropic") for door in DOORS),
    *(pytest.param(kind, "", id=f"{kind} passed through") for kind in ("chat", "messages", "responses")),
]
PASSED_ON = {"chat": "openai", "messages": "anthropic", "responses": "openai"}


def record_for(kind: str, door: str, **more: Any) -> Record:
    if door:
        return record_of(door, **more)
    return record_of(PASSED_ON[kind], operation=kind, forwards=True, **more)


def heard(stream: str) -> str:
    """Return the text that a client puts together from a stream of any dialect."""
    found = []
    for event in said(stream):
        delta = event.get("delta")
        found += [choice["delta"].get("content") or "" for choice in event.get("choices", ())]
        if isinstance(delta, dict):
            found.append(delta.get("text") or "")
        elif isinstance(delta, str):
            found.append(delta)
    return "".join(found)


def splits() -> Iterable[tuple[str, ...]]:
    """Yield the text cut at every place, and in pieces of one to seven characters."""
    yield from ((TEXT[:place], TEXT[place:]) for place in range(1, len(TEXT)))
    for size in (1, 2, 3, 7):
        yield tuple(TEXT[place : place + size] for place in range(0, len(TEXT), size))


@pytest.mark.parametrize(("kind", "door"), WAYS)
def test_what_is_masked_never_reaches_the_client_wherever_it_is_cut(kind: str, door: str) -> None:
    for deltas in splits():
        record = record_for(kind, door)
        stream = written(upstream(kind, *deltas), record, all_rules("mask"))
        assert heard(stream) == MASKED, deltas
        assert not any(part in stream for part in PARTS) and log(record).startswith(MASKED)
        assert outcomes(record) == {"keywords": "masked", "secrets": "masked", "pii": "masked"}
        assert record.outcome == "succeeded" and "error" not in stream.replace('"error":null', "")


@pytest.mark.parametrize("kind", ["openai", "anthropic", "chat", "messages", "responses"])
def test_it_makes_no_difference_where_the_connection_cuts_the_bytes(kind: str) -> None:
    events = {
        "anthropic": list(anthropic_events(text_block(TEXT[:30], TEXT[30:]))),
        "responses": list(response_events(TEXT[:30], TEXT[30:])),
    }
    raw = b"".join(
        events.get({"messages": "anthropic"}.get(kind, kind)) or openai_events(TEXT[:30], TEXT[30:])
    )
    operation = kind if kind in PASSED_ON else "chat"
    for size in (1, 5):
        pieces = [raw[place : place + size] for place in range(0, len(raw), size)]
        chunks = read("raw" if kind in PASSED_ON else kind, pieces, operation)
        record = record_for(kind, "" if kind in PASSED_ON else "openai")
        assert heard(written(chunks, record, all_rules("mask"))) == MASKED


@pytest.mark.parametrize(("kind", "door"), WAYS)
def test_what_is_blocked_ends_the_stream_wherever_it_is_cut(kind: str, door: str) -> None:
    text = f"The key: {SECRET} is it."
    for place in range(1, len(text)):
        record = record_for(kind, door)
        rules = {"secrets": {"action": "block"}, "pii": {"action": "mask"}}
        try:
            stream = written(upstream(kind, text[:place], text[place:]), record, rules)
        except AnswerBlocked as error:
            record.fail(error)
            stream = ""
        assert SECRET[:5] not in stream and SECRET not in log(record) and "key: AKIA" not in stream
        assert outcomes(record) == {"secrets": "blocked", "pii": "not_evaluated"}
        assert record.outcome == "rejected" and record.error is not None and "secrets" in record.error.message
        assert SECRET not in record.error.message


def test_each_dialect_tells_of_the_end_in_its_own_way() -> None:
    ends = {}
    for door in DOORS:
        ends[door] = written(upstream("openai", "Hi. ", SECRET, " x"), record_of(door), {"secrets": {}})
    assert ends["native"].endswith("data: [DONE]\n\n") and "event: error" in ends["native"]
    assert "[DONE]" not in ends["openai"] and '"code":"guardrail_blocked"' in ends["openai"]
    assert "event: error" in ends["anthropic"] and "message_stop" not in ends["anthropic"]
    assert "response.failed" in ends["responses"] and "response.completed" not in ends["responses"]
    assert all("Hi. " in stream and "AWS" in stream for stream in ends.values())


@pytest.mark.parametrize(("kind", "door"), WAYS)
def test_what_holds_nothing_passes_byte_for_byte(kind: str, door: str) -> None:
    deltas = ("Hello", ", wor", "ld: 12 ", "or ", "so? ☃")
    plain, guarded = record_for(kind, door), record_for(kind, door)
    before = written(upstream(kind, *deltas), plain, {})
    after = written(upstream(kind, *deltas), guarded, all_rules("block"))
    assert stable(after) == stable(before)
    assert set(outcomes(guarded).values()) == {"passed"} and log(guarded) == log(plain)


def stable(stream: str) -> list[Any]:
    """Return a stream's data but for the times in it."""
    return [{name: value for name, value in event.items() if "created" not in name} if "response" not in event
            else event["type"] for event in said(stream)]  # fmt: skip


@pytest.mark.parametrize(("kind", "door"), WAYS)
def test_placeholders_are_put_back_for_the_client_alone(kind: str, door: str) -> None:
    text = "Write to [[EMAIL_001]] or [[EMAIL_002]]."
    vault = {"[[EMAIL_001]]": 'a"da@example.com'}
    for place in range(1, len(text)):
        record = record_for(kind, door)
        stream = written(upstream(kind, text[:place], text[place:]), record, {}, vault)
        assert heard(stream) == 'Write to a"da@example.com or [[EMAIL_002]].'
        assert log(record).startswith(text) and "@" not in log(record)


def test_a_forwarded_event_that_cannot_be_read_is_left_out_rather_than_let_through() -> None:
    odd = [f"\ufeffdata: {{broken {SECRET}\n\n".encode(), b"data: {also broken\n\n"]
    record = record_for("chat", "")
    stream = written(
        read("raw", [*odd, *openai_events("Hi")], "chat"), record, {"secrets": {"action": "mask"}}
    )
    assert (
        SECRET not in stream and "{also broken" in stream and heard(stream.replace("data: {also broken", ""))
    )
    marked = [b"\xef\xbb\xbfid: 7\n" + data(openai_chunk({"content": SECRET})), *openai_events(" it is")]
    stream = written(read("raw", marked, "chat"), record_for("chat", ""), {"secrets": {"action": "mask"}})
    assert SECRET not in stream and "id: 7" in stream and heard(stream) == "[Secret REDACTED] it is"


def arguments(*pieces: str, index: int = 0) -> list[dict[str, Any]]:
    first = {
        "index": index,
        "id": f"c{index}",
        "type": "function",
        "function": {"name": "f", "arguments": ""},
    }
    rest = [{"index": index, "function": {"arguments": piece}} for piece in pieces]
    return [{"tool_calls": [one]} for one in (first, *rest)]


def chat(*deltas: dict[str, Any], finish: str = "stop") -> list[Chunk]:
    sent = [openai_chunk(delta) for delta in ({"role": "assistant", "content": ""}, *deltas)]
    events = [
        *map(data, sent),
        data(openai_chunk({}, finish)),
        data(openai_chunk({}, choices=[], usage=USAGE)),
    ]
    return read("openai", [*events, data("[DONE]")])


def calls_heard(stream: str) -> list[str]:
    found: dict[int, str] = {}
    for event in said(stream):
        for choice in event.get("choices", ()):
            for call in choice["delta"].get("tool_calls") or ():
                text = call["function"].get("arguments", "")
                found[call["index"]] = found.get(call["index"], "") + text
    return [found[index] for index in sorted(found)]


def test_the_arguments_of_tools_are_texts_of_their_own_with_their_escapes_read() -> None:
    told = json.dumps({"to": "[[EMAIL_001]]", "key": SECRET}).replace("AKIA", "\\u0041KIA")
    vault = {"[[EMAIL_001]]": 'o"ne@example.com'}
    for place in range(1, len(told)):
        one, two = arguments(told[:place], told[place:]), arguments(told[:place], told[place:], index=1)
        turns = [delta for pair in zip(one, two, strict=True) for delta in pair]
        record = record_of("openai")
        stream = written(chat(*turns, finish="tool_calls"), record, {"secrets": {"action": "mask"}}, vault)
        found = [json.loads(text) for text in calls_heard(stream)]
        assert found == [{"to": 'o"ne@example.com', "key": "[Secret REDACTED]"}] * 2, place


def test_texts_of_several_answers_and_channels_are_not_mixed() -> None:
    half = SECRET[:10], SECRET[10:]
    pieces = [
        ({"content": half[0]}, 0),
        ({"content": half[0]}, 1),
        ({"content": half[1]}, 0),
        ({"content": "."}, 1),
    ]
    chunks = [openai_chunk({}, choices=[{"index": index, "delta": delta, "finish_reason": None}])
              for delta, index in pieces]  # fmt: skip
    ends = [
        openai_chunk({}, choices=[{"index": index, "delta": {}, "finish_reason": "stop"}]) for index in (0, 1)
    ]
    record = record_of("openai")
    stream = written(read("openai", map(data, chunks + ends)), record, {"secrets": {"action": "mask"}})
    texts = {0: "", 1: ""}
    for event in said(stream):
        for choice in event["choices"]:
            texts[choice["index"]] += choice["delta"].get("content") or ""
    assert texts == {0: "[Secret REDACTED]", 1: half[0] + "."}

    mixed = chat({"reasoning_content": half[0]}, {"content": half[1]}, {"refusal": SECRET})
    stream = written(mixed, record_of("openai"), {"secrets": {"action": "mask"}})
    assert half[0] in stream and half[1] in stream and SECRET not in stream


@pytest.mark.parametrize(
    "shape",
    [
        lambda char: {"delta": {"content": char}, "finish_reason": "stop"},
        lambda char: {"delta": {"audio": {"transcript": char}}},
        lambda char: {"delta": {}, "text": char},
        lambda char: {"delta": {"content": ""}, "message": {"content": char}},
    ],
    ids=["finishes in every chunk", "transcript", "text beside", "message in a stream"],
)
def test_what_odd_providers_say_elsewhere_is_searched_too(shape: Callable[[str], dict[str, Any]]) -> None:
    events = [openai_chunk({}, choices=[{"index": 0, **shape(char)}]) for char in f"Key {SECRET}."]
    stream = written(read("openai", map(data, events)), record_of("openai"), {"secrets": {"action": "mask"}})
    assert "[Secret REDACTED]" in stream and "K" in stream
    assert not any(f'"{char}"' in stream for char in "QX3Z7")


def test_thoughts_that_are_told_twice_at_a_time_are_searched_in_both() -> None:
    told = "word " * 12 + SECRET + " end"
    for size in (1, 7, 19):
        pieces = [told[place : place + size] for place in range(0, len(told), size)]
        twice = [{"reasoning": one, "reasoning_details": [{"type": "reasoning.text", "text": one}]}
                 for one in pieces]  # fmt: skip
        chunks = read("raw", map(data, map(openai_chunk, twice)), CHAT)
        record = record_of("openai", operation=CHAT, forwards=True)
        stream = written(chunks, record, {"secrets": {"action": "mask"}})
        heard = "".join(event["choices"][0]["delta"]["reasoning"] for event in said(stream))
        assert heard == "word " * 12 + "[Secret REDACTED] end", size


def test_thoughts_and_their_repetition_are_masked_and_lose_their_signature() -> None:
    block = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = [{"type": "thinking_delta", "thinking": text} for text in ("Key ", SECRET[:7], SECRET[7:])]
    raw = anthropic_events(
        (block, [*deltas, {"type": "signature_delta", "signature": "SIGNED"}]), text_block("Ok.")
    )
    events = list(raw)
    for door in DOORS:
        stream = written(read("anthropic", events), record_of(door), {"secrets": {"action": "mask"}})
        assert SECRET not in stream and "[Secret REDACTED]" in stream and "SIGNED" not in stream
    stream = written(read("anthropic", events), record_of("anthropic"), {"pii": {"action": "mask"}})
    assert "SIGNED" in stream


def test_the_first_chunk_goes_out_at_once_and_only_what_may_match_waits() -> None:
    passed = passing(chat({"content": "Dear "}, {"content": "ada"}, {"content": "@x "}), record_of("openai"),
                     {"pii": {"action": "mask"}})  # fmt: skip
    assert next(passed).data["choices"][0]["delta"] == {"role": "assistant", "content": ""}  # type: ignore[index]
    assert next(passed).data["choices"][0]["delta"] == {"content": "Dear "}  # type: ignore[index]

    begun = read(
        "openai",
        [
            data(openai_chunk({"role": "assistant", "content": "Hello, this here is ada"})),
            *openai_events("@x.org"),
        ],
    )
    passed = passing(begun, record_of("openai"), {"pii": {"action": "mask"}})
    deltas = [chunk.data["choices"][0]["delta"] for chunk in passed if chunk.data and chunk.data["choices"]]
    assert deltas[0] == {"role": "assistant", "content": "Hello, this here is "} and deltas[1] == {
        "content": "[E-Mail REDACTED]"
    }
    held = read(
        "openai", [data(openai_chunk({"role": "assistant", "content": "ada"})), *openai_events("@x.org")]
    )
    passed = passing(held, record_of("openai"), {"pii": {"action": "mask"}})
    assert next(passed).data["choices"][0]["delta"] == {"role": "assistant", "content": ""}  # type: ignore[index]


WHOLE_RULES: list[Settings] = [
    {"language": {"allowed": ["en"]}},
    {"patterns": {"patterns": [{"name": "odd", "pattern": r"\QB\EAD"}]}},
]


@pytest.mark.parametrize("rules", WHOLE_RULES)
def test_a_rule_about_the_whole_answer_holds_it_back_behind_heartbeats(
    rules: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.answer_passages.HEARTBEAT_SECONDS", 0)
    record = record_of("openai")
    passed = list(passing(chat({"content": "Good "}, {"content": "day"}), record, rules))
    deltas = [one.data["choices"][0]["delta"] for one in passed if one.data and one.data["choices"]]
    assert passed[1] is HEARTBEAT and [delta.get("content") for delta in deltas] == ["", "Good ", "day", None]
    assert set(outcomes(record).values()) == {"passed"}
    stream = written(chat({"content": "BA"}, {"content": "D day"}), record := record_of("openai"), rules)
    assert "D day" not in stream and "guardrail_blocked" in stream and record.outcome == "rejected"


def test_length_is_counted_while_it_streams() -> None:
    rules: Settings = {"length": {"most_characters": 10}}
    record = record_of("openai")
    stream = written(chat({"content": "12345"}, {"content": "67890"}, {"content": "1"}), record, rules)
    assert heard(stream) == "1234567890" and "guardrail_blocked" in stream
    record = record_of("openai")
    written(chat({"content": "12345"}, {"content": "67890"}), record, rules)
    assert outcomes(record) == {"length": "passed"}


def test_rules_that_only_watch_hold_nothing_back_and_tell_what_they_saw() -> None:
    rules = all_rules("shadow") | {"length": {"most_characters": 3, "action": "flag"}}
    record = record_of("openai")
    stream = written(upstream("openai", *TEXT), record, rules)
    assert heard(stream) == TEXT
    assert outcomes(record) == {
        "length": "flagged", "keywords": "would_block", "secrets": "would_block", "pii": "would_block"
    }  # fmt: skip


def test_an_answer_that_is_left_or_cut_was_not_looked_at() -> None:
    record = record_of("openai")
    passed = passing(
        upstream("openai", "Hi ", SECRET[:9], SECRET[9:]), record, {"secrets": {"action": "mask"}}
    )
    next(passed), next(passed)
    passed.close()
    assert outcomes(record) == {"secrets": "not_evaluated"} and log(record) == "Hi "


def test_a_rule_that_fails_closes_where_it_acts_and_opens_where_it_watches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*given: object) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(Screen, "scan", fail)
    monkeypatch.setattr(Screen, "spans", fail)
    record = record_of("openai")
    written(upstream("openai", "Hi"), record, {"secrets": {"action": "flag"}})
    assert outcomes(record) == {"secrets": "failed"}
    for action in ("block", "mask"):
        record = record_of("openai")
        stream = written(upstream("openai", "Hi ", SECRET), record, {"secrets": {"action": action}})
        assert (
            outcomes(record) == {"secrets": "failed"} and SECRET not in stream and "not be checked" in stream
        )


def message(text: str, **more: Any) -> dict[str, Any]:
    return {"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
            "content": [{"type": "text", "text": text}, {"type": "tool_use", "id": "t", "name": "f",
                                                         "input": {"user": text}}],
            "usage": {"input_tokens": 1, "output_tokens": 2}, **more}  # fmt: skip


def completion(text: str) -> dict[str, Any]:
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": json.dumps({"user": text})}}
    answers = [{"index": index, "message": {"role": "assistant", "content": text, "tool_calls": [call]},
                "finish_reason": "stop"} for index in (0, 1)]  # fmt: skip
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": answers,
        "usage": USAGE,
    }


def response(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    item = {"id": "i", "type": "message", "role": "assistant", "content": content}
    call = {"id": "i", "type": "function_call", "name": "f", "arguments": json.dumps({"user": text})}
    return {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [item, call],
            "usage": {"input_tokens": 1, "output_tokens": 2}}  # fmt: skip


BUFFERED: list[Any] = [
    *(pytest.param("openai", completion, door, id=f"openai at {door}") for door in DOORS),
    *(pytest.param("anthropic", message, door, id=f"anthropic at {door}") for door in DOORS),
    *(pytest.param("raw", body, kind, id=f"{kind} passed through")
      for body, kind in ((completion, "chat"), (message, "messages"), (response, "responses"))),
]  # fmt: skip


def buffered(
    upstream: str, body: Any, where: str, text: str, rules: Settings, vault: Any = None
) -> tuple[str, Record]:
    """Return the answer as the client gets it."""
    forwards = upstream == "raw"
    record = record_for(where, "" if forwards else where, streamed=False)
    [chunk] = passing([whole(upstream, body(text), where if forwards else "chat")], record, rules, vault)
    if forwards:
        return chunk.raw.decode(), record
    assert chunk.data is not None
    return json.dumps(dialects.BY_NAME[where].answer(chunk.data, record), ensure_ascii=False), record


@pytest.mark.parametrize(("upstream", "body", "where"), BUFFERED)
def test_a_buffered_answer_is_masked_in_all_its_parts(upstream: str, body: Any, where: str) -> None:
    answer, record = buffered(upstream, body, where, TEXT, all_rules("mask"))
    assert not any(part in answer for part in PARTS) and "[Card REDACTED]" in answer
    assert answer.count("[E-Mail REDACTED]") >= (1 if where == "native" else 2) and SECRET not in log(record)
    assert outcomes(record) == {"keywords": "masked", "secrets": "masked", "pii": "masked"}
    with pytest.raises(AnswerBlocked):
        buffered(upstream, body, where, TEXT, all_rules("block"))
    answer, record = buffered(upstream, body, where, "Hi [[EMAIL_001]]", {}, {"[[EMAIL_001]]": "a@b.co"})
    assert "[[EMAIL" not in answer and "a@b.co" in answer and "a@b.co" not in log(record)
    answer, _ = buffered(
        upstream, body, where, "Hi, BAD", {"language": {"allowed": ["en"], "action": "flag"}}
    )
    assert "BAD" in answer
    with pytest.raises(AnswerBlocked):
        buffered(upstream, body, where, "Hi, BAD", {"language": {"allowed": ["en"]}})
