"""The running periods of budgets: found or made once, then held, charged and given back by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import BigInteger, BindParameter, Row, Select, bindparam, or_, select, update
from sqlalchemy.orm import Session

from app.database import database, insert_into
from app.domain.budgets import PLAN, BudgetFacts, starts_on
from app.domain.ids import new_id
from app.models import Budget, BudgetPeriod
from app.services import alerts, budget_scopes
from app.services.cache import Cache

_known: Cache[tuple[str, date], str] = Cache(50_000)

USD: BindParameter[int] = bindparam("usd", type_=BigInteger)
TOKENS: BindParameter[int] = bindparam("tokens", type_=BigInteger)
HELD_USD = BudgetPeriod.spent_nano_usd + BudgetPeriod.reserved_nano_usd
HELD_TOKENS = BudgetPeriod.spent_tokens + BudgetPeriod.reserved_tokens


def ids_of(budgets: Sequence[BudgetFacts], timezone: str, *, sure: bool = False) -> list[str]:
    """Return the ids of the budgets' running periods, sorted; missing ones are made, each in no time.

    `sure`: ask the database also for those remembered.
    """
    now = datetime.now(UTC)
    wanted = [(budget, starts_on(budget.period, now, timezone)) for budget in budgets]
    missing = [(b, first) for b, first in wanted if sure or _known.get((b.id, first)) is None]
    if missing:
        for (budget, first), period_id in zip(missing, make(missing), strict=True):
            _known.put((budget.id, first), period_id)
    found = [_known.get((budget.id, first)) for budget, first in wanted]
    return sorted(period_id for period_id in found if period_id is not None)


def known(budgets: Sequence[BudgetFacts], timezone: str) -> list[str] | None:
    """Return the ids of the budgets' running periods, sorted; None when the database must be asked."""
    now = datetime.now(UTC)
    found = [_known.get((budget.id, starts_on(budget.period, now, timezone))) for budget in budgets]
    return None if None in found else sorted(period_id for period_id in found if period_id is not None)


def make(wanted: Sequence[tuple[BudgetFacts, date]]) -> list[str]:
    """Insert the periods that are not there yet; return the ids of all."""

    def work(session: Session) -> list[str]:
        for budget, first in wanted:
            now = session.get_one(Budget, budget.id)  # what the call knows of it may be a second old
            values = {"id": new_id(), "budget_id": budget.id, "starts_on": first, "hard": now.hard}
            caps = {"cap_nano_usd": now.cap_nano_usd, "cap_tokens": now.cap_tokens}
            statement = insert_into(session, BudgetPeriod).values(**values, **caps)
            session.execute(statement.on_conflict_do_nothing())
        return [session.scalars(one(budget.id, first)).one() for budget, first in wanted]

    return database.transaction(work)


def one(budget_id: str, first: date) -> Select[str]:
    """Return the query of a period's id."""
    return select(BudgetPeriod.id).where(BudgetPeriod.budget_id == budget_id, BudgetPeriod.starts_on == first)


def hold(session: Session, period_ids: Sequence[str], nano_usd: int, tokens: int) -> int:
    """Hold so much in every period that has room for it, or need not; return in how many (SQLite)."""
    statement = HOLD.where(BudgetPeriod.id.in_(period_ids))
    return session.execute(statement, {"usd": nano_usd, "tokens": tokens}).rowcount  # type: ignore[attr-defined, no-any-return]


def charge(session: Session, held: Row) -> None:
    """Give back what was held in the periods, count what was charged; tell of crossings (SQLite)."""
    values = {
        "usd": held.amount_nano_usd,
        "tokens": held.amount_tokens,
        "charged_usd": held.charged_nano_usd,
        "charged_tokens": held.charged_tokens,
    }
    rows = session.execute(CHARGE.where(BudgetPeriod.id.in_(held.period_ids)), values).all()
    for row in rows:
        tell(session, held, row)


@dataclass(frozen=True, slots=True)
class Period:
    """A budget's period after a charge."""

    budget_id: str
    starts_on: date
    cap_nano_usd: int | None
    cap_tokens: int | None
    spent_nano_usd: int
    spent_tokens: int


def tell(session: Session, held: Row, row: Row | Period) -> None:
    """Note the alerts of a budget that this charge brought past 80 or 100 % of its cap."""
    counted = (
        ("usd", row.cap_nano_usd, row.spent_nano_usd, held.charged_nano_usd),
        ("tokens", row.cap_tokens, row.spent_tokens, held.charged_tokens),
    )
    for unit, cap, after, charged in counted:
        if cap is not None and charged and after * 5 >= cap * 4:
            budget = facts_of(session, row.budget_id)
            alerts.check_budget(
                session, held.workspace_id, budget, row.starts_on, unit, after - charged, after, cap
            )


def facts_of(session: Session, budget_id: str) -> BudgetFacts:
    """Return a budget with words for what it stands on."""
    row = session.get_one(Budget, budget_id)
    place = row.scope_type, row.scope_id
    scope = budget_scopes.named(session, row.workspace_id, [place]).get(place) or budget_scopes.gone(*place)
    return BudgetFacts(
        id=row.id,
        scope_type=row.scope_type,
        scope_id=row.scope_id,
        label=scope.label,
        period=row.period,
        cap_nano_usd=row.cap_nano_usd,
        cap_tokens=row.cap_tokens,
        hard=row.hard,
    )


def plan_tokens_left(session: Session, period_ids: Sequence[str]) -> int | None:
    """Return what is left of the plan's included tokens; None without such a budget among the periods."""
    row = session.execute(
        select(BudgetPeriod.cap_tokens, BudgetPeriod.spent_tokens)
        .join(Budget, Budget.id == BudgetPeriod.budget_id)
        .where(BudgetPeriod.id.in_(period_ids), Budget.scope_type == PLAN)
    ).first()
    return None if row is None or row.cap_tokens is None else max(0, row.cap_tokens - row.spent_tokens)


CHARGE = (
    update(BudgetPeriod)
    .values(
        reserved_nano_usd=BudgetPeriod.reserved_nano_usd - USD,
        reserved_tokens=BudgetPeriod.reserved_tokens - TOKENS,
        spent_nano_usd=BudgetPeriod.spent_nano_usd + bindparam("charged_usd", type_=BigInteger),
        spent_tokens=BudgetPeriod.spent_tokens + bindparam("charged_tokens", type_=BigInteger),
    )
    .returning(
        BudgetPeriod.budget_id,
        BudgetPeriod.starts_on,
        BudgetPeriod.cap_nano_usd,
        BudgetPeriod.cap_tokens,
        BudgetPeriod.spent_nano_usd,
        BudgetPeriod.spent_tokens,
    )
    .execution_options(synchronize_session=False)
)

HOLD = (
    update(BudgetPeriod)
    .where(
        or_(
            BudgetPeriod.hard.is_(False),
            or_(BudgetPeriod.cap_nano_usd.is_(None), HELD_USD + USD <= BudgetPeriod.cap_nano_usd)
            & or_(BudgetPeriod.cap_tokens.is_(None), HELD_TOKENS + TOKENS <= BudgetPeriod.cap_tokens),
        )
    )
    .values(
        reserved_nano_usd=BudgetPeriod.reserved_nano_usd + USD,
        reserved_tokens=BudgetPeriod.reserved_tokens + TOKENS,
    )
    .execution_options(synchronize_session=False)
)
