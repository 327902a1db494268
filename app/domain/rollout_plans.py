"""How new versions go live: a rollout's steps, how long each lasts, how much worse the new arm may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, switch, whole
from app.domain.rollouts import CANARY, FULL, SHADOW, WHOLE

NUMBERS = {  # least, most
    "step_minutes": (0, 30 * 24 * 60),
    "step_calls": (0, 1_000_000),
    "shadow_percent": (1, 100),
    "most_more_errors_points": (0, 100),
    "most_more_guardrails_points": (0, 100),
    "most_slower_percent": (0, 10_000),
    "most_dearer_percent": (0, 10_000),
    "least_calls": (1, 100_000),
}
FIELDS = frozenset({"steps", "guarded", *NUMBERS})
MOST_STEPS = 20
WRONG_STEPS = (
    "Write per cents that grow, with at most two decimals, the last 100: 1, 10, 50, 100. "
    "A first 0 is a step in shadow."
)
WRONG_SHARE = "Must be per cent from 0.01 to 100, with at most two decimals."


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """What a rollout does.

    `steps`: shares of 10,000 end users, ascending; 0 is in shadow, the last is everybody.
    `step_minutes`: how long a step lasts at least before the next begins by itself; 0: somebody begins it.
    `step_calls`: how many calls the new arm must have answered in a step, too.
    `shadow_percent`: of how many calls, in shadow, the new version is asked as well.
    `guarded`: a new arm that is worse by more than these bounds is taken back by itself, once both arms
    have had `least_calls`. Points are of all calls; per cent are of the old arm's time or cost.
    """

    steps: tuple[int, ...] = (100, 1_000, 5_000, 10_000)
    step_minutes: int = 0
    step_calls: int = 100
    shadow_percent: int = 100
    guarded: bool = True
    most_more_errors_points: int = 2
    most_more_guardrails_points: int = 5
    most_slower_percent: int = 25
    most_dearer_percent: int = 20
    least_calls: int = 20

    def as_dict(self) -> dict[str, Any]:
        """Return every field as a file writes it: steps in per cent."""
        return {**asdict(self), "steps": [percent_of(step) for step in self.steps]}

    def step_of(self, share: int) -> int:
        """Return which step such a share belongs to: the last that is not above it, else the first."""
        return max(0, sum(step <= share for step in self.steps) - 1)

    def after(self, share: int) -> int | None:
        """Return the share of the step that comes next; None after the last."""
        return next((step for step in self.steps if step > share), None)


DEFAULT = RolloutPlan()


def parse_plan(raw: Mapping[str, Any] | None) -> RolloutPlan | None:
    """Return the plan, None of an empty one: new versions are live at once. Raise InvalidFields."""
    if not raw:
        return None
    if not isinstance(raw, Mapping):
        raise InvalidInput("Must be an object.", param="rollout")
    refuse_unknown(raw, FIELDS)
    collect = Collector()
    given = {name: collect.take(whole, raw, name, *NUMBERS[name]) for name in NUMBERS}
    given["guarded"] = collect.take(switch, raw, "guarded", True)
    given["steps"] = collect.take(steps, raw)
    collect.finish()
    return RolloutPlan(**{name: value for name, value in given.items() if value is not None})


def steps(raw: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Return the shares of the steps; None when they are not given."""
    value = raw.get("steps")
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= MOST_STEPS:
        raise InvalidInput(WRONG_STEPS, param="steps")
    shares = [hundredths(percent) for percent in value]
    found = tuple(share for share in shares if share is not None)
    if len(found) < len(shares) or found[-1] != WHOLE or list(found) != sorted(set(found)):
        raise InvalidInput(WRONG_STEPS, param="steps")
    return found


def share(raw: Mapping[str, Any]) -> int | None:
    """Return the field `share` in 1/10,000; None when it is not given."""
    value = raw.get("share")
    if value is None:
        return None
    found = hundredths(value)
    if not found:
        raise InvalidInput(WRONG_SHARE, param="share")
    return found


def hundredths(percent: object) -> int | None:
    """Return per cent in 1/10,000; None unless it is a number from 0 to 100 with at most two decimals."""
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        return None
    rounded = round(percent * 100)
    return rounded if abs(rounded - percent * 100) < 1e-6 else None


def percent_of(share: int) -> int | float:
    """Return a share of 10,000 in per cent."""
    return share // 100 if share % 100 == 0 else share / 100


def state_of(share: int) -> str:
    """Return the state of a rollout with such a share: 0 is in shadow, all of it is FULL."""
    if share <= 0:
        return SHADOW
    return FULL if share >= WHOLE else CANARY


def parse_standing(raw: Mapping[str, Any]) -> int | None:
    """Return the share that `state` and `share` ask for together; None when they ask for nothing."""
    state, wanted = raw.get("state"), share(raw)
    if state in (None, ""):
        return wanted
    if state not in (SHADOW, CANARY, FULL):
        raise InvalidInput("Must be SHADOW, CANARY or FULL.", param="state")
    if state == CANARY:
        if wanted is None or wanted >= WHOLE:
            raise InvalidInput("A canary needs a share below 100 per cent.", param="share")
        return wanted
    return 0 if state == SHADOW else WHOLE
