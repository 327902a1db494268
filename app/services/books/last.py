"""What the last checks of the books found, for the dashboard: in Redis, as the next one makes it anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.books import CHECKS, Finding
from app.domain.errors import NotAllowed
from app.extensions import redis
from app.models import Workspace
from app.redis_store import RedisAway
from app.services import access

NAME = "sluice:books"
LATE_AFTER = timedelta(minutes=20)  # a check every five minutes has been missed more than once


@dataclass(frozen=True, slots=True)
class Last:
    """When the books were checked last, and what was found then."""

    at: datetime
    findings: list[Finding]

    @property
    def is_late(self) -> bool:
        """Say whether the next check should have come long ago."""
        return datetime.now(UTC) - self.at > LATE_AFTER


def keep(at: datetime, findings: Sequence[Finding], *, everything: bool) -> None:
    """Keep a result. What only a check of everything sees stays until the next one of its kind."""
    text = orjson.dumps({"at": at, "findings": [asdict(finding) for finding in findings]})
    reaches = ("all", "recent") if everything else ("recent",)
    redis.tell(lambda client: client.hset(NAME, mapping=dict.fromkeys(reaches, text)))


def find(actor: Actor, workspace_id: str) -> Last | None:
    """Return the last result for a workspace; None while nothing is known. Admins only."""
    database.read(lambda session: require_admin(session, actor, workspace_id))
    found = stored()
    if found is None:
        return None
    return Last(found.at, [finding for finding in found.findings if finding.workspace_id == workspace_id])


def elsewhere(actor: Actor, workspace_id: str) -> list[tuple[str, int]]:
    """Return the other workspaces with findings, by name, and how many each has. Operators only."""
    if not actor.is_operator:
        raise NotAllowed("Only an operator sees the books of every workspace.")
    known = stored()
    counts = Counter(finding.workspace_id for finding in (known.findings if known else []))
    del counts[workspace_id]
    query = select(Workspace).where(Workspace.id.in_(counts)).order_by(Workspace.name)
    found = database.read(lambda session: list(session.scalars(query)))
    return [(row.name, counts[row.id]) for row in found]


def require_admin(session: Session, actor: Actor, workspace_id: str) -> None:
    """Raise for everybody else."""
    access.require(session, actor, workspace_id, "admin")


def stored() -> Last | None:
    """Return the newest time, and all that the last check of each reach found."""
    try:
        texts = redis.ask(lambda client: client.hgetall(NAME))
    except RedisAway:
        return None
    results = [read(text) for text in texts.values()]
    if not results:
        return None
    found = {finding: None for result in results for finding in result.findings if finding.check in CHECKS}
    return Last(max(result.at for result in results), list(found))


def read(text: str | bytes) -> Last:
    """Read a kept result."""
    raw = orjson.loads(text)
    return Last(datetime.fromisoformat(raw["at"]), [Finding(**each) for each in raw["findings"]])
