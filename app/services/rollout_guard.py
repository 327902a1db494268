"""The guard: judges the rollouts under way, takes back what is worse, and lets what is not go on in time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.arm_counts import Counts, old_side
from app.domain.errors import GatewayError
from app.domain.rollout_plans import RolloutPlan
from app.domain.rollouts import IN_SHADOW, NEW, SHADOW
from app.domain.sequential import WORSE, Comparison, judge
from app.models import Rollout
from app.models.columns import utc_now
from app.services import access, arm_sums, rollouts
from app.services.rollout_history import owned, plan_of
from app.services.rollout_notes import GUARD

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rollout stands: what both arms did since the share last changed, metric by metric.

    `new` is what the new version did for its end users, or beside the old one while it is in shadow.
    """

    row: Rollout
    plan: RolloutPlan
    old: Counts
    new: Counts
    comparisons: tuple[Comparison, ...]

    @property
    def worst(self) -> Comparison | None:
        """Return the first metric by which the new version is worse."""
        return next((each for each in self.comparisons if each.verdict == WORSE), None)

    @property
    def is_due(self) -> bool:
        """Say whether the step is over by itself."""
        least = max(self.plan.step_calls, self.plan.least_calls if self.plan.guarded else 0)
        ends_at = self.row.step_at + timedelta(minutes=self.plan.step_minutes)
        return self.plan.step_minutes > 0 and utc_now() >= ends_at and self.new.calls >= least


def standing(actor: Actor, workspace_id: str, rollout_id: str) -> Standing:
    """Return how a rollout stands, or stood when it ended; raise NotFound."""

    def work(session: Session) -> Standing:
        access.require(session, actor, workspace_id, "viewer")
        return look(session, owned(session, workspace_id, rollout_id))

    return database.read(work)


def look(session: Session, row: Rollout) -> Standing:
    """Judge a rollout by what is counted of its arms."""
    arms, plan = arm_sums.of_step(session, row), plan_of(row)
    old, new = old_side(arms, row.state), arms[IN_SHADOW if row.state == SHADOW else NEW]
    return Standing(row, plan, old, new, judge(old, new, plan, row.counted.get("changes", 0)))


def watch(rollout_ids: Iterable[str]) -> None:
    """Judge rollouts of which calls were just counted. Never raises: records must not wait for it."""
    for rollout_id in rollout_ids:
        quietly(take_back_if_worse, rollout_id)


def tend() -> None:
    """Judge all rollouts under way; those whose step lasted long enough go on, or are promoted."""
    for rollout_id in database.read(under_way):
        if not quietly(take_back_if_worse, rollout_id):
            quietly(go_on_if_due, rollout_id)


def under_way(session: Session) -> list[str]:
    """Return the rollouts that are under way."""
    return list(session.scalars(select(Rollout.id).where(Rollout.ended_at.is_(None)).order_by(Rollout.id)))


def quietly(act: Callable[[str], bool], rollout_id: str) -> bool:
    """Do something to a rollout, whatever goes wrong; say whether it was done.

    A refusal is no fault: somebody else was quicker, or what answers was pinned.
    """
    try:
        return act(rollout_id)
    except GatewayError as refusal:
        log.info("rollout %s left as it is: %s", rollout_id, refusal.code)
    except Exception as error:
        log.error("rollout %s could not be judged: %s", rollout_id, type(error).__name__)
    return False


def take_back_if_worse(rollout_id: str) -> bool:
    """Give everybody the old version again where the new one is worse; say whether it did."""
    found = database.read(lambda session: find(session, rollout_id))
    if found is None or found.worst is None or not found.plan.guarded:
        return False
    rollouts.roll_back(GUARD, found.row.workspace_id, rollout_id, reason_of(found.worst))
    return True


def go_on_if_due(rollout_id: str) -> bool:
    """Begin the next step, or promote after the last one, where the step is over; say whether it did."""
    found = database.read(lambda session: find(session, rollout_id))
    if found is None or found.worst is not None or not found.is_due:
        return False
    rollouts.advance(GUARD, found.row.workspace_id, rollout_id, at=found.row.share)
    return True


def find(session: Session, rollout_id: str) -> Standing | None:
    """Return how a rollout stands that is under way."""
    row = session.get(Rollout, rollout_id)
    return look(session, row) if row is not None and row.ended_at is None else None


def reason_of(worst: Comparison) -> dict[str, Any]:
    """Return why a version is taken back, as the rollout keeps it."""
    return {
        "metric": worst.metric,
        "old": worst.old.value,
        "new": worst.new.value,
        "old_high": worst.old.high,
        "new_low": worst.new.low,
        "bound": worst.bound,
        "calls": worst.new.calls,
    }
