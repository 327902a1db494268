"""Ends the holds whose call died with its worker (reliability 1.8). Every web process looks, now and then."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime

import gevent
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.models import Reservation
from app.services import settlements
from app.services.settlements import Ending

log = logging.getLogger(__name__)
EVERY_SECONDS = 10.0
MOST_SWEPT = 50


def run() -> None:
    """Sweep for ever; processes that started together do not look at the same moment."""
    while True:
        gevent.sleep(EVERY_SECONDS * random.uniform(0.8, 1.2))
        try:
            while sweep() == MOST_SWEPT:
                gevent.sleep(0)
        except Exception as error:
            log.error("holds not swept, will try again: %s", type(error).__name__)


def sweep(now: datetime | None = None) -> int:
    """End the holds whose call died with its worker, charging their input; return how many (H7)."""
    moment = now or datetime.now(UTC)

    def expired(session: Session) -> list[Ending]:
        where = Reservation.state == "held", Reservation.expires_at < moment
        rows = session.scalars(select(Reservation).where(*where).limit(MOST_SWEPT))
        return [crashed(row) for row in rows]

    return sum(sweep_one(ending) for ending in database.read(expired))


def crashed(row: Reservation) -> Ending:
    """Return the end of a call of which only the hold is left."""
    return Ending(
        request_id=row.id,
        outcome="crashed",
        cost_nano_usd=row.input_nano_usd,
        tokens=row.input_tokens,
        reason="The gateway stopped during the call; only its input was charged.",
    )


def sweep_one(ending: Ending) -> bool:
    """End one hold; whoever comes second finds nothing to do."""
    try:
        return database.transaction(lambda session: settlements.end(session, ending)) is not None
    except Exception as error:
        log.error("hold %s cannot be swept: %s", ending.request_id, type(error).__name__)
        return False
