"""Light mode's bodies: tokens, times, money and words as clients send them; what is wrong is 400 in words."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.catalog import Model
from app.domain.errors import InvalidRequest
from app.domain.light import asks, costs, reports, tiers
from app.domain.light.told import Report
from app.domain.pricing import Price

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
WHO = {"userId": "u", "policyKey": "p"}


def read(**body: Any) -> Report:
    return reports.read({**WHO, **body}, None, NOW)[1]


@pytest.mark.parametrize(
    ("sent", "tokens"),
    [
        ({"promptTokens": 10, "completionTokens": 5}, (10, 5, 15)),
        ({"totalTokens": 15}, (15, 0, 15)),
        ({"promptTokens": 10, "totalTokens": 15}, (10, 5, 15)),
        ({"completionTokens": 5, "totalTokens": 15}, (10, 5, 15)),
        ({"promptTokens": 10, "completionTokens": 5, "totalTokens": 40}, (10, 5, 40)),  # with thoughts
        ({}, (0, 0, 0)),
    ],
)
def test_tokens_come_apart_or_as_a_total(sent: dict[str, int], tokens: tuple[int, int, int]) -> None:
    report = read(**sent)
    assert (report.input_tokens, report.output_tokens, report.total_tokens) == tokens


@pytest.mark.parametrize(
    ("sent", "nano_usd"), [(0.0012, 1_200_000), ("0.0012", 1_200_000), (1e-07, 100), (3, 3_000_000_000)]
)
def test_money_is_read_exactly(sent: object, nano_usd: int) -> None:
    assert read(costUsd=sent).cost_nano_usd == nano_usd


def test_other_amounts_are_refused() -> None:
    for wrong in (True, "NaN", "1e99", -1, 10**5000, "١", "", [], "1_0", 1e300):
        with pytest.raises(InvalidRequest, match="costUsd"):
            read(costUsd=wrong)


def test_times_are_of_the_last_week_in_any_zone() -> None:
    assert read(createdAt="2026-03-10T13:30:00+02:00").made_at == datetime(2026, 3, 10, 11, 30, tzinfo=UTC)
    assert read(createdAt="2026-03-10T12:04:00Z").made_at == NOW, "clocks differ a little"
    for wrong in ("2026-03-03T11:00:00Z", "2026-03-10T12:06:00Z", "yesterday", 5):
        with pytest.raises(InvalidRequest, match="createdAt"):
            read(createdAt=wrong)


def test_models_are_named_with_or_without_their_provider() -> None:
    def name(**body: str) -> str:
        return asks.read({**WHO, **body}, None)[1].model

    assert name(requestedModel="gpt-4o") == "gpt-4o"
    assert name(requestedModel="gpt-4o", requestedProvider="OPENAI") == "openai/gpt-4o"
    assert name(requestedModel="openai/gpt-4o", requestedProvider="OpenAI") == "openai/gpt-4o"
    assert name(requestedModel="openai/gpt-oss-20b", requestedProvider="GROQ") == "groq/openai/gpt-oss-20b"
    free = asks.read({**WHO, "requestedModel": "auto", "requestedProvider": "OPENAI"}, None)[1]
    assert free.model == "auto" and free.as_chat()["routing"] == {"providers": ["openai"]}
    report = read(requestedProvider="OPENAI", requestedModel="gpt-4o", model="gpt-4o-mini")
    assert report.used == "openai/gpt-4o-mini"
    assert read(requestedProvider="OPENAI", provider="GROQ", model="llama").used == "groq/llama"


def test_an_id_of_the_request_stands_in_body_or_header() -> None:
    assert asks.read({**WHO, "requestId": "r"}, None)[0].request_id == "r"
    assert asks.read(WHO, "r")[0].request_id == "r"
    assert asks.read({**WHO, "requestId": "r"}, "r")[0].request_id == "r"
    for body, header in (
        ({"requestId": "r"}, "s"),
        ({"requestId": ""}, None),
        ({"requestId": 5}, None),
        ({}, "a b"),
    ):
        with pytest.raises(InvalidRequest, match="requestId"):
            asks.read({**WHO, **body}, header)


def model(name: str, quality: int | None, dollars: int | None) -> Model:
    price = None if dollars is None else Price(dollars * 10**9, dollars * 10**9)
    return Model(f"p/{name}", name, price, quality=quality)


def test_a_tier_is_a_span_of_quality_and_picks_the_cheapest() -> None:
    known = [model("a", 69, 1), model("b", 70, 5), model("c", 84, 4), model("d", 85, 9), model("e", 99, None)]
    assert [tiers.tier_of(each) for each in known] == [
        "economy",
        "standard",
        "standard",
        "premium",
        "premium",
    ]
    choices = [(each.id, each) for each in known]
    assert tiers.cheapest("standard", choices) == "p/c" and tiers.cheapest("premium", choices) == "p/d"
    assert tiers.cheapest("economy", choices[1:]) is None and tiers.tier_of(None) == "economy"


def test_savings_are_requested_against_used_and_never_negative() -> None:
    dear, cheap = model("dear", 90, 10), model("cheap", 50, 1)
    report = read(promptTokens=1_000_000, completionTokens=1_000_000)
    assert costs.cost_of(cheap, report) == 2_000_000_000
    assert costs.saved_nano_usd(dear, cheap, report) == 18_000_000_000
    assert costs.saved_nano_usd(cheap, dear, report) == 0
    assert costs.saved_nano_usd(None, cheap, report) is None and costs.cost_of(None, report) is None
    for word in ("hit", "SEMANTIC_HIT"):
        cached = read(promptTokens=10, cacheStatus=word)
        assert costs.cost_of(dear, cached) == 0 and costs.saved_nano_usd(dear, cheap, cached) == 0
    assert costs.cost_of(cheap, read(promptTokens=1_000_000, cacheStatus="MISS")) == 1_000_000_000


ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**30, "", " ", "x" * 300, "\x00", "\ud800", "ü", [], ["a"], [None], {},
    {"a": 1}, "2026-99-99", "1e5", "OPENAI", "/", ":", "a/b/c", "../..", "HIT", "BLOCK",
]  # fmt: skip
NAMES = (
    "userId", "policyKey", "requestId", "requestedProvider", "requestedModel", "requestedCapabilityTier",
    "taskType", "region", "planKey", "locale", "country", "platform", "cohortKey", "featureKey",
    "trialStatus", "promptVersion", "temperature", "cacheLookup", "inputTokens", "maxOutputTokens", "stream",
    "includePrompt", "provider", "model", "promptTokens", "completionTokens", "totalTokens", "cacheStatus",
    "actionTaken", "status", "errorCode", "latencyMs", "costUsd", "createdAt", "policyVersion", "arm",
    "tags", "unknown",
)  # fmt: skip


def odd_bodies(count: int) -> list[dict[str, Any]]:
    """Return bodies in which a few fields are odd; the same ones each time."""
    chance = random.Random(7)
    return [{**WHO, **{chance.choice(NAMES): chance.choice(ODD) for _ in range(3)}} for _ in range(count)]


def test_odd_bodies_are_read_or_refused_in_words() -> None:
    read_ones = 0
    for body in odd_bodies(3_000):
        for reading in (lambda b=body: asks.read(b, None), lambda b=body: reports.read(b, None, NOW)):
            try:
                reading()
                read_ones += 1
            except InvalidRequest as error:
                assert error.message
    assert read_ones > 500
