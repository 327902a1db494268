"""What routing rules see of a call: measured before its prompt and history are put to it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.endpoints import EndpointConfig
from app.services.endpoint_routes import FACTS, Asked

NOW = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
SCHEMA = {"type": "object"}


def fact(name: str, body: dict[str, Any], timezone: str = "UTC", **config: Any) -> int | None:
    streams = body.get("stream") is True
    caller = SimpleNamespace(timezone=timezone, budgets=())
    target = SimpleNamespace(config=EndpointConfig(model="demo/demo-fast", **config), budgets=())
    return FACTS[name](Asked(caller, target, SimpleNamespace(body=body, wants_stream=streams), NOW))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("timezone", "minutes"), [("UTC", 1410), ("Asia/Tokyo", 510), ("America/New_York", 1110)]
)
def test_the_time_is_that_of_the_workspace(timezone: str, minutes: int) -> None:
    assert fact("time_of_day", {}, timezone) == minutes


def test_an_answer_is_streamed_only_where_the_endpoint_lets_it() -> None:
    asked = {"message": "Hi", "stream": True}
    assert fact("streaming", asked, streaming_enabled=True) == 1
    assert fact("streaming", asked) == fact("streaming", {"message": "Hi"}, streaming_enabled=True) == 0
    assert fact("streaming", asked, streaming_enabled=True, output_schema=SCHEMA) == 0


def test_a_schema_counts_wherever_it_comes_from() -> None:
    wanted = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}}
    assert fact("has_output_schema", wanted) == fact("has_output_schema", {}, output_schema=SCHEMA) == 1
    assert fact("has_output_schema", {"response_format": "odd"}) == 0
    assert (fact("has_input_schema", {}, input_schema=SCHEMA), fact("has_input_schema", wanted)) == (1, 0)


@pytest.mark.parametrize("body", [{}, {"message": 5}, {"messages": "x"}, {"messages": [5, None]}])
def test_bodies_that_are_refused_later_are_measured_all_the_same(body: dict[str, Any]) -> None:
    assert fact("messages_count", body) == 1 and fact("input_tokens", body) == 0


def test_length_is_that_of_the_clients_own_text() -> None:
    long = {"messages": [{"role": "user", "content": [{"type": "text", "text": "word " * 400}]}] * 2}
    assert fact("messages_count", long) == 2 and 900 < (fact("input_tokens", long) or 0) < 1100
    assert fact("input_tokens", {"message": "Hi"}, prompt="A long prompt. " * 999) == 5


def test_without_a_monthly_budget_nothing_is_known_of_it() -> None:
    assert fact("monthly_spend_pct", {}) is None
