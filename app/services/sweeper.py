"""Ends the holds whose call died with its worker (reliability 1.8). Every web process looks, now and then."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime

import gevent
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import database
from app.models import Reservation
from app.services import dead_calls, settlements
from app.services.settlements import Ending

log = logging.getLogger(__name__)
EVERY_SECONDS = 10.0
MOST_SWEPT = 50


def run() -> None:
    """Sweep for ever; processes that started together do not look at the same moment."""
    while True:
        gevent.sleep(EVERY_SECONDS * random.uniform(0.8, 1.2))
        try:
            while sweep():
                gevent.sleep(0)
        except Exception as error:
            log.error("holds not swept, will try again: %s", type(error).__name__)


def sweep(now: datetime | None = None) -> int:
    """End some of the holds whose call died with its worker, charging their input; return how many (H7).

    Which ones is left to chance: then processes seldom look at the same, and none stands in the way for ever.
    """
    moment = now or datetime.now(UTC)

    def expired(session: Session) -> list[Reservation]:
        where = Reservation.state == "held", Reservation.expires_at < moment
        return list(
            session.scalars(select(Reservation).where(*where).order_by(func.random()).limit(MOST_SWEPT))
        )

    return sum(sweep_one(row) for row in database.read(expired))


def crashed(row: Reservation) -> Ending:
    """Return the end of a call of which only the hold is left."""
    return Ending(
        request_id=row.id,
        outcome="crashed",
        cost_nano_usd=row.input_nano_usd,
        tokens=row.input_tokens,
        reason="The gateway stopped during the call; only its input was charged.",
    )


def sweep_one(row: Reservation) -> bool:
    """End one hold and write its record; whoever comes second finds nothing to do."""

    def work(session: Session) -> bool:
        if settlements.end(session, crashed(row)) is None:
            return False
        dead_calls.write(session, row)
        return True

    try:
        return database.transaction(work)
    except Exception as error:
        log.error("hold %s cannot be swept: %s", row.id, type(error).__name__, exc_info=is_ours(error))
        return False


def is_ours(error: Exception) -> bool:
    """Say whether the fault is the product's, not the database's: then the log needs to say where."""
    return not isinstance(error, SQLAlchemyError)
