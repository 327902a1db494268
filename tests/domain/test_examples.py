"""Saved examples: what may be expected, and the complaints about answers."""

from __future__ import annotations

import pytest

from app.domain.errors import InvalidFields, InvalidInput
from app.domain.examples import Answered, Expected, complaints, digest, parse_body, parse_expected


def check(answered: Answered, **expected: object) -> list[str]:
    return complaints(parse_expected({"expected": expected}), answered)


@pytest.mark.parametrize(
    ("expected", "answered", "complaint"),
    [
        ({"contains": ["refund"]}, Answered("We REFUND you."), None),
        ({"contains": ["refund"]}, Answered("Sorry."), "The answer does not contain “refund”."),
        ({"contains": ["refund"], "match_case": True}, Answered("REFUND"), "does not contain"),
        ({"not_contains": ["Straße"]}, Answered("STRASSE"), "contains “Straße”, which it must not"),
        ({"most_output_tokens": 10}, Answered(output_tokens=10), None),
        ({"most_output_tokens": 10}, Answered(output_tokens=1_200), "1,200 output tokens, more than 10"),
        ({"most_cost_usd": "0.001"}, Answered(cost_nano_usd=2_000_000), "cost $0.002, more than $0.001"),
        ({"most_cost_usd": "0.001"}, Answered(cost_nano_usd=None), "not known"),
        ({"most_milliseconds": 100}, Answered(milliseconds=101), "101 ms, more than 100 ms"),
        ({}, Answered(error="Nobody answered."), "No answer came: Nobody answered."),
        ({"fits_output_schema": True}, Answered(misfits=("It is not JSON.",)), "It is not JSON."),
        ({"blocked_by": "any"}, Answered(error="No.", blocked_by=("pii",)), None),
        ({"blocked_by": "pii"}, Answered(error="No.", blocked_by=("pii",)), None),
        ({"blocked_by": "patterns"}, Answered(error="No.", blocked_by=("pattern:orders",)), None),
        (
            {"blocked_by": "pii"},
            Answered("Hi"),
            "was answered, but should have been blocked by the guardrail",
        ),
        ({"blocked_by": "pii"}, Answered(error="x", blocked_by=("secrets",)), "blocked by “secrets”, but"),
        ({"blocked_by": "any"}, Answered(error="Down."), "failed for another reason: Down."),
    ],
)
def test_an_answer_is_held_against_what_is_expected(expected, answered, complaint):
    found = check(answered, **expected)
    assert found == [] if complaint is None else complaint in found[0] and len(found) == 1


def test_every_complaint_is_told_at_once():
    answered = Answered("Sorry!", output_tokens=9, misfits=("It is not JSON.",))
    found = check(answered, contains=["a", "b"], not_contains=["sorry"], most_output_tokens=1)
    assert len(found) == 5


@pytest.mark.parametrize(
    ("expected", "field"),
    [
        ({"contain": ["x"]}, "expected.contain"),
        ({"contains": "x"}, "expected.contains"),
        ({"most_output_tokens": 0}, "expected.most_output_tokens"),
        ({"most_cost_usd": "cheap"}, "expected.most_cost_usd"),
        ({"blocked_by": "hours"}, "expected.blocked_by"),
        ({"blocked_by": "pii", "contains": ["x"]}, "expected.blocked_by"),
        ({"json_schema": "object"}, "expected.json_schema"),
    ],
)
def test_what_cannot_be_expected_is_refused_by_its_field(expected, field):
    with pytest.raises(InvalidFields) as refusal:
        parse_expected({"expected": expected})
    assert list(refusal.value.errors) == [field]


def test_what_is_set_comes_back_as_it_was_written():
    given = {
        "contains": ["a"],
        "match_case": True,
        "json_schema": {"type": "object"},
        "most_cost_usd": "0.0015",
        "most_output_tokens": 5,
    }
    assert parse_expected({"expected": given}).as_dict() == given
    assert Expected().as_dict() == {}


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"message": "a", "messages": []},
        {"message": "a", "stream": True},
        {"message": "a", "variables": ["x"]},
        {"message": "a" * 300_000},
    ],
)
def test_a_request_that_could_not_be_sent_is_refused(body):
    with pytest.raises(InvalidInput) as refusal:
        parse_body({"body": body})
    assert refusal.value.param == "body"


def test_an_example_is_another_one_once_anything_in_it_changes():
    one = digest({"message": "a", "variables": {"b": 1, "a": 2}}, {})
    assert one == digest({"variables": {"a": 2, "b": 1}, "message": "a"}, {})
    assert one != digest({"message": "a", "variables": {"b": 1, "a": 3}}, {})
    assert one != digest({"message": "a", "variables": {"b": 1, "a": 2}}, {"contains": ["x"]})
