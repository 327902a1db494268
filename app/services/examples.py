"""Saved examples of an endpoint: what is asked, and what a good answer is like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import Conflict, InvalidFields, NotFound
from app.domain.examples import FIELDS, parse_body, parse_expected
from app.domain.fields import Collector, refuse_unknown, text
from app.domain.ids import is_uuid
from app.models import Endpoint, Example, ExampleRun
from app.services import access, audit, endpoint_versions

MOST_EXAMPLES = 100  # of one endpoint
LONGEST_NAME = 100


def list_all(actor: Actor, workspace_id: str, endpoint_id: str) -> list[Example]:
    """Return an endpoint's examples, the oldest first."""

    def work(session: Session) -> list[Example]:
        access.require(session, actor, workspace_id, "viewer")
        return of_endpoint(session, endpoint_versions.owned(session, workspace_id, endpoint_id).id)

    return database.read(work)


def find(actor: Actor, workspace_id: str, endpoint_id: str, example_id: str) -> Example:
    """Return one example of the endpoint; raise NotFound."""

    def work(session: Session) -> Example:
        access.require(session, actor, workspace_id, "viewer")
        return owned(session, workspace_id, endpoint_id, example_id)

    return database.read(work)


def create(actor: Actor, workspace_id: str, endpoint_id: str, fields: Mapping[str, Any]) -> Example:
    """Save an example. `fields`: name, body (a native request) and what is expected. Editors may."""
    name, body, expected = parse(fields)

    def work(session: Session) -> Example:
        access.require(session, actor, workspace_id, "editor")
        endpoint = endpoint_versions.owned(session, workspace_id, endpoint_id, change=True)
        check_free(session, endpoint, name)
        check_room(session, endpoint)
        where = {"workspace_id": workspace_id, "endpoint_id": endpoint.id}
        example = Example(**where, name=name, body=body, expected=expected)
        session.add(example)
        session.flush()
        changes = audit.difference({}, as_fields(example))
        audit.write(session, actor, workspace_id, change_of(endpoint, example, "create", changes))
        return example

    return database.transaction(work)


def update(
    actor: Actor, workspace_id: str, endpoint_id: str, example_id: str, fields: Mapping[str, Any]
) -> Example:
    """Change an example; its runs stay, but count no more. Editors may."""

    def work(session: Session) -> Example:
        access.require(session, actor, workspace_id, "editor")
        endpoint = endpoint_versions.owned(session, workspace_id, endpoint_id, change=True)
        example = owned(session, workspace_id, endpoint_id, example_id)
        before = as_fields(example)
        name, body, expected = parse({**before, **fields})
        if name != example.name:
            check_free(session, endpoint, name)
        example.name, example.body, example.expected = name, body, expected
        if changes := audit.difference(before, as_fields(example)):
            audit.write(session, actor, workspace_id, change_of(endpoint, example, "change", changes))
        return example

    return database.transaction(work)


def remove(actor: Actor, workspace_id: str, endpoint_id: str, example_id: str) -> None:
    """Delete an example and how it was answered. Editors may."""

    def work(session: Session) -> None:
        access.require(session, actor, workspace_id, "editor")
        endpoint = endpoint_versions.owned(session, workspace_id, endpoint_id)
        example = owned(session, workspace_id, endpoint_id, example_id)
        session.execute(delete(ExampleRun).where(ExampleRun.example_id == example.id))
        session.delete(example)
        audit.write(session, actor, workspace_id, change_of(endpoint, example, "delete", {}))

    database.transaction(work)


def of_endpoint(session: Session, endpoint_id: str) -> list[Example]:
    """Return an endpoint's examples, the oldest first."""
    query = select(Example).where(Example.endpoint_id == endpoint_id)
    return list(session.scalars(query.order_by(Example.created_at, Example.id)))


def owned(session: Session, workspace_id: str, endpoint_id: str, example_id: str) -> Example:
    """Return the endpoint's own example; raise NotFound."""
    endpoint = endpoint_versions.owned(session, workspace_id, endpoint_id)
    example = session.get(Example, example_id) if is_uuid(example_id) else None
    if example is None or example.endpoint_id != endpoint.id:
        raise NotFound("There is no such example.")
    return example


def parse(fields: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Check name, body and expectations; raise InvalidFields with all that is wrong."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    name = collect.take(text, fields, "name", most=LONGEST_NAME, required=True)
    body = collect.take(parse_body, fields)
    expected = collect.take(parse_expected, fields)
    collect.finish()
    return name, body, expected.as_dict()


def as_fields(example: Example) -> dict[str, Any]:
    """Return an example in the form that `create` takes."""
    return {"name": example.name, "body": example.body, "expected": example.expected}


def check_free(session: Session, endpoint: Endpoint, name: str) -> None:
    """Raise InvalidFields when another example of the endpoint has the name."""
    where = Example.endpoint_id == endpoint.id, Example.name == name
    if session.scalar(select(Example.id).where(*where)) is not None:
        raise InvalidFields({"name": "There is an example of this name already."})


def check_room(session: Session, endpoint: Endpoint) -> None:
    """Raise Conflict when the endpoint has as many examples as it may."""
    query = select(func.count()).select_from(Example).where(Example.endpoint_id == endpoint.id)
    if (session.scalar(query) or 0) >= MOST_EXAMPLES:
        raise Conflict(f"An endpoint keeps at most {MOST_EXAMPLES} examples. Remove one first.")


def free_name(actor: Actor, workspace_id: str, endpoint_id: str, wish: str) -> str:
    """Return a name for an example that nobody named: its first words, numbered where they are taken."""
    taken = {example.name for example in list_all(actor, workspace_id, endpoint_id)}
    words = " ".join(wish.split())[:60].strip() or "Example"
    if words not in taken:
        return words
    return next(name for n in range(2, len(taken) + 3) if (name := f"{words} ({n})") not in taken)


def change_of(endpoint: Endpoint, example: Example, verb: str, changes: dict[str, list[Any]]) -> audit.Change:
    """Return an entry of the audit log."""
    return audit.Change(f"example.{verb}", example.id, f"{example.name} ({endpoint.slug})", changes)


def first_text(body: Mapping[str, Any]) -> str:
    """Return what a request says last, as far as it is text."""
    if isinstance(body.get("message"), str):
        return str(body["message"])
    messages = body.get("messages")
    told = [m.get("content") for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []
    texts = [content for content in told if isinstance(content, str)]
    return texts[-1] if texts else ""
