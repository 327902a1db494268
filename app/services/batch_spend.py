"""The spend of calls for which nothing was held: a batch of records at a time, in the batch's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from app.services import spend
from app.services.spend import Spent

Scope = tuple[str, str, date, str]  # its type, its id, the day (UTC), the workspace


def add(session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add the batch to the days of its accounts, then of its providers, each in order of their ids.

    Whoever settles a hold takes the same locks in the same order. A call with a hold was added there.
    """
    sums = sums_of(rows)
    for key in sorted(sums):
        scope_type, scope_id, day, workspace_id = key
        nano_usd, calls, tokens = sums[key]
        spent = Spent(workspace_id, day, scope_type, scope_id, nano_usd, calls=calls, tokens=tokens)
        add_one = spend.add_for_account if scope_type == "account" else spend.add_for_provider
        add_one(session, spent)


def sums_of(rows: Iterable[Mapping[str, Any]]) -> dict[Scope, list[int]]:
    """Return dollars, calls and tokens by scope; "account" sorts before "provider"."""
    sums: dict[Scope, list[int]] = {}
    for row in filter(is_unheld, rows):
        day, workspace_id = row["created_at"].date(), row["workspace_id"]
        tokens = row["input_tokens"] + row["output_tokens"]
        payer_id = None if row.get("source") == "shadow" else row.get("payer_id")  # no customer asked for it
        if payer_id:
            count(sums, ("account", payer_id, day, workspace_id), row["cost_nano_usd"] or 0, tokens)
        if provider_id := row.get("provider_id"):
            count(
                sums, ("provider", provider_id, day, workspace_id), row.get("provider_nano_usd") or 0, tokens
            )
    return sums


def count(sums: dict[Scope, list[int]], scope: Scope, nano_usd: int, tokens: int) -> None:
    """Count one more call in a scope."""
    known = sums.get(scope)
    if known is None:
        sums[scope] = [nano_usd, 1, tokens]
        return
    known[0] += nano_usd
    known[1] += 1
    known[2] += tokens


def is_unheld(row: Mapping[str, Any]) -> bool:
    """Say whether a call used something and nothing was held for it."""
    used = row["cost_nano_usd"] or row["input_tokens"] or row["output_tokens"]
    return bool(used) and row.get("held_nano_usd") is None
