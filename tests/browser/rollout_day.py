"""A rollout with something to show: one that was taken back, and one under way with both sides counted."""

from __future__ import annotations

from typing import Any

from app.database import database
from app.domain.actors import SYSTEM
from app.services import arm_counts, endpoints, rollouts
from tests.world import World, actor_of


def fill_rollouts(world: World) -> str:
    """Make both; return the id of the one under way."""
    workspace_id, owner = world.acme.workspace.id, actor_of(world.owner)
    fields = {"slug": "in-steps", "name": "Answers in steps", "model": "demo/demo-fast"}
    view = endpoints.create(SYSTEM, workspace_id, world.acme.project.id, fields)
    endpoints.save(owner, workspace_id, view.endpoint.id, {"prompt": "Be brief."}, "Shorter", publish=False)
    plan = {"steps": [1, 10, 50, 100], "step_minutes": 60, "step_calls": 200}
    place = workspace_id, "endpoint", view.endpoint.id
    worse = rollouts.start(owner, *place, 2, {"share": 50, "plan": plan}).id
    count(worse, "old", 200)
    count(worse, "new", 60, failed=45)
    going = rollouts.start(owner, *place, 2, {"share": 10, "plan": plan}).id
    count(going, "old", 1_200, failed=12)
    count(going, "new", 130, failed=1)
    return going


def count(rollout_id: str, arm: str, calls: int, *, failed: int = 0) -> None:
    """Count calls of one side, each a little slower and dearer than the one before."""
    row = {"rollout_id": rollout_id, "arm": arm, "status": 200, "input_tokens": 310, "output_tokens": 80}
    rows: list[dict[str, Any]] = [
        {
            **row,
            "outcome": "failed" if number < failed else "succeeded",
            "cost_nano_usd": 200_000 + 1_000 * (number % 90),
            "duration_ms": 700 + 9 * (number % 110),
        }
        for number in range(calls)
    ]
    database.transaction(lambda session: arm_counts.add(session, rows))
