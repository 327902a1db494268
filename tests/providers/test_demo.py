"""The demo provider: the same words each time, plainly labelled, with usage, and it can be stopped."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from app.domain.calls import Cancellation, Chunk, Upstream
from app.domain.provider_errors import ProviderRefused, StreamCut
from app.providers import adapter

MESSAGES = [{"role": "user", "content": "Please summarise this text. It is short."}]


def ask(model: str = "demo-fast", stream: bool = True, **body: Any) -> list[Chunk]:
    where = Upstream("demo", "demo", "", model)
    return list(adapter("demo").chat(where, {"messages": MESSAGES} | body, stream, Cancellation()))


def text_of(chunks: list[Chunk]) -> str:
    deltas = [choice["delta"] for chunk in chunks for choice in (chunk.data or {})["choices"]]
    return "".join(delta.get("content", "") for delta in deltas)


def test_it_streams_labelled_words_with_usage() -> None:
    chunks = ask()
    assert text_of(chunks).startswith("This is a demo answer: no model was asked.\nYour message has 7 words")
    assert "“Please summarise this text.”" in text_of(chunks)
    assert len(chunks) > 20
    assert chunks[-2].finish_reason == "stop"
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.input_tokens > 5 and usage.output_tokens > 20
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.data, strict=True)


def test_the_same_question_gets_the_same_answer_streamed_or_not() -> None:
    [whole] = ask(stream=False)
    assert whole.data is not None and whole.usage is not None
    ChatCompletion.model_validate(whole.data, strict=True)
    assert whole.data["choices"][0]["message"]["content"] == text_of(ask())
    assert (whole.finish_reason, whole.usage) == ("stop", ask()[-1].usage)


def test_the_careful_model_says_more() -> None:
    assert "The longest word is “summarise”" in text_of(ask("demo-careful", max_tokens=1000))


def test_a_maximum_of_tokens_is_kept() -> None:
    chunks = ask(max_tokens=5)
    assert chunks[-2].finish_reason == "length"
    assert chunks[-1].usage is not None and chunks[-1].usage.output_tokens <= 5


@pytest.mark.parametrize(
    "messages", [[], [{"role": "user", "content": ""}], [{"role": "user", "content": [1, {}]}], [5]]
)
def test_odd_conversations_get_an_answer(messages: list[Any]) -> None:
    assert "0 words" in text_of(ask(messages=messages))


def test_it_can_be_cancelled() -> None:
    cancellation = Cancellation()
    threading.Timer(0.1, lambda: cancellation.cancel("client_left")).start()
    where = Upstream("demo", "demo", "", "demo-careful")
    started = time.monotonic()
    with pytest.raises(StreamCut):
        list(adapter("demo").chat(where, {"messages": MESSAGES}, True, cancellation))
    assert time.monotonic() - started < 0.5


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ProviderRefused):
        ask("gpt-9")


def test_testing_it_always_works() -> None:
    assert "always works" in adapter("demo").test(Upstream("demo", "demo", "", ""))
