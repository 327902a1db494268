"""Policies in an apply file, there and back."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain import apply_file, strict_yaml
from app.domain.actors import SYSTEM
from app.domain.apply_file import FileError
from app.services import policies
from app.services.apply import Report, apply
from app.services.export import export
from app.services.policies import PolicyView
from tests.world import World

PATH = "Acme/projects/Support/policies/support_chat"
RULES = """
- label: Expired trials
  when: {trial_status: EXPIRED}
  action: BLOCK
  message: Please $${upgrade}.
- label: Free users
  when: {plan: [free, trial], region: {not: eu-*}, input_tokens: {lte: 2000}, streaming: true}
  action: DOWNGRADE
  models: [demo/demo-fast]
  prompt: hello
  max_usd_per_request: "0.01"
  min_quality: 0
"""
LATER = [{"label": "Everybody", "action": "ALLOW"}]


def file_with(world: World, **fields: Any) -> dict[str, Any]:
    policy = [{"key": "Support_Chat", **fields}] if fields else []
    project = {"name": "Support", "uuid": world.acme.project.id, "policies": policy}
    document = {"workspaces": [{"name": "Acme", "projects": [project]}]}
    return apply_file.read(strict_yaml.dump(document).encode(), {})


def applied(world: World, **fields: Any) -> Report:
    return apply(SYSTEM, file_with(world, **fields))


def rules() -> Any:
    return strict_yaml.load(RULES)


def view(world: World) -> PolicyView:
    [found] = policies.list_all(SYSTEM, world.acme.workspace.id, world.acme.project.id)
    return found


def test_a_policy_is_made_changed_only_where_it_differs_and_pruned(world: World) -> None:
    assert applied(world, rules=rules(), note="First").created == [PATH]
    first = view(world)
    assert (first.version.number, first.version.note, first.policy.name) == (1, "First", "support_chat")
    assert first.config.rules[0].message == "Please ${upgrade}."
    for fields in ({"rules": rules()}, {"active": True}):
        assert PATH in applied(world, **fields).unchanged
    assert applied(world, name="Support").changed == [PATH] and view(world).version.number == 1
    assert applied(world, rules=LATER, note="Open to all").changed == [PATH]
    assert (view(world).version.number, view(world).version.note) == (2, "Open to all")
    assert applied(world, active=False).changed == [PATH] and not view(world).policy.active
    assert "is switched off" in applied(world, name="Support").warnings[0]
    applied(world, active=True)
    report = apply(SYSTEM, file_with(world), prune_rest=True, yes=True)
    assert PATH in report.pruned and not view(world).policy.active


def test_there_and_back_changes_nothing(world: World) -> None:
    applied(world, rules=rules(), name="Support chat")
    [workspace] = export(SYSTEM, "Acme")["workspaces"]
    [told] = workspace["projects"][0]["policies"]
    assert (told.pop("key"), told["name"], told["active"]) == ("support_chat", "Support chat", True)
    assert told["rules"][0]["message"] == "Please $${upgrade}."
    report = applied(world, **told)
    assert PATH in report.unchanged and view(world).version.number == 1


def test_a_file_does_not_publish_what_somebody_drafts(world: World) -> None:
    applied(world, rules=rules())
    place = world.acme.workspace.id, view(world).policy.id
    policies.save(SYSTEM, *place, {"rules": LATER}, live=False)
    for fields in ({"rules": rules()}, {"name": "Another name"}):
        applied(world, **fields)
        assert (view(world).version.number, view(world).draft.number) == (1, 2)
    report = applied(world, rules=[{"label": "Nobody", "action": "BLOCK"}])
    assert view(world).version.number == 3 and "the draft, version 2, is set aside" in report.warnings[0]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"rules": [{"label": "x", "action": "DENY"}]}, r"policies\[0\]\.rules\.0\.action"),
        ({"rules": [{"label": "x", "prompt": "nobody@2"}]}, r"policies\[0\]\.rules\.0\.prompt"),
        ({"rules": [{"label": "x", "action": "FALLBACK", "models": ["no such"]}]}, r"rules\.0\.models"),
        ({"rules": [{"label": "x", "when": {"plan": 5}}]}, r"rules\.0\.when\.plan"),
        ({"rule": []}, r"policies\[0\]\.rule: .*Is it rules"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(world: World, fields: Any, place: str) -> None:
    with pytest.raises(FileError, match=place):
        applied(world, **fields)
