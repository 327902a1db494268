"""The outbox of webhooks: sends signed events, each by one worker at a time, until they are taken.

The delivery's row is the truth: claimed with a lease before sending, marked after it. A receiver that fails
or is slow rests a while, so that it cannot hold up the others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app import egress
from app.database import database
from app.domain.bodies import encoded
from app.domain.errors import GatewayError
from app.domain.webhooks import GIVE_UP_AFTER, rest_after, signature, wait_after
from app.models import Delivery, Webhook
from app.models.columns import utc_now
from app.services import webhooks
from app.services.sealing import CannotUnseal

LEASE = timedelta(minutes=2)
TIMEOUT_SECONDS = 10.0
MOST_AT_ONCE = 8
MOST_OF_A_WORKSPACE = 2  # so that one cannot take every place
MOST_SECONDS = 45.0  # after so long a run of `redrive` leaves the rest to the next one
MOST_IN_A_RUN = 200
KEPT = timedelta(days=30)
BATCH = 1_000
LONGEST_PROBLEM = 300


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed delivery: what to send where, signed with which secrets. `tries` tells this claim."""

    id: str
    webhook_id: str
    url: str
    payload: dict[str, Any]
    event: str
    tries: int
    created_at: datetime
    secrets: list[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a receiver said: a status, or None where it could not be reached; how long that took."""

    status: int | None
    seconds: float

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def redrive() -> None:
    """Send whatever is due, several at once, few of them one workspace's."""
    until = time.monotonic() + MOST_SECONDS
    lanes = in_lanes(database.read(due))
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        list(pool.map(lambda lane: deliver_all(lane, until), lanes))


def due(session: Session) -> Sequence[tuple[str, str]]:
    """Return what may be claimed now, oldest first, each with its workspace; those that fail come last."""
    query = select(Delivery.id, Delivery.workspace_id).join(Webhook, Webhook.id == Delivery.webhook_id)
    order = Webhook.failing_since.is_not(None), Delivery.created_at
    rows = session.execute(query.where(claimable(), rested()).order_by(*order).limit(MOST_IN_A_RUN))
    return [(row[0], row[1]) for row in rows]


def in_lanes(rows: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the deliveries in rows that are sent one after the other: a few for each workspace."""
    lanes: dict[tuple[str, int], list[str]] = {}
    counts: dict[str, int] = {}
    for delivery_id, workspace_id in rows:
        place = counts[workspace_id] = counts.get(workspace_id, -1) + 1
        lanes.setdefault((workspace_id, place % MOST_OF_A_WORKSPACE), []).append(delivery_id)
    return list(lanes.values())


def deliver_all(lane: list[str], until: float) -> None:
    """Send one after the other while there is time."""
    for delivery_id in lane:
        if time.monotonic() < until:
            deliver(delivery_id)


def claimable() -> Any:
    """Return the condition: waiting and its time has come, or sending and its lease is over."""
    now = utc_now()
    waited = or_(Delivery.next_try_at.is_(None), Delivery.next_try_at <= now)
    lost = and_(Delivery.state == "sending", Delivery.next_try_at < now)
    return or_(and_(Delivery.state == "pending", waited), lost)


def rested() -> Any:
    """Return the condition that a webhook does not rest."""
    return or_(Webhook.rests_until.is_(None), Webhook.rests_until <= utc_now())


def deliver(delivery_id: str) -> None:
    """Send one event, unless it is not due or somebody else is at it."""
    parcel = database.transaction(lambda session: claim(session, delivery_id))
    if parcel is None:
        return
    answered = post(parcel)
    database.transaction(lambda session: settle(session, parcel, answered))


def claim(session: Session, delivery_id: str) -> Parcel | None:
    """Take the lease of a delivery; None when it cannot be had, or there is nothing to send."""
    ready = select(Webhook.id).where(Webhook.id == Delivery.webhook_id, rested()).exists()
    taken = (
        update(Delivery)
        .where(Delivery.id == delivery_id, claimable(), ready)
        .values(state="sending", next_try_at=utc_now() + LEASE, tries=Delivery.tries + 1)
        .execution_options(synchronize_session=False)
    )
    if not session.execute(taken).rowcount:  # type: ignore[attr-defined]
        return None
    row = session.get_one(Delivery, delivery_id, populate_existing=True)
    webhook = session.get_one(Webhook, row.webhook_id, populate_existing=True)
    problem, secrets = "" if webhook.active else "switched_off", []
    try:
        secrets = webhooks.secrets_of(webhook)
    except CannotUnseal:
        problem = problem or "sealed"
    if problem:
        row.state, row.next_try_at, row.problem = "failed", None, problem
        return None
    what = row.id, webhook.id, webhook.url, row.payload, row.event, row.tries, row.created_at
    return Parcel(*what, secrets)


def post(parcel: Parcel) -> Answered:
    """Send the event; what is signed are the very bytes that are sent. The answer's text is not read."""
    body = encoded(parcel.payload)
    headers = {
        "content-type": "application/json",
        "x-sluice-event": parcel.event,
        "x-sluice-delivery": parcel.id,
        "x-sluice-signature": signature(parcel.secrets, int(time.time()), body),
    }
    started = time.monotonic()
    try:
        answer = egress.send(
            "POST",
            parcel.url,
            headers=headers,
            body=body,
            first_byte_seconds=TIMEOUT_SECONDS,
            total_seconds=TIMEOUT_SECONDS,
        )
    except GatewayError:
        return Answered(None, time.monotonic() - started)
    answer.close()
    return Answered(answer.status, time.monotonic() - started)


def settle(session: Session, parcel: Parcel, answered: Answered) -> None:
    """Write down what came of it, unless the lease ran out and another worker took over."""
    now = utc_now()
    mine = Delivery.id == parcel.id, Delivery.state == "sending", Delivery.tries == parcel.tries
    values = outcome(parcel, answered, now)
    statement = update(Delivery).where(*mine).values(values).execution_options(synchronize_session=False)
    session.execute(statement)
    rest = rest_after(answered.seconds, answered.taken)
    failing = None if answered.taken else func.coalesce(Webhook.failing_since, now)
    state = {"failing_since": failing, "rests_until": None if rest is None else now + rest}
    session.execute(
        update(Webhook)
        .where(Webhook.id == parcel.webhook_id)
        .values(state)
        .execution_options(synchronize_session=False)
    )


def outcome(parcel: Parcel, answered: Answered, now: datetime) -> dict[str, Any]:
    """Return what the row says from now on: taken, tried again later, or given up. The row stays."""
    if answered.taken:
        return {
            "state": "sent",
            "status": answered.status,
            "sent_at": now,
            "problem": "",
            "next_try_at": None,
        }
    problem = "no_answer" if answered.status is None else "refused"
    wait = wait_after(parcel.tries)
    told = {"status": answered.status, "problem": problem}
    if wait is None or now + wait > parcel.created_at + GIVE_UP_AFTER:
        return {**told, "state": "failed", "next_try_at": None}
    return {**told, "state": "pending", "next_try_at": now + wait}


def purge() -> None:
    """Forget deliveries that are too long ago, in batches."""

    def work(session: Session) -> int:
        old = select(Delivery.id).where(Delivery.created_at < utc_now() - KEPT).limit(BATCH)
        ids = list(session.scalars(old))
        session.execute(delete(Delivery).where(Delivery.id.in_(ids)))
        return len(ids)

    while database.transaction(work) == BATCH:
        pass
