"""Says why a hold does not fit: what is missing, where, and what would fit (M8, C2, C3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.budgets import GUARDRAIL, POLICY, BudgetFacts, ends_at
from app.domain.callers import Caller
from app.domain.errors import (
    BudgetExceeded,
    CostGuardrailExceeded,
    GatewayError,
    InsufficientBalance,
    QuotaExceeded,
)
from app.domain.holds import NOBODY, Free, Quote, Terms
from app.domain.pricing import format_usd
from app.models import Account, BudgetPeriod

PER = {"request": "The budget per call of", "day": "The daily budget of", "month": "The monthly budget of"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What is free of the balance (no budget) or of one budget, read under its lock."""

    free: Free
    budget: BudgetFacts | None = None


def look(
    session: Session, caller: Caller, terms: Terms, period_ids: Sequence[str], *, lock: bool = False
) -> list[Shown]:
    """Read what is free, account first, then periods by id; caps per call come last. `lock` keeps it so."""
    locking = (lambda query: query.with_for_update()) if lock else (lambda query: query)
    shown = []
    if terms.prepaid:
        account = session.scalars(locking(select(Account).where(Account.id == caller.payer_id))).one()
        shown.append(Shown(Free(account.balance_nano_usd - account.reserved_nano_usd)))
    by_id = {budget.id: budget for budget in terms.periods}
    query = select(BudgetPeriod).where(BudgetPeriod.id.in_(period_ids)).order_by(BudgetPeriod.id)
    for row in session.scalars(locking(query)) if period_ids else ():
        shown.append(Shown(free_of(row), by_id[row.budget_id]))
    return shown + [Shown(cap_of(budget), budget) for budget in terms.per_request]


def free_of(row: BudgetPeriod) -> Free:
    """Return what is free of a period; a soft budget refuses nothing."""
    if not row.hard:
        return Free()
    usd, tokens = row.cap_nano_usd, row.cap_tokens
    return Free(
        NOBODY if usd is None else usd - row.spent_nano_usd - row.reserved_nano_usd,
        NOBODY if tokens is None else tokens - row.spent_tokens - row.reserved_tokens,
    )


def cap_of(budget: BudgetFacts) -> Free:
    """Return what a budget per call allows."""
    usd, tokens = budget.cap_nano_usd, budget.cap_tokens
    if not budget.hard:
        return Free()
    return Free(NOBODY if usd is None else usd, NOBODY if tokens is None else tokens)


def free(shown: Sequence[Shown]) -> Free:
    """Return what all of them allow."""
    least = Free()
    for item in shown:
        least = least.least(item.free)
    return least


def refusal(
    caller: Caller, terms: Terms, shown: Sequence[Shown], whole: Quote, fitting: Quote | None
) -> GatewayError:
    """Return the error of the first of them that the call does not fit into."""
    short = next((item for item in shown if not item.free.fits(whole)), shown[0])
    would_fit = fitting.output_tokens if fitting else 0
    hint = f"lower max_tokens to {would_fit}" if would_fit else "shorten the request"
    if short.budget is None:
        missing = whole.nano_usd - short.free.nano_usd
        return InsufficientBalance(
            f"Insufficient credit balance. This call can cost up to {format_usd(whole.nano_usd)}, and "
            f"{format_usd(max(0, short.free.nano_usd))} is free: {format_usd(missing)} is missing. "
            f"Top up, or {hint}."
        )
    if short.budget.scope_type in (GUARDRAIL, POLICY):
        advice = f"{hint[0].upper()}{hint[1:]}, or choose a cheaper model."
        return CostGuardrailExceeded(
            f"This call can cost up to {format_usd(whole.nano_usd)}, and {short.budget.label} may spend "
            f"{format_usd(short.free.nano_usd)} on one call at most. {advice}"
        )
    if short.budget.scope_type == "plan":
        return quota_exceeded(caller, short, whole, hint)
    return BudgetExceeded(
        f"Budget exceeded. {PER[short.budget.period]} {short.budget.label} has {left(short, whole)}. "
        f"Raise the budget, or {hint}."
    )


def left(short: Shown, whole: Quote) -> str:
    """Say what is left against what the call can use, in dollars or in tokens."""
    if whole.nano_usd > short.free.nano_usd:
        free_usd = format_usd(max(0, short.free.nano_usd))
        return f"{free_usd} left, and this call can cost up to {format_usd(whole.nano_usd)}"
    return f"{max(0, short.free.tokens):,} tokens left, and this call can use up to {whole.tokens:,}"


def quota_exceeded(caller: Caller, short: Shown, whole: Quote, hint: str) -> QuotaExceeded:
    """Return the refusal of a plan with a hard cap: it ends with the month (C3)."""
    assert short.budget is not None
    now = datetime.now(UTC)
    seconds = int((ends_at("month", now, caller.timezone) - now).total_seconds()) + 1
    return QuotaExceeded(
        f"Quota exceeded: {short.budget.label} has {left(short, whole)}. "
        f"Choose a larger plan, wait for the next month, or {hint}.",
        scope="plan",
        retry_after_seconds=seconds,
    )
