"""A record in plain words: what happened, why that model answered, and the bill line by line."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from app.domain.receipts import receipt
from app.domain.sentences import Sentence

NAMES = {"openai": "OpenAI", "anthropic": "Anthropic"}
PRICE = {
    "input": 10**9,
    "output": 5 * 10**9,
    "cache_read": 10**8,
    "cache_write": None,
    "multipliers_ppm": [10**6],
}


def attempt(model_id="openai/gpt-4o-mini", status="answered", milliseconds=420, credential="main", reason=""):
    return {
        "model_id": model_id,
        "provider": model_id.partition("/")[0],
        "credential": credential,
        "status": status,
        "reason": reason,
        "milliseconds": milliseconds,
    }


def row(**changes):
    values = {
        "outcome": "succeeded",
        "error_message": None,
        "finish_reason": "stop",
        "first_token_ms": 400,
        "model_requested": "openai/gpt-4o-mini",
        "input_tokens": 1000,
        "output_tokens": 500,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "cost_nano_usd": 3_500_000,
        "held_nano_usd": None,
        "shortfall_nano_usd": 0,
        "overage_nano_usd": 0,
        "price": PRICE,
        "cached": False,
        "action": None,
        "routing": None,
        "routing_decision": None,
        "healing": None,
        "extras": None,
        "attempts": [attempt()],
        "steps": {"auth": 80, "parse": 20, "upstream": 400_000, "stream": 900_000},
    }
    return SimpleNamespace(**{**values, **changes})


def say(sentence: Sentence) -> str:
    values = {name: say(v) if isinstance(v, Sentence) else v for name, v in sentence.values.items()}
    return sentence.text % values if values else sentence.text


def test_a_plain_answer_is_told_and_added_up():
    told = receipt(row(), NAMES)
    assert say(told.outcome) == "The model finished its answer."
    assert say(told.reason) == "openai/gpt-4o-mini was asked first and answered."
    assert [(say(line.label), line.tokens, line.usd_per_million, line.usd) for line in told.cost.lines] == [
        ("Input", 1000, "1.00", "0.001"),
        ("Output", 500, "5.00", "0.0025"),
    ]
    assert told.cost.total_usd == "0.0035" and told.cost.multipliers == ()
    assert told.own_microseconds == 100
    assert [step.name for step in told.waiting_steps] == ["upstream", "stream"]


def test_a_failover_says_why():
    attempts = [attempt(status="timed_out", milliseconds=5003), attempt("anthropic/claude-haiku-4-5")]
    told = receipt(row(attempts=attempts), NAMES)
    assert say(told.reason) == "OpenAI timed out after 5.0 s, so Anthropic answered."
    assert [line.tone for line in told.attempts] == ["error", "ok"]


def test_two_failures_are_told_in_order():
    attempts = [
        attempt(status="key_refused", credential="old"),
        attempt(status="limited", credential="new"),
        attempt("anthropic/claude-haiku-4-5"),
    ]
    told = receipt(row(attempts=attempts), NAMES)
    assert say(told.reason) == "OpenAI refused our key, OpenAI limited our rate, so Anthropic answered."


def test_models_of_one_provider_are_told_apart():
    attempts = [attempt(status="failed", milliseconds=100), attempt("openai/gpt-4o")]
    told = receipt(row(attempts=attempts), NAMES)
    assert say(told.reason) == "openai/gpt-4o-mini failed after 0.1 s, so openai/gpt-4o answered."


def test_a_first_choice_that_could_not_be_tried_is_named():
    told = receipt(row(attempts=[attempt("anthropic/claude-haiku-4-5")]), NAMES)
    assert say(told.reason) == "openai/gpt-4o-mini could not be tried, so Anthropic answered."


def test_nobody_left_to_answer():
    told = receipt(
        row(outcome="failed", error_message="Down.", attempts=[attempt(status="limited")], price=None), NAMES
    )
    assert say(told.outcome) == "No model answered: “Down.”"
    assert say(told.reason) == "OpenAI limited our rate. Nobody was left to answer."


@pytest.mark.parametrize(
    ("outcome", "first_token_ms", "text"),
    [
        ("client_left", None, "The client hung up before the first word of the answer."),
        ("client_left", 10, "The client hung up before the answer was complete."),
        ("cut", 10, "The answer began, then it was cut off: “100% off”"),
        ("refused", None, "The call was refused before any model was asked: “100% off”"),
        ("aborted", None, "The gateway itself failed, so the call ended early. The fault is ours."),
    ],
)
def test_each_outcome_has_its_words(outcome, first_token_ms, text):
    told = receipt(row(outcome=outcome, first_token_ms=first_token_ms, error_message="100% off"), NAMES)
    assert say(told.outcome) == text


def test_cache_tokens_reasoning_and_the_rates_are_spelled_out():
    stored = row(
        input_tokens=5200,
        cache_read_tokens=4000,
        cache_write_tokens=500,
        output_tokens=812,
        reasoning_tokens=300,
        price={**PRICE, "multipliers_ppm": [1_500_000, 2_000_000]},
        cost_nano_usd=16_980_000,
    )
    bill = receipt(stored, NAMES).cost
    assert [(say(line.label), line.tokens, line.usd) for line in bill.lines] == [
        ("Input, not cached", 700, "0.0007"),
        ("Input, read from the cache", 4000, "0.0004"),
        ("Input, written to the cache", 500, "0.0005"),
        ("Output, 300 of it reasoning", 812, "0.00406"),
    ]
    assert [(say(factor.label), factor.times) for factor in bill.multipliers] == [
        ("The account's rate", "1.5"),
        ("The model's rate", "2"),
    ]
    assert bill.total_usd == "0.01698"  # (0.0007 + 0.0004 + 0.0005 + 0.00406) × 1.5 × 2


def test_a_factor_of_one_is_not_told_and_older_rows_know_only_the_account_s():
    one = receipt(row(price={**PRICE, "multipliers_ppm": [10**6, 500_000]}), NAMES).cost
    assert [(say(factor.label), factor.times) for factor in one.multipliers] == [("The model's rate", "0.5")]
    old = receipt(row(price={**PRICE, "multipliers_ppm": [1_500_000]}), NAMES).cost
    assert [factor.times for factor in old.multipliers] == ["1.5"]


def test_tiny_amounts_are_exact():
    assert receipt(row(input_tokens=1, price={**PRICE, "input": 37_500_001}), NAMES).cost.lines[0].usd == (
        "0.000000037500001"
    )


def test_an_unknown_price_is_said():
    bill = receipt(row(price=None, cost_nano_usd=None), NAMES).cost
    assert bill.total_usd is None and "not known" in say(bill.note)


def test_a_call_that_nobody_answered_costs_nothing():
    bill = receipt(row(outcome="refused", attempts=[], price=None, cost_nano_usd=0), NAMES).cost
    assert say(bill.note) == "A call that no model answered costs nothing."


def test_without_a_first_word_the_rest_was_waiting():
    told = receipt(row(steps={"auth": 1, "stream": 5_000_000}, outcome="failed"), NAMES)
    assert [(step.name, step.microseconds) for step in told.waiting_steps] == [("upstream", 5_000_000)]


def test_without_an_attempt_the_rest_was_ours():
    told = receipt(row(steps={"auth": 1, "stream": 9}, outcome="refused", attempts=[]), NAMES)
    assert told.waiting_steps == () and told.own_microseconds == 10 and told.reason is None


def amounts(told):
    return {say(amount.label): amount.usd for amount in told.charge.amounts}


def test_a_hold_is_told_to_its_end():
    told = receipt(row(held_nano_usd=10_000_000), NAMES)
    assert amounts(told) == {"Held before the call": "0.01", "Charged": "0.0035", "Given back": "0.0065"}
    assert told.charge.rules == ()


def test_a_cost_beyond_the_hold_is_the_gateways():
    stored = row(held_nano_usd=3_000_000, cost_nano_usd=3_000_000, shortfall_nano_usd=500_000)
    told = receipt(stored, NAMES)
    assert amounts(told)["Not charged"] == "0.0005" and amounts(told)["Given back"] == "0.00"
    (hint,) = [say(amount.hint) for amount in told.charge.amounts if say(amount.label) == "Not charged"]
    assert hint == "The call cost more than was held. The difference is the gateway's."
    assert [(extra.sign, extra.usd) for extra in told.cost.extras] == [("−", "0.0005")]


def test_overage_of_the_plan_is_on_the_bill():
    told = receipt(row(cost_nano_usd=4_500_000, overage_nano_usd=1_000_000, held_nano_usd=9_000_000), NAMES)
    assert [(say(extra.label), extra.sign, extra.usd) for extra in told.cost.extras] == [
        ("Tokens over the plan's included ones", "+", "0.001")
    ]
    assert told.cost.total_usd == "0.0045"


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({}, ["Nothing had to be held"]),
        ({"held_nano_usd": 1, "attempts": [attempt(status="failed"), attempt()]}, ["The failed attempts"]),
        ({"held_nano_usd": 1, "outcome": "client_left"}, ["The client hung up after"]),
        ({"outcome": "cut"}, ["The answer broke off", "Nothing had to be held"]),
        ({"outcome": "refused"}, []),
    ],
)
def test_the_rule_of_the_charge_is_said(changes, rules):
    told = [say(rule) for rule in receipt(row(**changes), NAMES).charge.rules]
    assert len(told) == len(rules)
    assert all(text.startswith(start) for text, start in zip(told, rules, strict=True))


def test_a_failed_call_gives_its_whole_hold_back():
    stored = row(outcome="failed", price=None, cost_nano_usd=0, held_nano_usd=5_000_000, attempts=[])
    told = receipt(stored, NAMES)
    assert amounts(told) == {"Held before the call": "0.005", "Charged": "0.00", "Given back": "0.005"}


def test_a_replayed_answer_costs_nothing_and_says_so():
    told = receipt(row(outcome="replayed", price=None, cost_nano_usd=0, attempts=[]), NAMES)
    assert "stored answer" in say(told.outcome) and "costs nothing" in say(told.cost.note)


def test_what_was_done_to_the_answer_is_told():
    mended = {"outcome": "mended", "steps": ["fence", "missing_bracket"]}
    assert [say(note) for note in receipt(row(healing=mended), {}).notes] == [
        "The JSON was mended: the code fence around it was taken away, a missing bracket was added."
    ]
    cached = receipt(row(cached=True, attempts=[]), {})
    assert "cache" in say(cached.notes[0]) and cached.reason is None and not cached.charge.rules
    assert receipt(row(), {}).notes == ()


def test_a_routing_rule_is_named() -> None:
    told = [say(note) for note in receipt(row(routing_decision="long texts"), NAMES).notes]
    assert told == ["The endpoint's routing rule “long texts” said who is asked first."]


def test_a_model_that_a_policy_put_in_place_of_another_is_told_as_such():
    told = receipt(row(action="DOWNGRADE", model_requested="openai/gpt-4o"), NAMES)
    assert say(told.reason) == (
        "openai/gpt-4o was asked for; by the policy openai/gpt-4o-mini answered in its place."
    )
