"""What headers and body tell of routing: exact amounts, ASCII, bounded, and nothing that is not known."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain import route_headers
from app.domain.calls import Call, Usage
from app.domain.decisions import Classification, Considered, Decision
from app.domain.record_parts import Attempt
from app.domain.records import Record
from tests.domain.routing.shop import LARGE, SMALL

KIND = Classification("code", "moderate", 80, ("it says “bug”", "it contains\r\ncode"))
DECISION = Decision(
    requested="auto",
    strategy="auto",
    chain=("one/small",),
    considered=(Considered("one/small", 60, 1, ("Its quality is at least 46.",)),),
    classification=KIND,
    baseline_model="three/large",
)


def record(**fields: Any) -> Record:
    made = Record(Call("proxy", "openai", bytes, "the-id", names_model=True))
    made.attempts = [
        Attempt("x/y", "x", "", "skipped", "", 0),
        Attempt("one/small", "one", "", "answered", "", 1),
    ]
    made.answered_by, made.usage = SMALL, Usage(1_000, 1_000, cache_read_tokens=7)
    made.cost_nano_usd, made.savings_nano_usd = 1_000_005, 29_000_000
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_choice_of_ours_is_told_in_full() -> None:
    told = route_headers.headers(record(decision=DECISION, baseline=LARGE.facts), is_done=True)
    assert told == {
        "X-KairosRoute-Provider": "one",
        "X-KairosRoute-Cost": "0.001000005",
        "X-KairosRoute-Savings": "0.029",
        "x-aig-provider": "one",
        "x-aig-served-by": "one/small",
        "x-aig-route-policy": "auto",
        "x-aig-attempts": "1",
        "X-Auto-Routed": "true",
        "X-Routing-Selected": "one/small",
        "X-Routing-Reason": 'moderate code (it says "bug", it contains??code). Its quality is at least 46.',
        "X-Routing-Complexity": "moderate",
        "X-Routing-Quality": "60",
        "X-Auto-Baseline-Model": "three/large",
        "X-Auto-Baseline-Cost-Cents": "3.000000",
        "X-Auto-Route-Fee-Cents": "0.000000",
        "X-Auto-Savings-Cents": "2.900000",
        "X-Cost-Cents": "0.100001",
        "X-Cached-Input-Units": "7",
        "x-sluice-model": "one/small",
        "x-sluice-strategy": "auto",
        "x-sluice-receipt": "the-id",
    }


def test_before_the_first_byte_nothing_is_said_of_money() -> None:
    told = route_headers.headers(record(decision=DECISION, baseline=LARGE.facts), is_done=False)
    assert told["X-Auto-Routed"] == "true" and told["X-KairosRoute-Provider"] == "one"
    assert not {name for name in told if name.endswith(("Cents", "Cost", "Savings")) and "Fee" not in name}


def test_an_unknown_cost_is_left_out_and_null_in_the_body() -> None:
    unknown = record(cost_nano_usd=None, savings_nano_usd=None)
    assert "X-KairosRoute-Cost" not in route_headers.headers(unknown, is_done=True)
    told = route_headers.extra(unknown)["x_kairosroute"]
    assert told == {"provider": "One", "cost_usd": None, "savings_usd": 0.0, "routed_from": None}


def test_doors_that_name_no_model_say_nothing() -> None:
    other = Record(Call("endpoints", "native", bytes, "the-id"))
    assert route_headers.headers(other, is_done=True) == {} == route_headers.extra(other)


@pytest.mark.parametrize(
    ("nano_usd", "told"), [(0, "0.000000"), (4, "0.000000"), (5, "0.000001"), (10**9, "100.000000")]
)
def test_cents_have_six_decimals(nano_usd: int, told: str) -> None:
    assert route_headers.cents(nano_usd) == told


def test_headers_are_short_lines_of_ascii() -> None:
    line = route_headers.plain("“ä”\r\nSet-Cookie: x" + "y" * 1_000)
    assert line.startswith('"?"??Set-Cookie') and len(line) == 400 and line.isascii()
