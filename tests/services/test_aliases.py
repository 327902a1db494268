"""Aliases: who may make them, whose they are, and that calls follow."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from flask import Flask

from app.domain import apply_file, strict_yaml
from app.domain.actors import SYSTEM
from app.domain.apply_file import FileError
from app.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from app.services import aliases
from app.services.apply import apply
from app.services.export import export
from tests.world import World, actor_of

FAST = {"name": "fast", "models": ["demo/demo-fast", "auto"], "prompt": "Be brief.", "temperature": 0.2}


def test_an_editor_makes_changes_and_deletes_an_alias(world: World) -> None:
    editor, workspace_id = actor_of(world.teammate), world.acme.workspace.id
    made = aliases.create(editor, workspace_id, FAST)
    assert (made.models, made.preset) == (FAST["models"], {"prompt": "Be brief.", "temperature": 0.2})
    aliases.update(editor, workspace_id, made.id, {"models": ["demo/demo-careful"], "active": False})
    [shown] = aliases.list_all(actor_of(world.viewer), workspace_id)
    assert shown.alias.preset["prompt"] == "Be brief." and not shown.alias.active
    assert [(link.model_id, link.state) for link in shown.links] == [("demo/demo-careful", "ready")]
    aliases.delete(editor, workspace_id, made.id)
    assert aliases.list_all(SYSTEM, workspace_id) == []


def test_others_may_not(world: World) -> None:
    workspace_id = world.acme.workspace.id
    made = aliases.create(SYSTEM, workspace_id, FAST)
    with pytest.raises(NotAllowed):
        aliases.create(actor_of(world.viewer), workspace_id, FAST)
    with pytest.raises(NotFound):
        aliases.list_all(actor_of(world.stranger), workspace_id)
    with pytest.raises(NotFound):
        aliases.update(SYSTEM, world.other.workspace.id, made.id, {"active": False})
    with pytest.raises(NotFound):
        aliases.create(SYSTEM, workspace_id, FAST, world.other.project.id)


def test_a_name_is_taken_once_for_all_projects_and_once_in_each(world: World) -> None:
    workspace_id, project_id = world.acme.workspace.id, world.acme.project.id
    aliases.create(SYSTEM, workspace_id, FAST)
    own = aliases.create(SYSTEM, workspace_id, FAST, project_id)
    for scope in (None, project_id):
        with pytest.raises(Conflict):
            aliases.create(SYSTEM, workspace_id, FAST, scope)
    aliases.create(SYSTEM, workspace_id, {**FAST, "name": "slow"}, project_id)
    with pytest.raises(Conflict):
        aliases.update(SYSTEM, workspace_id, own.id, {"name": "slow"})


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": "auto"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"models": []}, "models"),
        ({"models": ["gpt-4o"]}, "models"),
        ({"temperature": 3}, "temperature"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"prompts": "x"}, "prompts"),
    ],
)
def test_what_is_wrong_is_named(world: World, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        aliases.create(SYSTEM, world.acme.workspace.id, {**FAST, **fields})
    assert refused.value.param == param


FILE: dict[str, Any] = {
    "workspaces": [
        {
            "name": "Globex",
            "aliases": [{"name": "fast", "models": ["demo/demo-fast"], "prompt": "Say ${NAME}."}],
            "projects": [
                {"name": "Support", "aliases": [{"name": "fast", "models": ["auto"], "top_p": 0.5}]}
            ],
        }
    ]
}


def test_aliases_are_applied_exported_and_pruned(app: Flask) -> None:
    first = apply(SYSTEM, copy.deepcopy(FILE))
    assert {"Globex/aliases/fast", "Globex/projects/Support/aliases/fast"} <= set(first.created)
    document = apply_file.read(strict_yaml.dump(export(SYSTEM, "Globex")).encode(), {})
    again = apply(SYSTEM, document, prune_rest=True)
    assert (again.created, again.changed, again.pruned) == ([], [], [])
    without = copy.deepcopy(FILE)
    del without["workspaces"][0]["projects"][0]["aliases"]
    pruned = apply(SYSTEM, without, prune_rest=True, yes=True).pruned
    assert "Globex/projects/Support/aliases/fast" in pruned and "Globex/aliases/fast" not in pruned


def test_a_wrong_alias_is_named_with_its_place(app: Flask) -> None:
    wrong = copy.deepcopy(FILE)
    wrong["workspaces"][0]["aliases"][0]["models"] = ["gpt"]
    with pytest.raises(FileError, match=r"workspaces\[0\].aliases\[0\].models: Write it as provider/model"):
        apply(SYSTEM, wrong)
