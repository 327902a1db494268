"""The audit log keeps what changed, not whole prompts for ever."""

from __future__ import annotations

from app.domain.actors import SYSTEM
from app.services import audit, endpoints
from tests.world import World


def test_long_texts_are_cut(world: World) -> None:
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, {"prompt": "p" * 90_000})
    (event, *_) = audit.list_events(SYSTEM, world.acme.workspace.id)
    before, after = event.changes["prompt"]
    assert before == "" and len(after) == audit.MOST_TEXT + 1
