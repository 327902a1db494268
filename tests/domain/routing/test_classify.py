"""Requests are told apart by cheap signs, offline, in several languages, and each says by which."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from app.domain.routing.classify import MOST_CHARACTERS, classify, shortened


def asked(text: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **fields}


SAMPLES = [
    ("Hi", "chat"),
    ("What is the capital of France?", "chat"),
    ("Let us meet on 2024-01-05, or call 555-1234.", "chat"),
    ("Why does this fail?\n```\nprint(1/0)\n```", "code"),
    ("Write a Python function that reverses a list", "code"),
    ("SELECT name, id FROM users: is there an index?", "code"),
    ("Schreib eine Funktion in Rust", "code"),
    ("请修改这段代码", "code"),
    ("Prove that the square root of 2 is irrational", "reasoning"),
    ("What is 17 * 23 + 4?", "reasoning"),
    ("Solve the puzzle step by step", "reasoning"),
    ("Extract the names and dates from this letter", "extraction"),
    ("Extrahiere alle Felder aus der Rechnung", "extraction"),
    ("Summarize this article in a nutshell", "summarization"),
    ("Résume ce texte", "summarization"),
    ("请总结这篇文章", "summarization"),
    ("この記事を要約してください", "summarization"),
    ("Write a poem about the sea", "creative"),
    ("Ein Gedicht über den Herbst", "creative"),
    ("Compare both offers, with pros and cons", "analysis"),
    ("Сделай анализ рынка", "analysis"),
]


@pytest.mark.parametrize(("text", "category"), SAMPLES)
def test_the_category_is_told_by_words_and_signs(text: str, category: str) -> None:
    found = classify(asked(text))
    assert found.category == category
    assert found.reasons and 0 < found.confidence <= 95


@pytest.mark.parametrize(
    ("body", "complexity"),
    [
        (asked("Hi"), "simple"),
        (asked("Write a haiku"), "simple"),
        (asked("Fix this bug", tools=[{}] * 3), "moderate"),
        (asked("Prove the theorem", reasoning_effort="high"), "complex"),
        (asked("Design a scalable, distributed architecture in Rust.\n1. a\n2. b\n3. c"), "complex"),
        (asked("Compare these. " + "word " * 2_000), "moderate"),
    ],
)
def test_the_complexity_grows_with_what_is_asked(body: dict[str, Any], complexity: str) -> None:
    assert classify(body).complexity == complexity


def test_a_schema_makes_it_extraction_and_thinking_makes_it_reasoning() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    assert classify(asked("Hi", response_format=schema)).category == "extraction"
    assert classify(asked("Hi", reasoning_effort="high")).category == "reasoning"


def test_instructions_count_and_only_the_last_message_of_the_user_does() -> None:
    turns = [
        {"role": "system", "content": "You summarize articles."},
        {"role": "user", "content": "Write a Python function"},
        {"role": "assistant", "content": "```def f(): ...```"},
        {"role": "user", "content": [{"type": "text", "text": "And now a summary of this, please"}]},
    ]
    assert classify({"messages": turns}).category == "summarization"


def test_the_work_is_bounded_but_sees_the_end_of_a_long_text() -> None:
    text = "lorem ipsum " * 100_000 + " Summarize this."
    assert len(shortened(text)) <= MOST_CHARACTERS + 1
    assert classify(asked(text)).category == "summarization"
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    classify(asked(text))
    sys.setprofile(None)
    assert calls < 500


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": None},
        {"messages": ["x", 1]},
        asked(""),
        {"messages": [{"role": "user", "content": 5}]},
    ],
)
def test_what_makes_no_sense_is_a_simple_chat(body: dict[str, Any]) -> None:
    assert (classify(body).category, classify(body).complexity) == ("chat", "simple")
