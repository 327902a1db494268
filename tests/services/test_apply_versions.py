"""Pinned versions, drafts and saved examples in an apply file, there and back."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain import apply_file, strict_yaml
from app.domain.actors import SYSTEM
from app.domain.apply_file import FileError
from app.services import endpoints, examples
from app.services.apply import Report, apply
from app.services.export import export
from tests.world import World

EXAMPLE = {
    "name": "Greets",
    "body": {"message": "Hello"},
    "expected": {"contains": ["hello"], "most_cost_usd": "0.01"},
}
PATH = "Acme/projects/Support/endpoints/hello"


def file_with(world: World, **fields: Any) -> dict[str, Any]:
    endpoint = {"slug": "hello", **fields}
    project = {"name": "Support", "uuid": world.acme.project.id, "endpoints": [endpoint]}
    return {"workspaces": [{"name": "Acme", "projects": [project]}]}


def applied(world: World, **fields: Any) -> Report:
    return apply(SYSTEM, file_with(world, **fields))


def view_of(world: World):
    return endpoints.find(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id)


def test_examples_are_made_changed_and_pruned(world: World) -> None:
    assert applied(world, examples=[EXAMPLE]).created == [f"{PATH}/examples/Greets"]
    assert f"{PATH}/examples/Greets" in applied(world, examples=[EXAMPLE]).unchanged
    stricter = {**EXAMPLE, "expected": {"contains": ["hello", "there"]}}
    assert applied(world, examples=[stricter]).changed == [f"{PATH}/examples/Greets"]
    listed = examples.list_all(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id)
    assert [row.expected for row in listed] == [{"contains": ["hello", "there"]}]
    report = apply(SYSTEM, file_with(world), prune_rest=True, yes=True)
    assert f"{PATH}/examples/Greets" in report.pruned


def test_a_wrong_example_is_refused_at_its_place(world: World) -> None:
    wrong = {**EXAMPLE, "expected": {"contain": ["x"]}}
    with pytest.raises(FileError, match=r"examples\[0\]\.expected\.contain: There is no such field"):
        applied(world, examples=[wrong])


def test_publishing_from_a_file_warns_of_examples_that_nobody_asked(world: World) -> None:
    report = applied(world, examples=[EXAMPLE], prompt="Be brief.")
    assert view_of(world).version.number == 2
    assert "version 2 answers without having been asked its examples" in report.warnings[0]
    assert applied(world, examples=[EXAMPLE], prompt="Be brief.").warnings == []


def test_what_a_file_pins_stays_and_its_changes_wait_as_a_draft(world: World) -> None:
    assert applied(world, pinned=True).changed == [PATH]
    report = applied(world, prompt="Later.")
    assert (view_of(world).version.number, view_of(world).draft.number) == (1, 2)
    assert "pinned to version 1: version 2 is a draft" in report.warnings[0]
    assert applied(world, prompt="Later.").changed == []
    applied(world, prompt="Later.", pinned=False)
    assert (view_of(world).version.config["prompt"], view_of(world).draft) == ("Later.", None)


def test_a_file_does_not_publish_what_somebody_drafts(world: World) -> None:
    place = world.acme.workspace.id, world.acme.endpoint.id
    endpoints.save(SYSTEM, *place, {"prompt": "Half done"}, publish=False)
    assert applied(world, streaming_enabled=True).changed == []
    assert view_of(world).draft.number == 2
    report = applied(world, temperature=0.5)
    assert (view_of(world).config.prompt, view_of(world).draft) == ("", None)
    assert "the draft, version 2, is set aside" in report.warnings[0]


def test_there_and_back_changes_nothing(world: World) -> None:
    applied(world, examples=[EXAMPLE], pinned=True)
    applied(world, prompt="Later.")
    text = strict_yaml.dump(export(SYSTEM, "Acme"))
    variables = dict.fromkeys(apply_file_variables(text), world.acme.secret)
    report = apply(SYSTEM, apply_file.read(text.encode(), variables))
    assert (report.created, report.changed) == ([], [])
    assert view_of(world).draft.number == 2


def apply_file_variables(text: str) -> set[str]:
    """Return the names that stand in `${…}`."""
    return {part.partition("}")[0] for part in text.split("${")[1:]}
