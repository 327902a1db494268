"""Guardrails: what may be said to a model and by it. Settings per level, findings, verdicts (P23, P24)."""
