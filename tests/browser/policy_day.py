"""Policies with something to show: a few rules with a draft beside them, and one with many long rules."""

from __future__ import annotations

from typing import Any

from app.domain.actors import SYSTEM
from app.services import policies
from tests.world import World

FEW: list[dict[str, Any]] = [
    {
        "label": "No expired trials",
        "when": {"trial_status": "EXPIRED"},
        "action": "BLOCK",
        "message": "Please upgrade your plan.",
    },
    {
        "label": "Free users in Europe",
        "when": {"plan": ["free", "trial"], "region": "eu"},
        "action": "DOWNGRADE",
        "models": ["openai/gpt-4o-mini", "demo/demo-fast"],
        "max_usd_per_request": "0.01",
    },
    {
        "label": "At night",
        "when": {"time_of_day": {"between": ["22:00", "06:00"]}, "streaming": True},
        "action": "FALLBACK",
        "models": ["demo/demo-fast"],
        "prompt": "answer-ticket",
    },
]
UNBROKEN = "Support_chat_of_all_customers_in_every_country_and_on_every_plan_that_there_is"
LONG: list[dict[str, Any]] = [
    {
        "label": f"{number}. Customers of a cohort with quite a long name",
        "when": {
            "cohort": [f"a-rather-long-name-of-a-cohort-{number}-{each}" for each in range(5)],
            "monthly_spend_pct": {"gte": number},
        },
        "action": "DOWNGRADE",
        "models": ["demo/demo-fast", "openai/gpt-4o-mini"],
        "min_quality": 20,
        "excluded_providers": ["anthropic"],
    }
    for number in range(1, 21)
]


def fill_policies(world: World) -> str:
    """Make both policies; return the id of the one with a draft."""
    place = world.acme.workspace.id, world.acme.project.id
    policies.create(SYSTEM, *place, {"key": "long_rules_of_all_customers", "rules": LONG})
    view = policies.create(
        SYSTEM, *place, {"key": "support_chat", "name": UNBROKEN, "rules": [FEW[0], FEW[2]]}
    )
    policies.save(SYSTEM, place[0], view.policy.id, {"rules": FEW[:2]}, "Free users get a small model")
    policies.save(SYSTEM, place[0], view.policy.id, {"rules": FEW}, "A stand-in at night", live=False)
    return view.policy.id
