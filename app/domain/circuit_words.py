"""Open circuits in plain words, for receipts, errors and pages."""

from __future__ import annotations

import math

from app.domain.circuits import Circuit

ERRORS = {
    "failed": "answered with an error",
    "timed_out": "did not answer in time",
    "limited": "limits our rate",
    "outlier": "failed far more often than the others",
}


def pause_words(circuit: Circuit, wait: float) -> str:
    """Say why a provider or key is left alone, and until when."""
    if circuit.error == "outlier":
        why = "paused because it failed far more often than the others"
    else:
        why = f"paused after {circuit.failures} failures in a row"
    return f"{why}, next try in {max(1, math.ceil(wait))} s"
