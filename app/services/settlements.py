"""Ends a hold: charges what was used, at most the hold, gives the rest back, and books it (reliability 1.3).

All in one transaction, once: the reservation's change from `held` decides, a second attempt finds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, Case, Row, bindparam, case, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.database import database
from app.domain.calls import Usage
from app.domain.ids import new_id
from app.domain.pricing import Price, cost_nano_usd
from app.domain.session_turns import TurnEnd
from app.models import Account, LedgerEntry, Reservation
from app.services import alerts, chat_sessions, holds_postgresql, idempotency, periods, spend, turns
from app.services.periods import Period
from app.services.spend import Spent


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended and what it used. `cost_nano_usd` is what it would cost without any cap."""

    request_id: str
    outcome: str
    cost_nano_usd: int = 0
    tokens: int = 0
    provider_id: str | None = None
    provider_nano_usd: int = 0  # what the provider asks for it, without our multipliers
    overage_nano_usd_per_million: int = 0
    reason: str = ""
    keyed: bool = True  # an Idempotency-Key may belong to it
    alone: bool = False  # nothing but a balance and budgets is concerned, and nobody watches those it is for
    turn: TurnEnd | None = None  # of a conversation: kept together with the charge

    @property
    def is_void(self) -> bool:
        """Say whether nothing was used: the hold is given back whole."""
        return self.cost_nano_usd == 0 and self.tokens == 0

    @property
    def came_of_it(self) -> bool:
        """Say whether the request was answered, or paid for: then it is not carried out again."""
        return not self.is_void or self.outcome == "succeeded"


@dataclass(frozen=True, slots=True)
class Charged:
    """What was charged in the end, and what it cost beyond the hold (the operator's loss)."""

    nano_usd: int
    overage_nano_usd: int
    shortfall_nano_usd: int


def capped(column: InstrumentedAttribute[int], name: str) -> Case[int]:
    """Return SQL for the smaller of a held amount and what was used."""
    return case((column < bindparam(name, type_=BigInteger), column), else_=bindparam(name, type_=BigInteger))


END = (
    update(Reservation)
    .where(Reservation.id == bindparam("request"), Reservation.state == "held")
    .values(
        state=bindparam("new_state"),
        outcome=bindparam("new_outcome"),
        charged_nano_usd=capped(Reservation.amount_nano_usd, "cost"),
        charged_tokens=capped(Reservation.amount_tokens, "used"),
        shortfall_nano_usd=bindparam("cost", type_=BigInteger) - capped(Reservation.amount_nano_usd, "cost"),
        ended_at=bindparam("now"),
    )
    .returning(
        Reservation.workspace_id,
        Reservation.account_id,
        Reservation.prepaid,
        Reservation.amount_nano_usd,
        Reservation.amount_tokens,
        Reservation.period_ids,
        Reservation.charged_nano_usd,
        Reservation.charged_tokens,
        Reservation.shortfall_nano_usd,
    )
    .execution_options(synchronize_session=False)
)

CHARGE = (
    update(Account)
    .where(Account.id == bindparam("account"))
    .values(
        balance_nano_usd=Account.balance_nano_usd - bindparam("charged", type_=BigInteger),
        reserved_nano_usd=Account.reserved_nano_usd - bindparam("held", type_=BigInteger),
        ledger_count=Account.ledger_count + bindparam("entries", type_=BigInteger),
    )
    .returning(Account.balance_nano_usd, Account.ledger_count)
    .execution_options(synchronize_session=False)
)


def end(session: Session, ending: Ending) -> Charged | None:
    """End the reservation; None when it has been ended before."""
    if ending.turn is not None:
        chat_sessions.end_turn(session, ending.turn)
    now = datetime.now(UTC)
    overage = overage_nano_usd(session, ending)
    cost = ending.cost_nano_usd + overage
    if holds_postgresql.is_spoken(session):
        return end_at_once(session, ending, overage, now)
    values = {"request": ending.request_id, "new_state": "voided" if ending.is_void else "settled"}
    values |= {"new_outcome": ending.outcome, "cost": cost, "used": ending.tokens, "now": now}  # type: ignore[dict-item]
    row = session.execute(END, values).first()
    if row is None:
        return None
    if row.prepaid:
        move_balance(session, ending, row, now)
    if row.period_ids:
        periods.charge(session, row)
    if not ending.is_void:
        book_spend(session, ending, row, now)
    if row.shortfall_nano_usd:
        alerts.shortfall(session, row.workspace_id, ending.provider_id, row.shortfall_nano_usd)
    if ending.keyed:
        idempotency.finish(session, ending.request_id, charged=ending.came_of_it)
    return Charged(row.charged_nano_usd, min(overage, row.charged_nano_usd), row.shortfall_nano_usd)


def charged_at_desk(ending: Ending, payer_id: str, answer: tuple[int, int, str] | None) -> Charged | None:
    """Return what a desk charged; the operator's loss is noted by itself, in a transaction of its own."""
    if answer is None:
        return None
    charged, shortfall, workspace_id = answer
    if shortfall:
        told = workspace_id, ending.provider_id, shortfall
        with turns.turn(payer_id):
            database.transaction(lambda session: alerts.shortfall(session, *told))
    return Charged(charged, 0, shortfall)


def end_at_once(session: Session, ending: Ending, overage: int, now: datetime) -> Charged | None:
    """End the reservation in one statement, then look whether somebody must be told."""
    row = holds_postgresql.run(session, holds_postgresql.END, values_of(ending, overage, now))
    if row is None:
        return None
    tell(session, ending, row, now)
    if ending.keyed:
        idempotency.finish(session, ending.request_id, charged=ending.came_of_it)
    return Charged(row.charged_nano_usd, min(overage, row.charged_nano_usd), row.shortfall_nano_usd)


def values_of(ending: Ending, overage: int, now: datetime) -> dict[str, Any]:
    """Return the values of the statement that ends a reservation."""
    return {
        "id": ending.request_id,
        "state": "voided" if ending.is_void else "settled",
        "outcome": ending.outcome,
        "now": now,
        "day": now.date(),
        "cost": ending.cost_nano_usd + overage,
        "used": ending.tokens,
        "entry_id": new_id(),
        "reason": ending.reason,
        "provider_id": ending.provider_id,
        "provider_nano_usd": ending.provider_nano_usd,
    }


def tell(session: Session, ending: Ending, row: Row, now: datetime) -> None:
    """Note what this charge brought about: thresholds reached, budgets nearly used, a shortfall."""
    low = row.low_balance_nano_usd
    if row.charged_nano_usd and row.prepaid and low is not None and row.balance_nano_usd < low:
        alerts.check_balance(session, row.workspace_id, row.account_id, row.balance_nano_usd)
    for period in row.periods or ():
        periods.tell(session, row, Period(**period | {"starts_on": date.fromisoformat(period["starts_on"])}))
    if row.account_day_nano_usd is not None:
        spent = account_spent(row, now)
        watched = row.account_day_nano_usd, row.spend_alert_nano_usd_per_day, row.account_name
        spend.check_account(session, spent, *watched)
    if row.provider_day_nano_usd is not None and row.provider_name is not None:
        names = ("provider_day_nano_usd", "provider_name", *(column.key for column in spend.WATCHED[1:]))
        spend.check_provider(session, provider_spent(ending, row, now), *(getattr(row, n) for n in names))
    if row.shortfall_nano_usd:
        alerts.shortfall(session, row.workspace_id, ending.provider_id, row.shortfall_nano_usd)


def overage_nano_usd(session: Session, ending: Ending) -> int:
    """Return the plan's price for those of the call's tokens that its included ones do not cover.

    The account's lock comes first, so that two calls never count the same included tokens.
    """
    if not ending.overage_nano_usd_per_million or not ending.tokens:
        return 0
    held = session.execute(
        select(Reservation.account_id, Reservation.period_ids, Reservation.amount_tokens).where(
            Reservation.id == ending.request_id
        )
    ).one()
    session.execute(select(Account.id).where(Account.id == held.account_id).with_for_update())
    included = periods.plan_tokens_left(session, held.period_ids)
    if included is None:
        return 0
    over = max(0, min(ending.tokens, held.amount_tokens) - included)
    return cost_nano_usd(Usage(over), Price(ending.overage_nano_usd_per_million, 0))


def move_balance(session: Session, ending: Ending, row: Row, now: datetime) -> None:
    """Give back the hold, take the charge, and write its ledger entry."""
    charged = row.charged_nano_usd
    values = {"account": row.account_id, "charged": charged, "held": row.amount_nano_usd}
    after = session.execute(CHARGE, values | {"entries": 1 if charged else 0}).one()
    if not charged:
        return
    entry = {
        "id": new_id(),
        "workspace_id": row.workspace_id,
        "account_id": row.account_id,
        "number": after.ledger_count,
        "kind": "charge",
        "from_side": "account",
        "to_side": "revenue",
        "amount_nano_usd": charged,
        "balance_after_nano_usd": after.balance_nano_usd,
        "ref": ending.request_id,
        "reason": ending.reason,
        "actor_label": "",
        "created_at": now,
    }
    session.execute(insert(LedgerEntry), [entry])
    alerts.check_balance(session, row.workspace_id, row.account_id, after.balance_nano_usd)


def book_spend(session: Session, ending: Ending, row: Row, now: datetime) -> None:
    """Add the call to the day's sums of its account and of the provider that answered."""
    spend.add_for_account(session, account_spent(row, now))
    if ending.provider_id is not None:
        spend.add_for_provider(session, provider_spent(ending, row, now))


def account_spent(row: Row, now: datetime) -> Spent:
    """Return what the call adds to its account's day."""
    return Spent(
        workspace_id=row.workspace_id,
        day=now.date(),
        scope_type="account",
        scope_id=row.account_id,
        spent_nano_usd=row.charged_nano_usd,
        ledger_nano_usd=row.charged_nano_usd if row.prepaid else 0,
        tokens=row.charged_tokens,
    )


def provider_spent(ending: Ending, row: Row, now: datetime) -> Spent:
    """Return what the call adds to its provider's day: what the provider asks for it."""
    return Spent(
        workspace_id=row.workspace_id,
        day=now.date(),
        scope_type="provider",
        scope_id=ending.provider_id or "",
        spent_nano_usd=ending.provider_nano_usd,
        tokens=row.charged_tokens,
    )
