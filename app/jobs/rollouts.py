"""Rollouts go on by themselves: each minute those whose step lasted long enough, and none that is worse."""

from __future__ import annotations

from app.services import rollout_guard


def tend() -> None:
    """Judge every rollout under way, and let it go on or take it back."""
    rollout_guard.tend()
