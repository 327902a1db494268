"""The code samples: real addresses, well-formed, and no key in them. Elsewhere they are run as copied."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from app.domain.questions import Questions
from app.domain.snippets import EXAMPLE, Address, snippets
from app.domain.variables import Variable, check_values

ADDRESS = Address("https://ai.example.com", "6f1c2b9e-0000-4000-8000-000000000001", "summarize")
URL = "https://ai.example.com/api/6f1c2b9e-0000-4000-8000-000000000001/summarize"


def code(name: str, stream: bool) -> str:
    return next(sample.code for sample in snippets(ADDRESS, stream=stream) if sample.id == name)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["curl", "python", "javascript"])
def test_each_calls_the_endpoint_with_the_key_of_the_environment(name, stream):
    text = code(name, stream)
    assert f'"{URL}"' in text
    assert "SLUICE_KEY" in text
    assert ("stream" in text) == stream


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["python", "openai"])
def test_python_compiles(name, stream):
    compile(code(name, stream), name, "exec")


@pytest.mark.parametrize("stream", [False, True])
def test_the_body_that_curl_sends_is_json(stream):
    body = json.loads(re.search(r"-d '(.*)'", code("curl", stream))[1])
    assert body.get("stream", False) is stream
    assert isinstance(body["message"], str)


VARIABLES = (
    Variable("topic", label="The customer's topic"),
    Variable("pages", type="int", min=3),
    Variable("day", type="date", required=True),
    Variable("tone", type="enum", options=("kind", "short")),
    Variable("urgent", type="bool", default=False),
)
FILLED = {"topic": "The customer's topic", "pages": 3, "day": "2026-01-31", "tone": "kind", "urgent": False}


def test_every_variable_has_a_value_that_it_may_have():
    assert check_values(VARIABLES, FILLED) == FILLED
    whole = {sample.id: sample.code for sample in snippets(ADDRESS, stream=False, asks=Questions(VARIABLES))}
    sent = subprocess.run(
        ["sh", "-c", whole["curl"].replace("curl", "printf '%s\n'", 1)], capture_output=True, text=True
    )
    assert json.loads(sent.stdout.splitlines()[-1]) == {"message": EXAMPLE, "variables": FILLED}
    assert repr(FILLED) in whole["python"]
    assert f"extra_body={{'variables': {FILLED!r}}}" in whole["openai"]
    assert json.dumps(FILLED) in whole["javascript"]
    compile(whole["openai"], "openai", "exec")


def test_the_openai_sdk_is_pointed_at_the_project_and_named_the_slug():
    text = code("openai", False)
    assert 'base_url="https://ai.example.com/api/6f1c2b9e-0000-4000-8000-000000000001/v1"' in text
    assert 'model="summarize"' in text


@pytest.mark.parametrize("language", ["curl", "python", "javascript", "openai"])
def test_fields_of_a_message_are_filled_in_and_a_text_only_where_it_is_asked(language):
    fields = Questions(VARIABLES[:1], "message", takes_text=False)
    text = {sample.id: sample.code for sample in snippets(ADDRESS, stream=False, asks=fields)}[language]
    assert EXAMPLE not in text and "topic" in text and "variables" not in text
    if language in ("python", "openai"):
        compile(text, language, "exec")
