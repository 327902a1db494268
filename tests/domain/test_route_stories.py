"""A stored decision in plain words, and as the JSON receipt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from app.domain import route_stories
from app.domain.decisions import Classification, Considered, Decision
from app.domain.sentences import Sentence

DECISION = Decision(
    requested="auto",
    strategy="auto",
    chain=("one/small", "two/middle"),
    considered=(
        Considered("one/small", 60, 1_000_000, ("Its quality is at least 46.",)),
        Considered("two/middle", 76, None),
        Considered("one/large", 90, 5_000_000),
        Considered("one/tiny", 45, None, ("It cannot use tools.",), "tools"),
    ),
    classification=Classification("code", "moderate", 80, ("it contains code",)),
    min_quality=46,
    baseline_model="one/large",
    baseline_nano_usd=5_000_000,
    fitting=40,
    excluded=3,
)


def say(sentence: Sentence | None) -> str:
    if sentence is None:
        return ""
    values = {name: say(v) if isinstance(v, Sentence) else v for name, v in sentence.values.items()}
    return sentence.text % values if values else sentence.text


def test_a_choice_is_told_with_its_kind_its_floor_and_its_baseline() -> None:
    told = route_stories.tell(DECISION.as_dict())
    assert say(told.kind) == "Taken for programming, of middling difficulty (80% sure)."
    assert say(told.floor) == "Good enough here means a quality of 46."
    assert say(told.baseline).endswith("one/large, which would cost about $0.005.")
    assert (told.first, told.stands_in) == ("one/small", ("two/middle",))
    assert [(line.model_id, line.state, line.cost) for line in told.lines] == [
        ("one/small", "first", "$0.001"),
        ("two/middle", "next", "–"),
        ("one/large", "fits", "$0.005"),
        ("one/tiny", "excluded", "–"),
    ]
    assert (told.others_count, told.excluded_count) == (38, 3)


def test_a_conversation_that_stayed_and_models_that_were_named_are_told_apart() -> None:
    stayed = route_stories.tell(replace(DECISION, sticky=True).as_dict())
    assert say(stayed.strategy).startswith("The conversation stays")
    named = Decision("a/b, c/d", "in_order", ("a/b", "c/d"), (Considered("a/b", 50, None),))
    told = route_stories.tell(named.as_dict())
    assert not told.is_choice and told.kind is None and "named the models" in say(told.strategy)


def test_savings_are_told_also_when_there_are_none() -> None:
    routing = DECISION.as_dict()
    assert say(route_stories.savings(routing, 4_000_000)).startswith("$0.004 was saved")
    assert say(route_stories.savings(routing, 0)).startswith("Nothing was saved")
    assert route_stories.savings(routing, None) is None


def row(**changes: Any) -> SimpleNamespace:
    values = {
        "id": "the-id",
        "created_at": datetime(2026, 1, 2, tzinfo=UTC),
        "routing": DECISION.as_dict(),
        "routing_decision": "long texts",
        "attempts": [
            {"model_id": "one/small", "status": "failed"},
            {"model_id": "two/middle", "status": "answered"},
        ],
        "cost_nano_usd": 1_500_000,
        "savings_nano_usd": 3_500_000,
        "policy_key": None,
        "reported": None,
        "arm": None,
        "duration_ms": 812,
        "outcome": "succeeded",
        "input_tokens": 10,
        "output_tokens": 20,
        "cached": False,
        "warnings": None,
        "guardrails": None,
    }
    return SimpleNamespace(**{**values, **changes})


def test_the_receipt_has_the_fields_that_clients_know() -> None:
    told = route_stories.receipt(row())
    assert told["receipt_id"] == "the-id"
    assert told["classification"]["category"] == "code" and told["classification"]["confidence"] == 80
    assert told["candidates"][3] == {
        "model_id": "one/tiny",
        "score": 45,
        "est_cost_usd": None,
        "reasons": ["It cannot use tools."],
        "filtered_out_by": "tools",
    }
    assert told["decision"]["model_id"] == "two/middle"
    assert told["decision"]["fallback_chain"] == ["two/middle"]
    assert told["decision"]["prompt_rewritten"] is False
    assert told["decision"]["routing_decision"] == "long texts"
    assert told["execution"]["actual_cost_usd"] == 0.0015
    assert told["execution"]["actual_latency_ms"] == 812 and told["execution"]["status"] == "succeeded"


def test_a_call_that_was_not_routed_has_a_receipt_without_candidates() -> None:
    told = route_stories.receipt(row(routing=None, cost_nano_usd=None, attempts=[]))
    assert told["candidates"] == [] and told["classification"] is None
    assert told["decision"]["model_id"] is None and told["execution"]["actual_cost_usd"] is None
