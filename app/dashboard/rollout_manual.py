"""What the manual says of rollouts, with the numbers of the code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from app.domain import sequential
from app.domain.rollout_plans import DEFAULT, RolloutPlan, percent_of

EXAMPLE = """\
endpoints:                           # policies, too
  - slug: summarize
    rollout:
      steps: [0, 1, 10, 50, 100]     # per cent of the end users; 0: in shadow
      shadow_percent: 100            # of the calls that are asked in shadow as well
      step_minutes: 60               # 0: by hand
      step_calls: 100
      guarded: true
      most_more_errors_points: 2
      most_more_guardrails_points: 5
      most_slower_percent: 25
      most_dearer_percent: 20
      least_calls: 20
"""


@dataclass(frozen=True, slots=True)
class Manual:
    """What the page of rollouts shows. `metrics`: what, when it is worse, the bound's field and value."""

    plan: RolloutPlan
    steps: str
    example: str
    metrics: list[tuple[str, str, str, str]]
    found: list[tuple[str, int]]
    alpha: str
    intervals: int


def context() -> dict[str, Any]:
    """Return what the page needs."""
    steps = ", ".join(str(percent_of(step)) for step in DEFAULT.steps)
    alpha = f"{100 * sequential.ALPHA:g}"
    made = Manual(DEFAULT, steps, EXAMPLE, metrics(), found(), alpha, sequential.INTERVALS)
    return {"rollouts": made}


def metrics() -> list[tuple[str, str, str, str]]:
    """Return what the guard compares."""
    more = _("It is more often, by more than the bound in percentage points")
    slower = _("Half of the calls, or nine in ten, take that much longer")
    dearer = _("Half of the calls, or nine in ten, cost that much more")
    rows = [
        (_("Errors"), more, "most_more_errors_points", DEFAULT.most_more_errors_points),
        (_("Guardrail hits"), more, "most_more_guardrails_points", DEFAULT.most_more_guardrails_points),
        (_("Time"), slower, "most_slower_percent", f"{DEFAULT.most_slower_percent} %"),
        (_("Cost"), dearer, "most_dearer_percent", f"{DEFAULT.most_dearer_percent} %"),
    ]
    return [(str(what), str(worse), field, str(value)) for what, worse, field, value in rows]


def found() -> list[tuple[str, int]]:
    """Return how soon the guard acts."""
    words = {
        "fails_always": _("always fails"),
        "fails_in_five": _("fails in one of five calls"),
        "three_times_slower": _("is three times as slow"),
        "three_times_dearer": _("is three times as dear"),
    }
    return [(str(words[name]), within) for name, within in sequential.FOUND_WITHIN.items()]
