"""What a receipt says of a policy and of a rollout."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from app.domain import policy_stories
from app.domain.sentences import Sentence

NOTHING = dict.fromkeys(
    ("policy_key", "policy_version", "policy_state", "policy_rule", "action", "arm", "rollout_id", "context",
     "savings_nano_usd", "plan", "region")
)  # fmt: skip
GOVERNED = {"policy_key": "chat", "policy_version": 3, "action": "ALLOW", "model_requested": "openai/gpt-4o"}


def row(**values: Any) -> Any:
    return SimpleNamespace(**{**NOTHING, "model_requested": "openai/gpt-4o", **values})


def said(sentence: Sentence) -> str:
    values = {n: said(v) if isinstance(v, Sentence) else v for n, v in sentence.values.items()}
    return sentence.text % values


def told(**values: Any) -> list[str]:
    return [said(sentence) for sentence in policy_stories.notes(row(**values))]


def test_nothing_is_said_of_a_call_without_policy_and_rollout() -> None:
    assert told() == [] and policy_stories.receipt(row()) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "No rule of the policy “chat” (version 3) held"),
        ({"policy_state": "FULL"}, "No rule of the policy “chat” (version 3) held"),
        ({"policy_state": "OFF"}, "The policy “chat” was switched off, so the model asked for may answer."),
        ({"policy_rule": "All", "action": "ALLOW"}, "The rule “All” of the policy “chat” (version 3) held:"),
        ({"policy_rule": "Free", "action": "DOWNGRADE"}, "another model answers in place"),
        ({"policy_rule": "Help", "action": "FALLBACK"}, "other models stand in"),
        ({"policy_rule": "Late", "action": "BLOCK"}, "nobody may answer"),
    ],
)
def test_the_rule_and_what_it_does_are_told(values: dict[str, Any], words: str) -> None:
    [sentence] = told(**GOVERNED | values)
    assert words in sentence


def test_savings_and_the_side_of_a_rollout_are_told() -> None:
    more = {"action": "DOWNGRADE", "policy_rule": "Free", "arm": "new", "savings_nano_usd": 2_000_000}
    sentences = told(**GOVERNED | more)
    assert "saved $0.002" in sentences[1]
    assert "belonged to those who get it" in sentences[2]
    assert "in shadow" in told(arm="shadow")[0] and "keep the old one" in told(arm="old")[0]


def test_what_the_client_said_is_listed_under_plain_names() -> None:
    found = policy_stories.facts(row(context={"trial_status": "EXPIRED", "plan": "pro", "odd": "x"}))
    assert [(said(label), value) for label, value in found] == [("Plan", "pro"), ("Trial", "EXPIRED")]
