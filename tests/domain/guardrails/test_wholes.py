"""Guardrails about a whole text: its length, its language, whether it is JSON."""

from __future__ import annotations

import pytest

from app.domain.guardrails.rules import Rule
from app.domain.guardrails.wholes import Whole, check


def rule(kind: str, **fields: object) -> Rule:
    return Rule(kind, kind, "block", "both", **fields)  # type: ignore[arg-type]


def test_length_is_counted_in_characters_over_all_parts() -> None:
    five = rule("length", most_characters=5)
    assert not check(five, ["äöü😀é"]).breaks
    assert check(five, ["äöü😀éx"]) == Whole(True, detail="6 characters, 5 are allowed")
    assert not check(five, ["ab", "cd"]).breaks
    assert check(five, ["ab", "cde"]).breaks
    assert not check(five, []).breaks


@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        ('{"a": [1, 2.5, null, "ä"]}', True), (" [1] \n", True), ("12", True), ('"text"', True),
        ("null", True),
        ("", False), ("text", False), ("{'a': 1}", False), ('{"a": 1} and more', False), ("NaN", False),
        ('```json\n{"a": 1}\n```', False), ('{"a": 1', False), ("[" * 2_000 + "]" * 2_000, False),
    ],
)  # fmt: skip
def test_json_only_takes_one_json_value_and_nothing_else(text: str, is_json: bool) -> None:
    assert check(rule("json_only"), [text]) == Whole(not is_json)


GERMAN = "Guten Tag, ich habe eine Frage zu meiner letzten Bestellung und bitte um eine kurze Auskunft."
ENGLISH = "Good morning, I have a question about my last order and would like a short answer, please."
DANISH = "Dette er en lille dansk sætning om vejret i dag, som er ganske godt."


@pytest.mark.parametrize(
    ("text", "allowed", "breaks"),
    [
        (GERMAN, ("de",), False),
        (GERMAN, ("en", "fr"), True),
        (ENGLISH, ("en",), False),
        (ENGLISH, ("de",), True),
        (ENGLISH.upper(), ("en",), False),
        (f"{ENGLISH}\n```python\nfor wert in liste: drucke(wert)\n```", ("en",), False),
        ("这是一个中文句子，关于今天的天气情况。", ("zh",), False),
        ("これは今日の天気についての日本語の文章です。", ("en",), True),
        ("Это русское предложение о погоде сегодня.", ("en", "de"), True),
        ("Bonjour, j'ai une question à propos de ma dernière commande.", ("fr",), False),
    ],
)
def test_languages_are_told_apart(text: str, allowed: tuple[str, ...], breaks: bool) -> None:
    told = check(rule("language", allowed=allowed), [text])
    assert told.decided and told.breaks is breaks


@pytest.mark.parametrize(
    "text", ["", "ok", "Hi!", "12345 67890 12345 67890", "https://example.org/a-long-way/to"]
)
def test_a_text_without_enough_words_is_not_decided_and_says_so(text: str) -> None:
    told = check(rule("language", allowed=("de",)), [text])
    assert not told.decided and not told.breaks
    assert "language" in told.detail


def test_the_detail_names_the_language_in_words_never_the_text() -> None:
    assert check(rule("language", allowed=("de",)), [ENGLISH]).detail == "it seems to be English"


def test_line_ends_and_long_texts_do_no_harm() -> None:
    assert not check(rule("language", allowed=("de",)), [f"{GERMAN}\n" * 5_000]).breaks
