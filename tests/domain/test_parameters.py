"""What each model is sent of a request, and in which words the rest is named (A3, A4, O14, O15)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.catalog import MANUAL, Model
from app.domain.errors import InvalidRequest
from app.domain.fitted import Fitted
from app.domain.old_functions import as_tools, uses_functions
from app.domain.parameters import fit
from app.domain.targets import Candidate
from app.domain.warning_headers import MOST_CHARACTERS, headers
from app.providers.anthropic_request import translate

HI = [{"role": "user", "content": "Hi"}]
TOOL = {"type": "function", "function": {"name": "f"}}
ALL = frozenset({"json_schema", "reasoning", "sampling", "streaming", "tools", "vision"})
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def fitted(model_id: str, features: frozenset[str] | None = ALL, messages: Any = HI, **body: Any) -> Fitted:
    """Fit a body to a model; `features` None: it is not in the catalog."""
    vendor, _, name = model_id.partition("/")
    dialect = vendor if vendor in ("anthropic", "demo") else "openai"
    facts = None if features is None else Model(model_id, name, features=features)
    candidate = Candidate(model_id, "p", vendor, vendor, dialect, "", name, facts, credentials=())
    return fit({"messages": messages, **body}, candidate)


def dropped(found: Fitted) -> set[str]:
    return {text.split()[0] for text in found.changed if text.endswith("dropped")}


def test_what_the_model_takes_passes_untouched() -> None:
    body = {"temperature": 1.7, "top_p": 0.5, "seed": 5, "n": 2, "logprobs": True, "top_logprobs": 3,
            "response_format": {"type": "json_object"}, "tools": [TOOL], "tool_choice": "required",
            "parallel_tool_calls": False, "stop": ["x"], "logit_bias": {"1": 5}, "user": "u", "store": True,
            "metadata": {"a": "b"}, "service_tier": "flex",
            "reasoning_effort": "low", "brand_new": 1}  # fmt: skip
    for model in ("openai/gpt-9", "mystery/model"):
        found = fitted(model, ALL if model == "openai/gpt-9" else None, **body)
        assert found.body == {"messages": HI, **body} and not found.changed
    found = fitted("mystery/model", None, top_k=5, thinking={"type": "enabled", "budget_tokens": 9000})
    assert found.body == {"messages": HI, "top_k": 5, "reasoning_effort": "high"}


def test_anthropic_gets_what_it_knows_and_the_rest_is_named() -> None:
    body = {"n": 3, "seed": 5, "logprobs": True, "top_logprobs": 2, "presence_penalty": 0.5,
            "frequency_penalty": 0.1, "logit_bias": {"1": 5}, "service_tier": "flex", "store": True,
            "metadata": {"team": "a"}, "verbosity": "low", "prediction": {"type": "content", "content": "x"},
            "modalities": ["text", "audio"], "user": "u"}  # fmt: skip
    found = fitted("anthropic/claude-haiku-4-5", **body)
    assert found.body == {"messages": HI, "user": "u"}
    assert dropped(found) == body.keys() - {"user"}
    assert "seed is not supported by anthropic/claude-haiku-4-5 and was dropped" in found.changed


def test_what_asks_for_nothing_is_dropped_without_a_word() -> None:
    body = {"n": 1, "logprobs": False, "presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {},
            "service_tier": "auto", "store": False, "metadata": {}, "seed": None, "tools": [],
            "modalities": ["text"]}  # fmt: skip
    found = fitted("anthropic/claude-haiku-4-5", **body)
    assert not found.changed and found.body.keys() <= {"messages", "tools"}


def test_clamped_renamed_and_said_otherwise() -> None:
    found = fitted("anthropic/claude-haiku-4-5", temperature=1.5, top_p=0.9)
    assert found.body["temperature"] == 1 and "top_p" not in found.body
    assert len(found.changed) == 2 and found.changed[0].startswith("temperature was lowered to 1")
    found = fitted("anthropic/claude-haiku-4-5", safety_identifier="u1")
    assert found.body["user"] == "u1" and not found.changed
    found = fitted("anthropic/claude-haiku-4-5", response_format={"type": "json_object"})
    assert "response_format" not in found.body and "JSON object" in found.body["messages"][0]["content"]
    assert "asked for in the prompt" in found.changed[0]
    found = fitted("mistral/large", seed=5, max_completion_tokens=9, logprobs=True)
    assert found.body == {"messages": HI, "random_seed": 5, "max_tokens": 9}
    assert dropped(found) == {"logprobs"}


@pytest.mark.parametrize(
    ("feature", "body", "names"),
    [
        ("sampling", {"temperature": 0.2, "top_p": 0.3}, {"temperature", "top_p"}),
        ("sampling", {"temperature": 1, "presence_penalty": 1}, {"presence_penalty"}),
        ("tools", {"tools": [TOOL], "tool_choice": "required"}, {"tools", "tool_choice"}),
        ("reasoning", {"reasoning_effort": "high"}, {"reasoning_effort"}),
        ("reasoning", {"reasoning_effort": "none"}, set()),
    ],
)  # fmt: skip
def test_what_the_catalog_says_that_a_model_cannot_do(
    feature: str, body: dict[str, Any], names: set[str]
) -> None:
    found = fitted("openai/gpt-9", ALL - {feature}, **body)
    assert found.body == {"messages": HI} and dropped(found) == names


def test_a_schema_is_asked_for_in_words_where_there_is_no_other_way() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    found = fitted("deepseek/v9", ALL - {"json_schema"}, response_format=wanted)
    assert found.body["response_format"] == {"type": "json_object"}
    assert '{"type":"object"}' in found.body["messages"][0]["content"] and len(found.changed) == 1
    found = fitted("anthropic/claude-3-5-sonnet", ALL - {"json_schema"}, response_format=wanted)
    assert "response_format" not in found.body and len(found.changed) == 1


def test_images_are_left_out_where_nobody_sees_them() -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE]}]
    found = fitted("openai/gpt-9", ALL - {"vision"}, messages)
    assert [part["type"] for part in found.body["messages"][0]["content"]] == ["text", "text"]
    assert found.changed == ["images are not supported by openai/gpt-9 and were left out"]
    assert messages[0]["content"][1] == IMAGE  # type: ignore[index]


def test_a_row_that_only_sets_a_price_says_nothing_of_features() -> None:
    facts = Model("mine/m", "M", source=MANUAL)
    candidate = Candidate("mine/m", "p", "mine", "Mine", "openai", "", "m", facts, credentials=())
    assert fit({"messages": HI, "tools": [TOOL]}, candidate).body["tools"] == [TOOL]


def test_strict_vendors_get_no_notes_of_others() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "a"} | mark]},
        {"role": "assistant", "content": "b", "reasoning_content": "r", "thinking_blocks": [{}]},
        {
            "role": "tool",
            "tool_call_id": "c",
            "content": [{"type": "text", "text": "d"}, IMAGE],
            "is_error": True,
        },
    ]
    found = fitted("openai/gpt-9", messages=messages).body["messages"]
    assert found == [
        {"role": "user", "content": [{"type": "text", "text": "a"}]},
        {"role": "assistant", "content": "b"},
        {
            "role": "tool",
            "tool_call_id": "c",
            "content": [
                {"type": "text", "text": "[The tool failed.]"},
                {"type": "text", "text": "d"},
            ],
        },
        {"role": "user", "content": [IMAGE]},
    ]
    assert fitted("groq/llama", messages=messages).body["messages"][1]["reasoning"] == "r"
    assert fitted("deepseek/v9", messages=messages).body["messages"][1]["reasoning_content"] == "r"
    assert fitted("openrouter/x", None, messages).body["messages"] == messages


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "output"),
    [
        ("claude-haiku-4-5", "medium", {"type": "enabled", "budget_tokens": 8192}, None),
        ("claude-haiku-4-5", "none", None, None),
        ("claude-3-7-sonnet", "low", {"type": "enabled", "budget_tokens": 2048}, None),
        ("claude-3-5-sonnet", "low", None, None),
        ("claude-opus-4-6", "max", {"type": "adaptive", "display": "summarized"}, "max"),
        ("claude-opus-4-6", "xhigh", {"type": "adaptive", "display": "summarized"}, "high"),
        ("claude-opus-4-8", "xhigh", {"type": "adaptive", "display": "summarized"}, "xhigh"),
        ("claude-opus-4-8", "none", None, None),
        ("claude-opus-5", "none", {"type": "disabled"}, None),
        ("claude-sonnet-5-5", "none", {"type": "between_tools"}, None),
        ("claude-haiku-5-5", "minimal", {"type": "adaptive", "display": "summarized"}, "low"),
        ("claude-fable-5-1", "none", None, "low"),
    ],
)
def test_effort_in_the_words_of_each_claude(
    model: str, effort: str, thinking: Any, output: str | None
) -> None:
    body = fitted(f"anthropic/{model}", reasoning_effort=effort).body
    assert body.get("thinking") == thinking
    assert body.get("output_config") == ({"effort": output} if output else None)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"max_tokens": 500}, "does not fit into max_tokens"),
        ({"tool_choice": "required", "tools": [TOOL]}, "forced tool"),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": [{}]},
                       {"role": "tool", "tool_call_id": "c", "content": "x"}]}, "thinking_blocks"),
    ],
)  # fmt: skip
def test_thinking_gives_way_to_what_it_does_not_go_with(body: dict[str, Any], words: str) -> None:
    found = fitted("anthropic/claude-haiku-4-5", **{"reasoning_effort": "high", **body})
    assert "thinking" not in found.body and words in found.changed[0]


def test_thinking_in_one_generations_words_is_said_in_anothers() -> None:
    budget = {"type": "enabled", "budget_tokens": 5000}
    assert fitted("anthropic/claude-opus-5", thinking=budget).body["output_config"] == {"effort": "medium"}
    assert fitted("anthropic/claude-opus-4-6", thinking=budget).body["thinking"] == budget
    found = fitted("anthropic/claude-haiku-4-5", thinking={"type": "adaptive"}, temperature=0.5, top_k=3)
    assert found.body["thinking"]["type"] == "enabled" and dropped(found) == {"temperature", "top_k"}
    room = fitted("anthropic/claude-haiku-4-5", reasoning_effort="high", max_tokens=5000).body["thinking"]
    assert room["budget_tokens"] == 4000


def test_the_demo_model_names_what_it_ignores() -> None:
    found = fitted(
        "demo/demo-fast", frozenset({"sampling", "streaming"}), seed=1, tools=[TOOL], temperature=0.1
    )
    assert found.body == {"messages": HI, "temperature": 0.1} and dropped(found) == {"seed", "tools"}


def test_warnings_fit_into_a_header() -> None:
    assert headers([]) == {}
    line = headers(["a\r\nX-Evil: 1", "ü" * 2000])["X-Aig-Warning"]
    assert line.startswith("a??X-Evil: 1; ???") and len(line) == MOST_CHARACTERS and line.isascii()
    assert headers(["a", "b"]) == {"X-Sluice-Warning": "a; b", "X-Aig-Warning": "a; b"}


FIELDS = ["type", "effort", "budget_tokens", "function", "name", "schema", "allowed_tools", "tools", "mode",
          "json_schema", "user_id"]  # fmt: skip
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "auto", "none", "enabled", "high"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=5,
)
NAMES = ["tools", "tool_choice", "functions", "function_call", "thinking", "reasoning", "reasoning_effort",
         "output_config", "response_format", "stop", "metadata", "temperature", "top_p", "service_tier",
         "cache_control", "user", "safety_identifier", "n", "logprobs", "parallel_tool_calls"]  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(NAMES), JUNK, max_size=5),
    st.sampled_from(["claude-haiku-4-5", "claude-opus-5"]),
)
def test_nonsense_is_refused_or_passed_on_but_breaks_nothing(body: dict[str, Any], model: str) -> None:
    for model_id in (f"anthropic/{model}", "openai/gpt-9", "mystery/x"):
        try:
            found = fitted(model_id, **body)
            if model_id.startswith("anthropic/"):
                translate(as_tools(found.body) if uses_functions(found.body) else found.body, model, True)
        except InvalidRequest as error:
            assert error.param


def test_openai_is_asked_in_words_for_what_is_no_object() -> None:
    def asked(schema: dict[str, Any]) -> dict[str, Any]:
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        return fitted("openai/gpt-4o-mini", response_format=wanted).body

    body = asked({"type": "array"})
    assert "response_format" not in body and "array" in str(body["messages"][0]["content"])
    assert asked({"type": "object"})["response_format"]["type"] == "json_schema"
