"""Rollout plans in an apply file: a changed version goes live by the plan, and what is under way stays."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.actors import SYSTEM
from app.domain.apply_file import FileError
from app.models import Rollout
from app.services import endpoints, policies, rollouts
from app.services.apply import Report, apply
from app.services.export import export
from tests.world import World

PLAN = {"steps": [0, 5, 100], "step_minutes": 60, "most_slower_percent": 50}
OLD = {"endpoints": {"prompt": "Old"}, "policies": {"rules": []}}
NEW = {"endpoints": {"prompt": "New"}, "policies": {"rules": [{"label": "No", "action": "BLOCK"}]}}
OTHER = {"endpoints": {"prompt": "Other"}, "policies": {"rules": [{"label": "Nay", "action": "BLOCK"}]}}
NAMES = {"endpoints": {"slug": "hello"}, "policies": {"key": "chat"}}


def applied(world: World, kind: str, **fields: Any) -> Report:
    project = {"name": "Support", "uuid": world.acme.project.id, kind: [{**NAMES[kind], **fields}]}
    return apply(SYSTEM, {"workspaces": [{"name": "Acme", "projects": [project]}]})


def place(world: World, kind: str) -> tuple[str, str, str]:
    workspace_id, project_id = world.acme.workspace.id, world.acme.project.id
    if kind == "endpoints":
        return workspace_id, "endpoint", world.acme.endpoint.id
    return workspace_id, "policy", policies.list_all(SYSTEM, workspace_id, project_id)[0].policy.id


def running(world: World, kind: str) -> Rollout:
    found = rollouts.current(SYSTEM, *place(world, kind))
    assert found is not None
    return found


def live(world: World, kind: str) -> int:
    workspace_id, _type, subject_id = place(world, kind)
    if kind == "endpoints":
        return endpoints.find(SYSTEM, workspace_id, subject_id).version.number
    return policies.find(SYSTEM, workspace_id, subject_id).version.number


@pytest.mark.parametrize("kind", ["endpoints", "policies"])
def test_a_changed_version_goes_live_by_its_plan(world: World, kind: str) -> None:
    applied(world, kind, **OLD[kind], rollout=PLAN)
    was = live(world, kind) if kind == "policies" else running(world, kind).old_number
    if kind == "endpoints":  # the world's endpoint was there already, so even this went by the plan
        rollouts.promote(SYSTEM, world.acme.workspace.id, running(world, kind).id)
        was = live(world, kind)
    report = applied(world, kind, **NEW[kind], rollout=PLAN)
    row = running(world, kind)
    assert (live(world, kind), row.state, row.old_number, row.new_number) == (was, "SHADOW", was, was + 1)
    assert report.changed and "being rolled out" in report.warnings[0]
    again = applied(world, kind, **NEW[kind], rollout=PLAN)
    assert not again.changed and running(world, kind).id == row.id
    with pytest.raises(FileError, match="under way"):
        applied(world, kind, **OTHER[kind])
    rollouts.roll_back(SYSTEM, world.acme.workspace.id, row.id)
    report = applied(world, kind, **NEW[kind])
    assert "not tried again" in report.warnings[0] and live(world, kind) == was
    assert rollouts.current(SYSTEM, *place(world, kind)) is None
    applied(world, kind, **OTHER[kind])
    assert running(world, kind).new_number == was + 2


@pytest.mark.parametrize("kind", ["endpoints", "policies"])
def test_a_plan_comes_back_and_null_switches_it_off(world: World, kind: str) -> None:
    applied(world, kind, **NAMES[kind], **({"rules": []} if kind == "policies" else {}), rollout=PLAN)
    document = export(SYSTEM, "Acme")
    written = document["workspaces"][0]["projects"][0][kind][0]["rollout"]
    assert (written["steps"], written["step_minutes"], written["guarded"]) == ([0, 5, 100], 60, True)
    path = f"Acme/projects/Support/{kind}/{next(iter(NAMES[kind].values()))}"
    assert path in apply(SYSTEM, document).unchanged
    assert applied(world, kind, rollout=None).changed
    assert "rollout" not in export(SYSTEM, "Acme")["workspaces"][0]["projects"][0][kind][0]
    with pytest.raises(FileError, match=r"rollout\.steps: Write per cents"):
        applied(world, kind, rollout={"steps": [50, 10]})
