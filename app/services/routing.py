"""Who may answer a call, and in which order."""

from __future__ import annotations

from app.domain.errors import NoCandidate
from app.domain.targets import Plan, Target


def plan(target: Target) -> Plan:
    """Return the endpoint's chain; raise NoCandidate, saying why each model dropped out (C4)."""
    if not target.candidates:
        why = "; ".join(f"{item.model_id}: {item.reason}" for item in target.skipped)
        raise NoCandidate(f"No model can answer. {why}.")
    return Plan(target.candidates)
