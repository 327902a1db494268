"""Budgets: who set which limit on what, and how much of each is spent (C16, P22)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.domain.budgets import BudgetFacts
from app.models import Budget


def facts(session: Session, scopes: Sequence[tuple[str, str, str]]) -> tuple[BudgetFacts, ...]:
    """Return the active budgets of (scope type, scope id, label)s, by id."""
    labels = {(kind, scope_id): label for kind, scope_id, label in scopes}
    where = or_(*(and_(Budget.scope_type == kind, Budget.scope_id == scope_id) for kind, scope_id in labels))
    rows = session.scalars(select(Budget).where(Budget.active, where).order_by(Budget.id))
    return tuple(
        BudgetFacts(
            id=row.id,
            scope_type=row.scope_type,
            scope_id=row.scope_id,
            label=labels[row.scope_type, row.scope_id],
            period=row.period,
            cap_nano_usd=row.cap_nano_usd,
            cap_tokens=row.cap_tokens,
            hard=row.hard,
        )
        for row in rows
    )
