"""How much was called lately: small, bounded counts for the pages of projects and endpoints."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.models import RecordRow
from app.models.columns import utc_now
from app.services import access, endpoints
from app.services.usage_hours import FAILED

MOST_COUNTED = 10_000  # newest calls that are looked at, so that a busy workspace's pages stay quick
MOST_LOOKED_BACK = 1_000
SOMEBODYS = RecordRow.source != "shadow"  # those in shadow nobody made


@dataclass(frozen=True, slots=True)
class Recent:
    """Calls of the last 24 hours by id. `capped`: there were more than were counted."""

    calls: Counter[str]
    capped: bool


@dataclass(frozen=True, slots=True)
class Activity:
    """An endpoint's calls of the last 24 hours, and how it was ever called (of the newest calls)."""

    calls: int
    failed: int
    refused: int
    capped: bool
    tried: bool
    called_by_key: bool


def by_project(actor: Actor, workspace_id: str) -> Recent:
    """Count the workspace's calls of the last 24 hours by project."""
    return counted(actor, workspace_id, RecordRow.project_id)


def by_endpoint(actor: Actor, workspace_id: str) -> Recent:
    """Count the workspace's calls of the last 24 hours by endpoint."""
    return counted(actor, workspace_id, RecordRow.endpoint_id)


def by_policy(actor: Actor, workspace_id: str) -> Recent:
    """Count the workspace's calls of the last 24 hours by project and policy, as `<project id> <key>`."""

    def work(session: Session) -> Recent:
        access.require(session, actor, workspace_id, "viewer")
        since = utc_now() - timedelta(hours=24)
        query = (
            select(RecordRow.project_id, RecordRow.policy_key)
            .where(RecordRow.workspace_id == workspace_id, SOMEBODYS, RecordRow.created_at >= since)
            .order_by(RecordRow.created_at.desc())
            .limit(MOST_COUNTED)
        )
        rows = session.execute(query).all()
        named = Counter(f"{project_id} {key}" for project_id, key in rows if key is not None)
        return Recent(named, len(rows) == MOST_COUNTED)

    return database.read(work)


def counted(actor: Actor, workspace_id: str, column: object) -> Recent:
    """Count the workspace's newest calls by `column`."""

    def work(session: Session) -> Recent:
        access.require(session, actor, workspace_id, "viewer")
        return recent(session, column, RecordRow.workspace_id == workspace_id)

    return database.read(work)


def recent(session: Session, column: object, *where: object) -> Recent:
    """Count the newest calls of the last 24 hours by `column`."""
    since = utc_now() - timedelta(hours=24)
    query = (
        select(column)  # type: ignore[call-overload]
        .where(*where, SOMEBODYS, RecordRow.created_at >= since)
        .order_by(RecordRow.created_at.desc())
        .limit(MOST_COUNTED)
    )
    ids = list(session.scalars(query))
    return Recent(Counter(item for item in ids if item is not None), len(ids) == MOST_COUNTED)


def of_endpoint(actor: Actor, workspace_id: str, endpoint_id: str) -> Activity:
    """Return what the pages of one endpoint tell of its calls."""

    def work(session: Session) -> Activity:
        access.require(session, actor, workspace_id, "viewer")
        owned = RecordRow.endpoint_id == endpoints.owned(session, workspace_id, endpoint_id).id
        outcomes = recent(session, RecordRow.outcome, owned)
        newest = select(RecordRow.source).where(owned, SOMEBODYS).order_by(RecordRow.created_at.desc())
        sources = set(session.scalars(newest.limit(MOST_LOOKED_BACK)))
        calls, refused = outcomes.calls.total(), outcomes.calls["refused"]
        failed = sum(outcomes.calls[outcome] for outcome in FAILED)
        return Activity(calls, failed, refused, outcomes.capped, bool(sources), "api" in sources)

    return database.read(work)
