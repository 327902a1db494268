"""The row of a hold: what is held for a call, and all that must be known of it should its worker die."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.bounds import Bound
from app.domain.holds import Quote, Terms, input_nano_usd, price_snapshot
from app.domain.records import Record
from app.domain.targets import Plan
from app.services import dead_calls

HELD_FOR = timedelta(seconds=660)  # the longest call and a minute


def reservation(
    record: Record, plan: Plan, bound: Bound, terms: Terms, held: Quote, held_in: list[str]
) -> dict[str, Any]:
    """Return the reservation's row."""
    caller = record.caller
    assert caller is not None
    now = datetime.now(UTC)
    input_tokens = min(bound.estimated_input_tokens, held.tokens)
    return {
        "id": record.call.request_id,
        "workspace_id": caller.workspace_id,
        "account_id": caller.payer_id,
        "prepaid": terms.prepaid,
        "amount_nano_usd": held.nano_usd,
        "amount_tokens": held.tokens,
        "input_nano_usd": min(input_nano_usd(plan.candidates[0], input_tokens, caller), held.nano_usd),
        "input_tokens": input_tokens,
        "period_ids": held_in,
        "price": price_snapshot(plan.candidates, caller),
        "about": dead_calls.about(record),
        "created_at": now,
        "expires_at": now + HELD_FOR,
    }
