"""Which past requests are put to a change, what each used, and who called."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.callers import Caller
from app.domain.calls import Call, Usage
from app.domain.errors import InvalidInput
from app.domain.fields import text, whole
from app.domain.frozen_prices import NAMES
from app.domain.ids import is_uuid
from app.domain.policies.contexts import POLICY_KEY
from app.domain.pricing import MILLION, Price
from app.domain.replays import asked_of
from app.domain.what_ifs import FEWEST, MOST, USUAL, Logged
from app.models import Key, Project, RecordRow, Workspace
from app.services import access, callers, projects, stamps

COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
CAME_TO_NOTHING = ("refused", "failed", "aborted", "crashed")
LEFT_OUT = ("shadow", "replayed")  # copies of other calls
MOST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Sample:
    """The last requests of a project; of one policy, of one endpoint, of the last days where that is said."""

    project_id: str
    most: int = USUAL
    policy_key: str = ""
    endpoint_id: str = ""
    days: int | None = None
    account_id: str | None = None  # only this account's


@dataclass(frozen=True, slots=True)
class Scene:
    """The requests, newest first, with their project and its workspace as they are today."""

    actor: Actor
    workspace: Workspace
    project: Project
    rows: list[RecordRow]
    callers: dict[str | None, Caller]

    def caller_of(self, row: RecordRow) -> Caller:
        """Return who called, with today's rules; once the key is gone, anybody of the project."""
        return self.callers.get(row.key_id) or self.callers[None]


def parse_sample(fields: Mapping[str, Any]) -> Sample:
    """Check which requests are asked for; raise InvalidInput."""
    policy_key = text(fields, "policy_key", most=64).lower()
    if policy_key and not POLICY_KEY.fullmatch(policy_key):
        raise InvalidInput("This is no policy's key.", param="policy_key")
    endpoint_id = text(fields, "endpoint_id", most=64)
    if endpoint_id and not is_uuid(endpoint_id):
        raise InvalidInput("There is no such endpoint.", param="endpoint_id")
    return Sample(
        project_id=text(fields, "project_id", most=64),
        most=whole(fields, "most", FEWEST, MOST) or USUAL,
        policy_key=policy_key,
        endpoint_id=endpoint_id,
        days=whole(fields, "days", 1, MOST_DAYS),
    )


def read(actor: Actor, workspace_id: str, sample: Sample) -> Scene:
    """Read the requests and who made them. Viewers may."""
    stamp, read_at = stamps.current(workspace_id), time.monotonic()

    def work(session: Session) -> Scene:
        access.require(session, actor, workspace_id, "viewer")
        project = projects.owned(session, workspace_id, sample.project_id)
        rows = rows_of(session, project, sample)
        found: dict[str | None, Caller] = {None: callers.without_key(session, project, actor.label)}
        for key_id in {row.key_id for row in rows if row.key_id}:
            caller = callers.load_where(session, Key.id == key_id, stamp, read_at)
            if caller is not None:
                found[key_id] = caller
        return Scene(actor, session.get_one(Workspace, workspace_id), project, rows, found)

    return database.read(work)


def rows_of(session: Session, project: Project, sample: Sample) -> list[RecordRow]:
    """Read the last requests; what clients only reported was not ours to decide."""
    where = [
        RecordRow.workspace_id == project.workspace_id,
        RecordRow.project_id == project.id,
        RecordRow.source.not_in(LEFT_OUT),
        RecordRow.outcome.not_in(LEFT_OUT),
        or_(RecordRow.arm.is_(None), RecordRow.arm != "shadow"),
        RecordRow.reported.is_(None),
    ]
    if sample.policy_key:
        where.append(RecordRow.policy_key == sample.policy_key)
    if sample.endpoint_id:
        where.append(RecordRow.endpoint_id == sample.endpoint_id)
    if sample.account_id is not None:
        where.append(RecordRow.account_id == sample.account_id)
    if sample.days is not None:
        where.append(RecordRow.created_at >= datetime.now(UTC) - timedelta(days=sample.days))
    newest = RecordRow.created_at.desc(), RecordRow.id.desc()
    return list(session.scalars(select(RecordRow).where(*where).order_by(*newest).limit(sample.most)))


def logged(row: RecordRow) -> Logged:
    """Return what a record says of its request."""
    frozen = row.price or {}
    account, model = (*frozen.get("multipliers_ppm", ()), MILLION, MILLION)[:2]
    came = row.outcome not in CAME_TO_NOTHING
    return Logged(
        id=row.id,
        created_at=row.created_at,
        requested=row.model_requested,
        model=model_of(row) if came else "",
        nano_usd=row.cost_nano_usd,
        usage=Usage(**{name: getattr(row, name) for name in COUNTS}),
        price=Price(*(frozen[name] for name in NAMES)) if frozen else None,
        account_ppm=account,
        model_ppm=model,
        beside_nano_usd=sum(extra["nano_usd"] for extra in row.extras or ()),
        refusal="" if came else row.error_message or row.outcome,
        cached=row.cached,
        paid_elsewhere=bool(frozen.get("paid_elsewhere")),
        end_user=row.end_user or "",
    )


def model_of(row: RecordRow) -> str:
    """Return who answered as provider/model; empty where nobody did."""
    for attempt in reversed(row.attempts):
        if attempt["status"] == "answered":
            return str(attempt["model_id"])
    return f"{row.provider}/{row.model_answered}" if row.provider and row.model_answered else ""


def failed_models(row: RecordRow) -> set[str]:
    """Return the models that were asked and did not answer: they count as failed again."""
    fine = "answered", "skipped"
    return {each["model_id"] for each in row.attempts if each["status"] not in fine} - {model_of(row)}


def body_of(row: RecordRow) -> dict[str, Any] | None:
    """Return what was asked as a chat body; None where it was not kept."""
    if not row.content:
        return None
    asked = asked_of(row.content)
    if asked is None:
        return None
    dialect, body = asked
    return {"messages": row.content["messages"]} if dialect == "native" else body


def call_for(row: RecordRow, actor: Actor, body: Mapping[str, Any]) -> Call:
    """Return the request as a call that is planned and never made."""
    return Call(
        surface="any",
        dialect="openai",
        read_body=bytes,
        request_id=row.id,
        actor=actor,
        project_id=row.project_id,
        source="dashboard",
        body=dict(body),
        chat=dict(body),
        names_model=True,
    )
