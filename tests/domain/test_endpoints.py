"""What an endpoint may be made of, and what differs between two versions."""

from __future__ import annotations

import pytest

from app.domain.endpoints import MOST_FAILOVERS, EndpointConfig, parse_config, parse_slug
from app.domain.errors import InvalidFields, InvalidInput
from app.domain.variables import Variable
from app.domain.version_diffs import MOST_LINES, Line, differences


def test_a_configuration_is_read_and_written_the_same():
    raw = {
        "model": "openai/gpt-4o-mini",
        "failover": ["anthropic/claude-haiku-4-5", "together/meta-llama/Llama-3.3-70B"],
        "prompt": "Be brief.",
        "user_prompt_template": "Summarize: {{ input }}",
        "temperature": 0.5,
        "top_p": 1,
        "max_output_tokens": 200,
        "streaming_enabled": True,
        "description": "For the inbox.",
    }
    assert parse_config(raw).as_dict() == raw
    assert parse_config(parse_config(raw).as_dict()) == parse_config(raw)


def test_only_the_model_is_needed():
    assert parse_config({"model": "demo/demo-fast"}) == EndpointConfig("demo/demo-fast")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", ""),
        ("model", "gpt-4o"),
        ("model", "Open AI/gpt"),
        ("model", "openai/"),
        ("model", "openai/gpt 4"),
        ("model", 4),
        ("failover", ["gpt-4o"]),
        ("failover", [f"demo/{n}" for n in range(MOST_FAILOVERS + 1)]),
        ("failover", "demo/demo-fast"),
        ("prompt", "x" * 100_001),
        ("prompt", "a\x00b"),
        ("user_prompt_template", "no place"),
        ("temperature", 2.1),
        ("temperature", "0.5"),
        ("temperature", True),
        ("temperature", float("nan")),
        ("top_p", -0.1),
        ("max_output_tokens", 0),
        ("max_output_tokens", 1.5),
        ("streaming_enabled", "yes"),
        ("guardrails", []),
    ],
)
def test_a_wrong_field_is_named(field, value):
    with pytest.raises(InvalidFields) as refusal:
        parse_config({"model": "demo/demo-fast", field: value})
    assert list(refusal.value.errors) == [field]


def test_everything_wrong_is_told_at_once():
    with pytest.raises(InvalidFields) as refusal:
        parse_config({"model": "x", "temperature": 9, "top_p": 9})
    assert set(refusal.value.errors) == {"model", "temperature", "top_p"}


def test_an_answer_that_must_fit_a_schema_is_not_streamed():
    raw = {"model": "demo/demo-fast", "output_schema": '{"type": "object"}'}
    assert parse_config(raw).output_schema == {"type": "object"}
    with pytest.raises(InvalidFields) as refusal:
        parse_config({**raw, "streaming_enabled": True})
    assert "cannot be streamed" in refusal.value.errors["output_schema"]


@pytest.mark.parametrize("slug", ["a", "summarize", "v2-draft", "a_b", "0"])
def test_slugs_that_are_taken(slug):
    assert parse_slug({"slug": slug}) == slug


@pytest.mark.parametrize(
    "slug", ["", "Chat", "-a", "a-", "a b", "ä", "x" * 65, "chat", "v1", "models", "info"]
)
def test_slugs_that_are_refused(slug):
    with pytest.raises(InvalidInput) as refusal:
        parse_slug({"slug": slug})
    assert refusal.value.param == "slug"


def test_differences_name_the_changed_fields_alone():
    before = EndpointConfig("demo/a", failover=("demo/b",), temperature=0.2)
    after = EndpointConfig("demo/a", failover=(), temperature=0.3)
    assert [(c.field, c.before, c.after) for c in differences(before, after)] == [
        ("failover", ["demo/b"], []),
        ("temperature", 0.2, 0.3),
    ]
    assert differences(before, before) == []


def test_long_texts_are_compared_by_line_with_their_surroundings():
    before = "\n".join(f"line {n}" for n in range(20))
    (change,) = differences(
        EndpointConfig("demo/a", prompt=before),
        EndpointConfig("demo/a", prompt=before.replace("line 3\n", "line three\n").replace("line 15\n", "")),
    )
    marks = [(line.mark, line.text) for line in change.lines]
    assert ("-", "line 3") in marks
    assert ("+", "line three") in marks
    assert ("-", "line 15") in marks
    assert ("…", "") in marks
    assert (" ", "line 9") not in marks


def test_lines_that_begin_with_signs_stay_whole():
    (change,) = differences(EndpointConfig("demo/a"), EndpointConfig("demo/a", prompt="--- a\n@@ b"))
    assert change.lines == (Line("+", "--- a"), Line("+", "@@ b"))


def test_what_has_parts_is_compared_part_by_part_in_words():
    before = {"pii": {"action": "mask", "kinds": ["email"]}, "keywords": {"words": ["a", "b"]}}
    after = {"pii": {"action": "mask", "kinds": ["email", "phone"]}}
    (change,) = differences(
        EndpointConfig("demo/a", guardrails=before), EndpointConfig("demo/a", guardrails=after)
    )
    assert [(line.mark, line.text) for line in change.lines] == [
        ("-", "pii → kinds: email"),
        ("-", "keywords → words: a, b"),
        ("+", "pii → kinds: email, phone"),
    ]
    variable = Variable("order", "int", required=True)
    (change,) = differences(EndpointConfig("demo/a"), EndpointConfig("demo/a", variables=(variable,)))
    assert ("+", "“order” → required: yes") in [(line.mark, line.text) for line in change.lines]


def test_a_text_of_too_many_lines_is_not_compared():
    (change,) = differences(
        EndpointConfig("demo/a", prompt="x\n" * (MOST_LINES + 1)), EndpointConfig("demo/a", prompt="y")
    )
    assert change.too_long
    assert change.lines == ()
