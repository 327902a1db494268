"""The budgets that a key gets from the key that makes it (A19); later ones are people's to set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.actors import Actor
from app.domain.budgets import PERIODS, parse_caps
from app.domain.errors import InvalidFields, InvalidInput
from app.models import Budget, Key
from app.services import budget_scopes, budgets

FIELD = "budgets"


def add_all(session: Session, actor: Actor, key: Key, given: Any) -> None:
    """Set the budgets of a new key; raise InvalidFields for what makes none."""
    if given is None:
        return
    if not isinstance(given, list) or len(given) > len(PERIODS):
        raise InvalidInput("Must be a list with at most one budget per period.", param=FIELD)
    scope = budget_scopes.owned(session, key.workspace_id, "key", key.id)
    for number, fields in enumerate(given):
        period, values = checked(fields, f"{FIELD}[{number}]")
        budgets.add(session, actor, key.workspace_id, scope, period, values)


def checked(given: Any, place: str) -> tuple[str, dict[str, Any]]:
    """Return the period and the columns of one budget."""
    if not isinstance(given, Mapping) or given.get("period") not in PERIODS:
        raise InvalidFields({f"{place}.period": f"Choose from: {', '.join(PERIODS)}."})
    usd = given.get("usd")
    caps = {name: value for name, value in given.items() if name != "period"}
    if isinstance(usd, int | float) and not isinstance(usd, bool):
        caps["usd"] = f"{usd:.9f}"
    try:
        return str(given["period"]), parse_caps(caps)
    except InvalidFields as error:
        raise InvalidFields({f"{place}.{name}": text for name, text in error.errors.items()}) from None


def shown(session: Session, key_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the budgets of several keys in force, by key."""
    where = Budget.scope_type == "key", Budget.scope_id.in_(key_ids), Budget.active
    found: dict[str, list[dict[str, Any]]] = {}
    for row in session.scalars(select(Budget).where(*where).order_by(Budget.period)):
        caps = {name: value for name, value in budgets.as_fields(row).items() if name != "active"}
        found.setdefault(row.scope_id, []).append({"period": row.period, **caps})
    return found
