"""Embeddings: what may be asked, what each vendor is sent of it, and the two forms of a vector."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.embeddings import MOST_INPUTS, fit, in_form, request_for
from app.domain.errors import InvalidRequest
from app.domain.targets import Candidate
from app.services.catalog import shipped


def candidate(model_id: str) -> Candidate:
    slug, _, name = model_id.partition("/")
    facts = shipped().find(model_id)
    return Candidate(model_id, slug, slug, slug, "openai", "", name, facts, ())


@pytest.mark.parametrize(
    "given", ["a", ["a", "b"], [1, 2, 3], [[1, 2], [3]], ["a", [1]], ["a"] * MOST_INPUTS]
)
def test_every_form_of_input_is_passed_on_as_it_is(given: Any) -> None:
    body = {"model": "m", "input": given, "dimensions": 8, "zdr": True, "user": None, "stream": True}
    assert request_for(body) == {"input": given, "dimensions": 8}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": [["a"]]}, "input"),
        ({"input": [1, -1]}, "input"),
        ({"input": [1, True]}, "input"),
        ({"input": {"text": "a"}}, "input"),
        ({"input": ["a"] * (MOST_INPUTS + 1)}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": "8"}, "dimensions"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        request_for(body)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("model", "sent", "dropped"),
    [
        (
            "openai/text-embedding-3-small",
            {"dimensions": 8, "encoding_format": "base64", "user": "u"},
            ["task"],
        ),
        ("openai/text-embedding-ada-002", {"encoding_format": "base64", "user": "u"}, ["dimensions", "task"]),
        ("mistral/codestral-embed-2505", {"output_dimension": 8}, ["task", "user"]),
        ("mistral/mistral-embed", {}, ["dimensions", "task", "user"]),
        ("google/gemini-embedding-001", {"dimensions": 8}, ["task", "user"]),
        ("local/nomic-embed-text", {"dimensions": 8, "user": "u", "task": "t"}, []),
        ("elsewhere/unknown", {"dimensions": 8, "user": "u", "task": "t"}, []),
    ],
)
def test_a_vendor_gets_what_it_knows_and_the_rest_is_named(
    model: str, sent: dict[str, Any], dropped: list[str]
) -> None:
    asked = {"input": "a", "dimensions": 8, "encoding_format": "base64", "user": "u", "task": "t"}
    fitted = fit(asked, candidate(model))
    assert fitted.body == {"input": "a", **sent}
    assert [text.partition(" ")[0] for text in fitted.changed] == dropped
    assert asked["task"] == "t"  # the next candidate gets it whole


def test_a_vector_comes_as_numbers_or_as_base64_whatever_the_provider_sent() -> None:
    numbers = {"object": "embedding", "index": 0, "embedding": [0.5, -1.0, 0.25]}
    written = {**numbers, "embedding": "AAAAPwAAgL8AAIA+"}
    assert in_form(numbers, "base64") == written and in_form(written, "float") == numbers
    assert in_form(numbers, "float") is numbers and in_form(written, "base64") is written


@pytest.mark.parametrize("item", [None, 7, {}, {"embedding": "%%%"}, {"embedding": ["a"]}])
def test_what_is_no_vector_stays_as_it_came(item: Any) -> None:
    assert in_form(item, "base64") == item and in_form(item, "float") == item
