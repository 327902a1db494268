"""The rollouts of an apply file: the plan of an endpoint or a policy. What is under way is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.models import Rollout
from app.services import rollouts
from app.services.apply.report import Item, Run, refusals_at

FIELD = "rollout"


def set_plan(run: Run, item: Item, subject_type: str, subject_id: str) -> bool:
    """Bring the plan to what the file says, null for none; say whether that changed anything."""
    if FIELD not in item.fields:
        return False
    here = Item(item.fields[FIELD] or {}, f"{item.place}.{FIELD}", f"{item.path}/{FIELD}")
    with refusals_at(here):
        return rollouts.set_plan(run.actor, run.workspace_id, subject_type, subject_id, here.fields)


def exported(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan as a file writes it, if there is one."""
    return {FIELD: dict(plan)} if plan else {}


def taken_back(run: Run, subject_type: str, subject_id: str) -> Rollout | None:
    """Return the last rollout if it was rolled back: what it tried is not to be tried again by itself."""
    last = rollouts.list_all(run.actor, run.workspace_id, subject_type, subject_id, limit=1)
    return last[0] if last and last[0].outcome == rollouts.ROLLED_BACK else None


def warn_taken_back(run: Run, item: Item, rollout: Rollout) -> None:
    """Say that the file asks for what was rolled back, and that it is not begun again."""
    text = f"{item.path}: this was rolled out as version {rollout.new_number} and rolled back, so it is not "
    run.report.warnings.append(f"{text}tried again. Change it, or begin its rollout on its page.")


def warn_under_way(run: Run, item: Item, rollout: Rollout | None) -> None:
    """Say that a version is on its way."""
    if rollout is not None:
        text = f"{item.path}: version {rollout.new_number} is being rolled out; version {rollout.old_number}"
        run.report.warnings.append(f"{text} is the live one until that is over.")
