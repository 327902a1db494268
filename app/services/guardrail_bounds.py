"""What guardrails may add to a call, held for before they run: masks lengthen a text, a judge is paid."""

from __future__ import annotations

from dataclasses import replace

from app.domain.bounds import BYTES_PER_TOKEN, Bound
from app.domain.callers import Caller
from app.domain.calls import Usage
from app.domain.errors import UnknownPrice
from app.domain.guardrails.rules import Rule
from app.domain.holds import cost_at_worst, terms_of
from app.domain.pricing import MILLION
from app.domain.records import Record
from app.services import guardrail_settings, judges

READ_PER_TOKEN = BYTES_PER_TOKEN  # another model has other tokens: so many of its own for each of the answer


def widened(bound: Bound, record: Record) -> Bound:
    """Return the bound with all that guardrails may add; UnknownPrice where a judge has no price."""
    guards = guardrail_settings.of(record)
    if guards is None:
        return bound
    size = BYTES_PER_TOKEN * bound.estimated_input_tokens
    grown = guards.input.growth(size)
    bound = replace(
        bound,
        input_tokens=bound.input_tokens + grown,
        estimated_input_tokens=bound.estimated_input_tokens + (grown and bound.estimated_input_tokens // 4),
    )
    for rule in guards.judges:
        bound = with_judge(bound, record, rule, size + grown)
    return bound


def with_judge(bound: Bound, record: Record, rule: Rule, size: int) -> Bound:
    """Return the bound with one judge's questions in it."""
    caller, target = record.caller, record.target
    assert caller is not None and target is not None
    candidate = judges.judge_of(caller, rule)
    if candidate is None:  # it will not be asked
        return bound
    if terms_of(caller, target).needs_price and (candidate.facts is None or candidate.facts.price is None):
        raise UnknownPrice(f"Unknown model pricing: {candidate.model_id}, which judges this call.")
    if rule.covers("input"):
        bound = with_question(bound, caller, rule, size)
    return with_answer(bound, caller, rule) if rule.covers("output") else bound


def with_question(bound: Bound, caller: Caller, rule: Rule, size: int) -> Bound:
    """Return the bound with one question about a text of so many bytes."""
    candidate = judges.judge_of(caller, rule)
    assert candidate is not None
    most = Usage(judges.most_input_tokens(rule, size), judges.MOST_OUTPUT)
    cost = cost_at_worst(candidate, most, caller.rate_multiplier_ppm)
    return replace(
        bound,
        fixed_nano_usd=bound.fixed_nano_usd + cost,
        beside_tokens=bound.beside_tokens + most.input_tokens + most.output_tokens,
    )


def with_answer(bound: Bound, caller: Caller, rule: Rule) -> Bound:
    """Return the bound with a question about the answer, whose length is not known yet."""
    candidate = judges.judge_of(caller, rule)
    assert candidate is not None
    per_million = cost_at_worst(candidate, Usage(READ_PER_TOKEN * MILLION), caller.rate_multiplier_ppm)
    return replace(
        with_question(bound, caller, rule, 0),
        read_tokens=bound.read_tokens + READ_PER_TOKEN,
        read_nano_usd_per_million=bound.read_nano_usd_per_million + per_million,
    )
