"""The keys that made a key, and what of theirs holds for it too: it never exceeds them (O23)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.budgets import GUARDRAIL, MINTED, BudgetFacts
from app.domain.key_rules import KeyRules, stored_rules
from app.domain.limits import Limits, parse_limits
from app.domain.minting import MOST_GENERATIONS, both, tightest
from app.models import Key


def of(session: Session, key: Key) -> list[Key]:
    """Return the keys that led to this one, the nearest first; none for one that a person made."""
    found: list[Key] = []
    parent_id = key.parent_id
    while parent_id is not None and len(found) < MOST_GENERATIONS:
        maker = session.get(Key, parent_id)
        if maker is None:
            break
        found.append(maker)
        parent_id = maker.parent_id
    return found


def in_force(chain: Sequence[Key]) -> bool:
    """Say whether none of the makers is revoked."""
    return all(key.revoked_at is None for key in chain)


def rights(key: Key, chain: Sequence[Key]) -> dict[str, Any]:
    """Return what a caller with the key may do, narrowed to what all of its makers may."""
    scopes, endpoints, rules = tuple(key.scopes), both(key.endpoints, None), stored_rules(key.rules)
    for maker in chain:
        scopes = both(scopes, maker.scopes) or ()
        endpoints = both(endpoints, maker.endpoints)
        rules = tightest(rules, stored_rules(maker.rules))
    return {
        "scopes": scopes,
        "endpoints": endpoints,
        "rules": rules,
        "expires_at": earliest([key.expires_at, *(maker.expires_at for maker in chain)]),
        "makers": tuple((maker.id, parse_limits(maker.limits)) for maker in chain),
    }


def beside_endpoints(found: Sequence[BudgetFacts], key_ids: Sequence[str]) -> tuple[BudgetFacts, ...]:
    """Return a caller's budgets; only those of the key that a person made replace an endpoint's (P20)."""
    below = set(key_ids[:-1])
    return tuple(replace(each, scope_type=MINTED) if each.scope_id in below else each for each in found)


def earliest(times: Sequence[datetime | None]) -> datetime | None:
    """Return the first of the times that are set."""
    return min((time.astimezone(UTC) for time in times if time is not None), default=None)


def guardrail(key_id: str, rules: KeyRules) -> tuple[BudgetFacts, ...]:
    """Return the limit on the price of one call as a budget per request, if the key has one (R17)."""
    cap = rules.max_cost_nano_usd_per_request
    if cap is None:
        return ()
    facts = BudgetFacts(
        id=f"rule {key_id}",
        scope_type=GUARDRAIL,
        scope_id=key_id,
        label="this key",
        period="request",
        cap_nano_usd=cap,
        cap_tokens=None,
        hard=True,
    )
    return (facts,)


def outermost(limits: Limits, makers: Sequence[tuple[str, Limits]]) -> Limits:
    """Return the limits that replace an endpoint's: those of the key that a person made (P20)."""
    return makers[-1][1] if makers else limits
