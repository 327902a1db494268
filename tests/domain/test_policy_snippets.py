"""Code that calls a policy: well-formed, with the headers that its rules ask for, and no key in it."""

from __future__ import annotations

import json
import re

import pytest

from app.domain.policies.rules import parse_policy
from app.domain.policy_snippets import PolicyCall, examples, snippets

RULES = [
    {"label": "A", "when": {"trial_status": "EXPIRED"}, "action": "BLOCK"},
    {"label": "B", "when": {"plan": ["it's", "pro"], "region": {"not": "eu"}, "model": "a/*"}},
    {"label": "C", "when": {"feature": "chat*", "plan": "team", "cohort": "über"}},
]
CALL = PolicyCall(
    "https://ai.example.com", "support", "openai/gpt-4o", examples(parse_policy({"rules": RULES}))
)
CODE = {sample.id: sample.code for sample in snippets(CALL)}


def test_the_headers_are_those_that_some_rule_asks_for_and_none_refuses() -> None:
    assert CALL.headers == {
        "x-kagu-user-id": "user_123",
        "x-kagu-policy-key": "support",
        "x-kagu-plan-id": "it's",
        "x-kagu-feature-key": "chat",
    }


@pytest.mark.parametrize("name", ["python", "openai"])
def test_python_compiles(name: str) -> None:
    compile(CODE[name], name, "exec")
    assert "SLUICE_KEY" in CODE[name] and "https://ai.example.com/runtime/proxy" in CODE[name]


def test_curl_sends_json_and_quotes_what_a_shell_would_read() -> None:
    found = re.search(r"-d '(.*)'", CODE["curl"])
    assert found and json.loads(found[1])["model"] == "openai/gpt-4o"
    assert "'x-kagu-plan-id: it'\\''s'" in CODE["curl"]


def test_typescript_names_every_header() -> None:
    assert all(json.dumps(name) in CODE["typescript"] for name in CALL.headers)
