"""End users with something to show: two weeks of calls, some of them cheaper than asked, some reported."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from app.database import database
from app.models import ReportedHour
from app.services import usage_hours
from tests.usage_world import row, write
from tests.world import World

KNOWN = "customer-4711"
USERS = (KNOWN, *(f"user-{number:03}" for number in range(60)), "a-very-long-id-of-an-end-user" * 6)
MODELS = (("openai", "gpt-4o-mini"), ("anthropic", "claude-haiku-4-5"), ("demo", "demo-fast"))


def fill_end_users(world: World) -> str:
    """Let many end users call; return the id of one who called often."""
    chance, now = random.Random(11), datetime.now(UTC)
    calls = [call(world, chance, now - timedelta(hours=chance.randrange(14 * 24))) for _ in range(400)]
    write(*calls)
    reported = [{**each, "source": "reported"} for each in calls[:40]]
    database.transaction(lambda session: usage_hours.add(session, reported, ReportedHour))
    return KNOWN


def call(world: World, chance: random.Random, at: datetime) -> dict[str, Any]:
    """Return one call; now and then it fails."""
    provider, model = chance.choice(MODELS)
    policy, failed = chance.choice(("support_chat", "support_chat", None)), chance.random() < 0.05
    cost = 0 if failed else chance.randrange(100_000, 40_000_000)
    return row(
        world.acme,
        at,
        end_user=chance.choice((KNOWN, chance.choice(USERS))),
        provider=provider,
        model_answered=model,
        policy_key=policy,
        plan=chance.choice(("free", "pro")),
        region=chance.choice(("eu", "us")),
        outcome="failed" if failed else "succeeded",
        cost_nano_usd=cost,
        savings_nano_usd=chance.randrange(3 * cost + 1) if policy else None,
        input_tokens=chance.randrange(5_000),
        output_tokens=chance.randrange(900),
    )
