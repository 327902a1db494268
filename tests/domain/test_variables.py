"""Variables: how they may be defined, which values they take, how they stand in a prompt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.domain.calls import Call
from app.domain.endpoints import EndpointConfig, parse_config
from app.domain.errors import InvalidFields, InvalidInput
from app.domain.prompts import request_for
from app.domain.questions import questions_of
from app.domain.templates import MOST_CHARACTERS, draft, filled, names_in
from app.domain.variables import MOST_VARIABLES, Variable, check_values, parse_variables


def parse(*definitions: Any) -> tuple[Variable, ...]:
    return parse_variables({"variables": list(definitions)})


def value(definition: dict[str, Any], given: Any) -> Any:
    return check_values(parse({"name": "x", **definition}), {"x": given})["x"]


def test_a_definition_is_read_and_written_the_same() -> None:
    raw: list[dict[str, Any]] = [
        {"name": "tone", "type": "enum", "options": ["warm", "dry"], "default": "dry", "label": "Tone?"},
        {"name": "lines", "type": "int", "min": 0, "max": 9, "default": 0},
        {"name": "polite", "type": "bool", "default": False},
        {"name": "topic", "type": "text", "required": True, "max_length": 50, "help": "One sentence."},
    ]
    assert [variable.as_dict() for variable in parse(*raw)] == raw
    assert parse({"name": "a"})[0].type == "string"


@pytest.mark.parametrize(
    ("definitions", "told"),
    [
        ([{"name": "2x"}], "Variable 2x: A name has letters"),
        ([{"name": "input"}], "caller's own text"),
        ([{"name": "a"}, {"name": "a"}], "two of this name"),
        ([{"name": "a b"}], "letters, digits and underscores"),
        ([{"name": ""}], "Variable number 1: Please fill this in."),
        ([{"name": "a", "type": "letter"}], "The type must be one of"),
        ([{"name": "a", "type": "enum"}], "List the values"),
        ([{"name": "a", "options": ["x"]}], "Only “one of” has options"),
        ([{"name": "a", "min": 1}], "Only numbers have “min”"),
        ([{"name": "a", "type": "int", "min": 3, "max": 1}], "smallest value is above"),
        ([{"name": "a", "type": "int", "max": 1.5}], "whole number"),
        ([{"name": "a", "type": "int", "max_length": 5}], "Only texts"),
        ([{"name": "a", "required": True, "default": "x"}], "needs no default"),
        ([{"name": "a", "type": "date", "default": "soon"}], "The default must be a day"),
        ([{"name": "a", "colour": "red"}], "There is no such field"),
        ([{"name": f"a{n}"} for n in range(MOST_VARIABLES + 1)], "at most 50 variables"),
        (["a"], "a list of objects"),
    ],
)
def test_a_wrong_definition_is_refused_by_its_name(definitions: list[Any], told: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse(*definitions)
    assert told in refusal.value.message and refusal.value.param == "variables"


@pytest.mark.parametrize(
    ("definition", "given", "kept"),
    [
        ({"type": "string"}, "a\nb", "a\nb"),
        ({"type": "int"}, 3.0, 3),
        ({"type": "int", "min": -2}, -2, -2),
        ({"type": "float"}, 2, 2),
        ({"type": "float"}, 2.5, 2.5),
        ({"type": "bool"}, False, False),
        ({"type": "date"}, "2024-02-29", "2024-02-29"),
        ({"type": "enum", "options": ["a", "b"]}, "b", "b"),
        ({"type": "string", "default": "d"}, None, "d"),
        ({"type": "string"}, None, None),
    ],
)
def test_values_that_fit(definition: dict[str, Any], given: Any, kept: Any) -> None:
    found = value(definition, given)
    assert found == kept and type(found) is type(kept)


@pytest.mark.parametrize(
    ("definition", "given", "told"),
    [
        ({"type": "string"}, 5, "must be a text"),
        ({"type": "string", "max_length": 3}, "secret", "at most 3 characters"),
        ({"type": "text", "required": True}, " ", "is required"),
        ({"type": "string", "required": True}, None, "is required"),
        ({"type": "int"}, True, "a whole number"),
        ({"type": "int"}, "5", "a whole number"),
        ({"type": "int"}, 2.5, "a whole number"),
        ({"type": "int", "max": 9}, 10, "at most 9"),
        ({"type": "float", "min": 0.5}, 0.25, "at least 0.5"),
        ({"type": "float"}, float("nan"), "a number"),
        ({"type": "float"}, 10**400, "a number"),
        ({"type": "bool"}, 1, "true or false"),
        ({"type": "date"}, "2023-02-29", "a day of the calendar"),
        ({"type": "date"}, "20230228", "a day of the calendar"),
        ({"type": "enum", "options": ["a", "b"]}, "secret", "one of: a, b"),
        ({"type": "enum", "options": ["a", "b"]}, ["a"], "one of: a, b"),
    ],
)
def test_values_that_do_not_fit_are_never_repeated(definition: dict[str, Any], given: Any, told: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        value(definition, given)
    assert refusal.value.message.startswith("'variables.x' ") and told in refusal.value.message
    assert "secret" not in refusal.value.message and refusal.value.param == "variables.x"


def test_a_name_that_does_not_exist_is_said_with_those_that_do() -> None:
    variables = parse({"name": "topic"}, {"name": "tone"})
    with pytest.raises(InvalidInput, match="no variable 'tpoic'. It takes: topic, tone."):
        check_values(variables, {"tpoic": "x"})
    with pytest.raises(InvalidInput) as refusal:
        check_values(variables, {"my e-mail is a@b.example": "x"})
    assert "e-mail" not in refusal.value.message


WORDS = some.text("{}a\\$\n ", max_size=12)


@given(WORDS, WORDS)
def test_values_are_put_in_once_and_as_they_are(first: str, second: str) -> None:
    template = "A {{one}} B {{ two }} C {{other}} {{7*7}} {one}"
    expected = f"A {first} B {second} C {{{{other}}}} {{{{7*7}}}} {{one}}"
    assert filled(template, {"one": first, "two": second}) == expected


def test_a_prompt_that_gets_too_long_is_refused_and_its_draft_is_as_long_as_can_be() -> None:
    template, values = "{{a}}" * 100, {"a": "x" * (MOST_CHARACTERS // 100 + 1)}
    with pytest.raises(InvalidInput, match="too long"):
        filled(template, values)
    assert len(draft(template, values)) >= MOST_CHARACTERS
    assert draft("{{a}}", values) == values["a"]


def test_names_in_prompts_must_be_variables_as_soon_as_there_are_any() -> None:
    raw: dict[str, Any] = {"model": "demo/a", "prompt": "About {{topic}} for {{whom}}."}
    assert parse_config(raw).prompt == raw["prompt"]
    with pytest.raises(InvalidFields) as refusal:
        parse_config({**raw, "variables": [{"name": "topic"}]})
    assert "{{whom}}" in refusal.value.errors["prompt"]
    both = [{"name": "topic"}, {"name": "whom"}]
    assert parse_config({**raw, "variables": both, "user_prompt_template": "{{whom}}"}).variables
    assert names_in("{{ a }}{{input}}{{a}}{{1}}") == ("a", "input")


def body_of(config: EndpointConfig, body: dict[str, Any], values: Any = None) -> dict[str, Any]:
    call = Call("endpoints", "native", lambda: b"", "id", body=body)
    return request_for(config, call, values)


@given(some.dictionaries(some.sampled_from(["a", "b", "c"]), some.integers() | WORDS | some.none()))
def test_what_is_drafted_is_never_shorter_than_what_is_sent(given: dict[str, Any]) -> None:
    variables = parse({"name": "a", "default": "much longer"}, {"name": "b"}, {"name": "c", "type": "int"})
    config = EndpointConfig("demo/a", prompt="{{a}}{{b}}{{c}}", variables=variables)
    try:
        checked = check_values(variables, given)
    except InvalidInput:
        checked = None
    drafted = body_of(config, {"message": "Hi", "variables": given})
    if checked is not None:
        assert drafted == body_of(config, {"message": "Hi", "variables": given}, checked)


def test_a_message_may_be_left_out_where_the_template_does_not_take_it() -> None:
    variables, body = parse({"name": "a"}), {"variables": {"a": "x"}}
    config = EndpointConfig("demo/a", user_prompt_template="On {{a}}", variables=variables)
    assert body_of(config, body)["messages"] == [{"role": "user", "content": "On x"}]
    for template in ("", "{{input}} {{a}}"):
        other = EndpointConfig("demo/a", user_prompt_template=template, variables=variables)
        with pytest.raises(InvalidInput, match="Send either"):
            body_of(other, body)


def test_what_a_form_asks() -> None:
    variables = parse({"name": "a"})
    asked = questions_of(EndpointConfig("demo/a", variables=variables, user_prompt_template="{{a}}"))
    assert (asked.fields, asked.place, asked.takes_text) == (variables, "variables", False)
    assert questions_of(EndpointConfig("demo/a", variables=variables)).takes_text
    closed = {"type": "object", "additionalProperties": False}
    simple = {**closed, "properties": {"n": {"type": "integer", "description": "How many"}}}
    asked = questions_of(EndpointConfig("demo/a", input_schema=simple))
    assert [field.as_dict() for field in asked.fields] == [{"name": "n", "type": "int", "help": "How many"}]
    assert (asked.place, asked.takes_text) == ("message", False)
    for schema in ({**closed, "properties": {"message": {"type": "string"}}}, {"type": "object"}):
        assert questions_of(EndpointConfig("demo/a", input_schema=schema)).fields == ()
