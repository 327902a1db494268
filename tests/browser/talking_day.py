"""Conversations with an endpoint that remembers them: of a key, and of somebody who tried it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.models import ChatSession, ChatTurn, Endpoint
from app.models.columns import utc_now
from app.services import endpoints
from tests.world import World

TALK = (
    ("My parcel shows “delivered”, but nothing came.", "I am sorry to hear that. Which number is on it?"),
    ("[[PARCEL_001]], from last Monday.", "Thank you. It was left with a neighbour at number 14."),
)


def fill_conversations(world: World, slug: str) -> None:
    """Let an endpoint remember, and what was said to it."""

    def work(session: Any) -> str:
        found = session.scalars(select(Endpoint).where(Endpoint.slug == slug)).one()
        owner = {"workspace_id": found.workspace_id, "project_id": found.project_id, "endpoint_id": found.id}
        lives = {"used_at": utc_now(), "expires_at": utc_now() + timedelta(hours=20)}
        for holder in ({"key_id": world.acme.key.id}, {"user_id": world.teammate.id}):
            talk = ChatSession(**owner, **holder, **lives, messages=2 * len(TALK), tokens=412)
            session.add(talk)
            session.flush()
            for number, said in enumerate(TALK, 1):
                session.add(turn(talk, number, *said))
        return str(found.id)

    endpoint_id = database.transaction(work)
    endpoints.save(SYSTEM, world.acme.workspace.id, endpoint_id, {"session": {"ttl_seconds": 86_400}})


def turn(talk: ChatSession, number: int, asked: str, answered: str) -> ChatTurn:
    """Return one finished turn."""
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return ChatTurn(
        session_id=talk.id,
        workspace_id=talk.workspace_id,
        number=number,
        state="done",
        messages=messages,
        tokens=206,
        expires_at=talk.expires_at,
    )
