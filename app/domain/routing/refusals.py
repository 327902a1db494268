"""Why nobody is left to answer, told so that whoever reads it knows what to change (O46, C4, M11, R17)."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.decisions import Decision
from app.domain.errors import (
    CostGuardrailExceeded,
    GatewayError,
    NoCandidate,
    NoModelsAvailable,
    UnknownPrice,
)
from app.domain.lineups import STATES
from app.domain.provider_errors import ProviderPaused
from app.domain.routing.filters import MAX_COST, UNPRICED, Dropped, told
from app.domain.targets import Candidate, Target


def nobody_ready(target: Target) -> GatewayError:
    """Return the error where no model could even be tried."""
    why = "; ".join(f"{item.model_id}: {item.reason}" for item in target.skipped)
    text = "All models are currently unavailable." if target.routed else "No model can answer."
    return NoCandidate(f"{text} {why}." if why else text)


def unknown_price(candidates: Sequence[Candidate]) -> GatewayError:
    """Return the error where money is counted and nobody knows what any of the models costs."""
    names = ", ".join(candidate.model_id for candidate in candidates[:20])
    return UnknownPrice(f"Unknown model pricing: {names}. Ask an admin to set its price under Models.")


def excluded(dropped: Sequence[Dropped], target: Target, decision: Decision) -> GatewayError:
    """Return the error where filters left nobody: it names them, and how many models each excluded."""
    error = reason(dropped, target)
    error.decision = decision
    return error


def reason(dropped: Sequence[Dropped], target: Target) -> GatewayError:
    """Return the error that fits: who fell to money alone would have done otherwise, so it tells of money."""
    dear = [each for each in dropped if each.by.name == MAX_COST]
    if dear:
        return CostGuardrailExceeded(f"No model is left: {told(dear)}. Ask for a shorter answer.")
    unpriced = [each.candidate for each in dropped if each.by.name == UNPRICED]
    if unpriced:
        return unknown_price(unpriced)
    if is_pinned_to_paused(target):
        return ProviderPaused(f"Provider '{target.wishes.providers[0]}' is paused.")
    away = len(target.skipped)
    text = f"No model is left: {told(dropped)}"
    return NoModelsAvailable(f"{text}; {away} not ready." if away else f"{text}.")


def is_pinned_to_paused(target: Target) -> bool:
    """Say whether the call insists on one provider, and that is paused (C4)."""
    if target.wishes.policy != "pinned":
        return False
    start = f"{target.wishes.providers[0]}/"
    return any(each.model_id.startswith(start) and each.reason == STATES["paused"] for each in target.skipped)
