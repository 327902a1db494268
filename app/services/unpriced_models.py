"""Models in use without a price: told once a day, and listed until they have one (P27)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.models import RecordRow
from app.models.columns import utc_now
from app.services import access, alerts, price_list

LOOKED_BACK = timedelta(days=30)
MOST_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A model in use whose price is not known: by how many calls lately, and whether an endpoint names it."""

    model_id: str
    calls: int
    used: bool


def note(session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
    """Note an alert for each model in these records whose cost is not known; once a day it is told."""
    unknown = (row for row in rows if row["cost_nano_usd"] is None)
    served = {(row["workspace_id"], answered(row["attempts"])) for row in unknown}
    for workspace_id, model_id in sorted(served):
        if model_id:
            alerts.unpriced(session, workspace_id, model_id)


def list_all(actor: Actor, workspace_id: str) -> list[Unpriced]:
    """Return the models in use without a price: called in the last 30 days, or named by an endpoint (P27)."""

    def work(session: Session) -> list[Unpriced]:
        access.require(session, actor, workspace_id, "viewer")
        known = {found.id: found for found in price_list.views(session, workspace_id)}
        named = {found.id for found in known.values() if found.used and lacks_price(found)}
        calls = unpriced_calls(session, workspace_id)
        still = {
            model_id
            for model_id in calls
            if lacks_price(known.get(model_id) or price_list.unknown(session, workspace_id, model_id))
        }
        ids = sorted(named | still, key=lambda model_id: (-calls[model_id], model_id))
        return [Unpriced(model_id, calls[model_id], model_id in named) for model_id in ids]

    return database.read(work)


def lacks_price(found: price_list.ModelView) -> bool:
    """Say whether calls of this model would have no cost."""
    return found.facts is None or found.facts.price is None


def unpriced_calls(session: Session, workspace_id: str) -> Counter[str]:
    """Count the newest calls whose cost is not known, by the model that answered."""
    where = (
        RecordRow.workspace_id == workspace_id,
        RecordRow.created_at >= utc_now() - LOOKED_BACK,
        RecordRow.cost_nano_usd.is_(None),
    )
    query = select(RecordRow.attempts).where(*where).order_by(RecordRow.created_at.desc())
    answers = (answered(attempts) for attempts in session.scalars(query.limit(MOST_ROWS)))
    return Counter(model_id for model_id in answers if model_id)


def answered(attempts: list[dict[str, str]]) -> str:
    """Return the id of the model that answered a recorded call; "" when none did."""
    return next((each["model_id"] for each in reversed(attempts) if each["status"] == "answered"), "")
