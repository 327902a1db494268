"""An endpoint with a draft, examples that it passes, breaks and was not asked, and a request asked again."""

from __future__ import annotations

from sqlalchemy import select, update

from app.database import database
from app.domain.examples import Answered
from app.domain.ids import new_id
from app.models import Endpoint, RecordRow
from app.services import endpoints, example_runs, examples
from tests.world import World, actor_of

EXAMPLES = (
    ("Greets by name", {"contains": ["Kim"]}, Answered("Dear Kim, …", output_tokens=40, milliseconds=700)),
    ("Promises no refund", {"not_contains": ["refund"]}, Answered("You get a refund.", output_tokens=9)),
    ("Stays short", {"most_output_tokens": 120}, None),
)


def fill_examples(world: World, slug: str) -> None:
    """Give the endpoint of this slug a draft and examples, and let one of its calls repeat another."""
    actor, workspace_id = actor_of(world.owner), world.acme.workspace.id
    query = select(Endpoint.id).where(Endpoint.slug == slug, Endpoint.workspace_id == workspace_id)
    place = workspace_id, str(database.read(lambda session: session.scalar(query)))
    fields = {
        "prompt": "You work for Acme.\nAnswer in two sentences.",
        "guardrails": {"pii": {"action": "mask"}},
    }
    draft = endpoints.save(actor, *place, fields, "Two sentences are enough", publish=False).draft
    assert draft is not None
    for name, expected, answered in EXAMPLES:
        body = {"message": "I am Kim. Where is my parcel, and may I have my money back?"}
        example = examples.create(actor, *place, {"name": name, "body": body, "expected": expected})
        if answered is not None:
            example_runs.keep(actor, workspace_id, draft, example, answered, new_id())
    database.transaction(repeat_one)


def repeat_one(session) -> None:  # type: ignore[no-untyped-def]
    """Let a call that failed repeat one that was answered."""
    first = session.scalar(select(RecordRow.id).where(RecordRow.outcome == "succeeded").limit(1))
    second = session.scalar(select(RecordRow.id).where(RecordRow.outcome == "failed").limit(1))
    session.execute(update(RecordRow).where(RecordRow.id == second).values(parent_request_id=first))
