"""Who may answer a call, and in which order."""

from __future__ import annotations

from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.errors import NoCandidate, UnknownPrice
from app.domain.holds import terms_of
from app.domain.targets import Candidate, Plan, Target


def plan(caller: Caller, target: Target, call: Call) -> Plan:
    """Return the endpoint's chain; raise NoCandidate, saying why each model dropped out (C4).

    Where money is counted before the call, a model without a price drops out (M11): UnknownPrice if all do.
    """
    if not target.candidates:
        why = "; ".join(f"{item.model_id}: {item.reason}" for item in target.skipped)
        raise NoCandidate(f"No model can answer. {why}.")
    if not terms_of(caller, target).needs_price:
        return Plan(target.candidates)
    priced = tuple(candidate for candidate in target.candidates if has_price(candidate))
    if not priced:
        names = ", ".join(candidate.model_id for candidate in target.candidates)
        raise UnknownPrice(f"Unknown model pricing: {names}. Ask an admin to set its price under Models.")
    return Plan(priced)


def has_price(candidate: Candidate) -> bool:
    """Say whether what the model costs is known; with a key of the caller's own it costs nothing here."""
    facts = candidate.facts
    return candidate.is_own or (facts is not None and facts.price is not None)
