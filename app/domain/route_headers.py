"""What an answer says of how it was routed, in the spellings that clients of other gateways know (C19, O5).

Headers leave before a stream's first byte: there they tell who answers and why; what it cost comes last.
"""

from __future__ import annotations

from typing import Any

from app.domain.decisions import Decision
from app.domain.pricing import nano_to_usd
from app.domain.records import Record
from app.domain.routing.costs import cost_at
from app.domain.routing.decide import IN_ORDER

MOST_CHARACTERS = 400
TYPOGRAPHY = str.maketrans({"“": '"', "”": '"', "’": "'", "…": "...", "–": "-"})
NANO_PER_CENT = 10_000_000
NOT_TRIED = "skipped"


def headers(record: Record, *, is_done: bool) -> dict[str, str]:
    """Return the headers of a call that named a model; `is_done`: what it cost is known as well."""
    if not record.call.names_model or record.answered_by is None:
        return {}
    model_id, slug = record.answered_by.model_id, record.answered_by.provider_slug
    strategy = record.decision.strategy if record.decision else IN_ORDER
    told = {
        "X-KairosRoute-Provider": slug,
        "x-aig-provider": slug,
        "x-aig-served-by": model_id,
        "x-aig-route-policy": strategy,
        "x-aig-attempts": str(sum(each.status != NOT_TRIED for each in record.attempts)),
        "x-sluice-model": model_id,
        "x-sluice-strategy": strategy,
        "x-sluice-receipt": record.call.request_id,
        **(of_choice(record.decision, model_id) if record.decision else {}),
        **(of_cost(record) if is_done else {}),
    }
    return {name: plain(value) for name, value in told.items()}


def of_choice(decision: Decision, model_id: str) -> dict[str, str]:
    """Return what is told of a choice that was ours (A15)."""
    kind = decision.classification
    if kind is None:
        return {}
    quality = next((each.score for each in decision.considered if each.model_id == model_id), None)
    told = {
        "X-Auto-Routed": "true",
        "X-Routing-Selected": model_id,
        "X-Routing-Reason": reason(decision),
        "X-Routing-Complexity": kind.complexity,
        "X-Auto-Route-Fee-Cents": cents(0),
    }
    if quality is not None:
        told["X-Routing-Quality"] = str(quality)
    if decision.baseline_model:
        told["X-Auto-Baseline-Model"] = decision.baseline_model
    return told


def of_cost(record: Record) -> dict[str, str]:
    """Return what the call cost and saved; nothing of what is not known."""
    told = {"X-KairosRoute-Savings": nano_to_usd(record.savings_nano_usd or 0)}
    if record.cost_nano_usd is not None:
        told["X-KairosRoute-Cost"] = nano_to_usd(record.cost_nano_usd)
        told["X-Cost-Cents"] = cents(record.cost_nano_usd)
    if record.usage is not None:
        told["X-Cached-Input-Units"] = str(record.usage.cache_read_tokens)
    if record.baseline is not None and record.usage is not None:
        told["X-Auto-Savings-Cents"] = cents(record.savings_nano_usd or 0)
        cost = cost_at(record.baseline, record.usage, record.multipliers()[0])
        if cost is not None:
            told["X-Auto-Baseline-Cost-Cents"] = cents(cost)
    return told


def reason(decision: Decision) -> str:
    """Say in one line what the request was taken for and why this model answers it."""
    kind = decision.classification
    assert kind is not None
    why = decision.considered[0].reasons if decision.considered else ()
    stays = ("The conversation stays with its model.",) if decision.sticky else why
    taken = (
        f"{kind.complexity} {kind.category} ({', '.join(kind.reasons)})" if kind.reasons else kind.category
    )
    return " ".join((f"{taken}.", *stays))


def extra(record: Record) -> dict[str, Any]:
    """Return the body's field `x_kairosroute` (R3); empty where no model was named."""
    if not record.call.names_model or record.answered_by is None:
        return {}
    cost = record.cost_nano_usd
    told = {
        "provider": record.answered_by.provider_name,
        "cost_usd": None if cost is None else number(cost),
        "savings_usd": number(record.savings_nano_usd or 0),
        "routed_from": record.target.requested if record.target else None,
    }
    return {"x_kairosroute": told}


def number(nano_usd: int) -> float:
    """Return dollars as JSON shows them: the number nearest to the exact decimal."""
    return float(nano_to_usd(nano_usd))


def cents(nano_usd: int) -> str:
    """Write cents with six decimals, rounded half up."""
    millionths = (nano_usd + 5) // 10
    whole, decimals = divmod(millionths, NANO_PER_CENT // 10)
    return f"{whole}.{decimals:06d}"


def plain(text: str) -> str:
    """Return a text as a header takes it: one line of ASCII, not too long."""
    if text.isascii() and text.isprintable() and len(text) <= MOST_CHARACTERS:
        return text
    line = "".join(char if " " <= char <= "~" else "?" for char in text.translate(TYPOGRAPHY))
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 3]}..."
