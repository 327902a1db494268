"""Saved examples, asked of a version: real calls, without limits, whose answers are kept and judged."""

from __future__ import annotations

import pytest

from app import repeats
from app.domain.actors import SYSTEM
from app.domain.errors import InvalidFields, NotAllowed, NotFound
from app.models import RecordRow
from app.services import endpoint_versions, endpoints, example_runs, examples, receipts
from tests.world import actor_of


def place(world):
    return world.acme.workspace.id, world.acme.endpoint.id


def make(world, name="Greets", **expected):
    fields = {"name": name, "body": {"message": "Hello there"}, "expected": expected}
    return examples.create(SYSTEM, *place(world), fields)


def run(world, example, number=1, actor=SYSTEM):
    version = endpoint_versions.find_version(SYSTEM, *place(world), number)
    return repeats.run_example(actor, world.acme.endpoint, version, example)


def standing(world, number=1):
    return example_runs.standing(SYSTEM, *place(world), number)


def row_of(world, run) -> RecordRow:
    return receipts.find(SYSTEM, world.acme.workspace.id, run.request_id).row


def test_a_version_answers_an_example_in_a_call_of_its_own(world):
    example = make(world, contains=["hello"])
    kept = run(world, example, actor=actor_of(world.teammate))
    assert kept.passed and kept.complaints == []
    row = row_of(world, kept)
    assert (row.outcome, row.source, row.endpoint_version) == ("succeeded", "dashboard", 1)
    assert (row.caller_label, row.parent_request_id) == ("teammate@acme.test", None)
    assert kept.measured["output_tokens"] == row.output_tokens > 0
    assert standing(world).is_proven


def test_what_is_wrong_is_told_and_a_later_run_takes_its_place(world):
    example = make(world, contains=["no such word"], most_output_tokens=1)
    assert len(run(world, example).complaints) == 2
    assert standing(world).count("failed") == 1
    examples.update(SYSTEM, *place(world), example.id, {"expected": {}})
    assert standing(world).count("stale") == 1 and not standing(world).is_proven
    changed = examples.find(SYSTEM, *place(world), example.id)
    assert run(world, changed).passed
    assert standing(world).count("passed") == len(standing(world).results) == 1


def test_an_example_may_ask_to_be_blocked(world):
    rule = {"guardrails": {"keywords": {"words": ["there"], "action": "block"}}}
    endpoints.save(SYSTEM, *place(world), rule, publish=False)
    example = make(world, blocked_by="keywords")
    assert run(world, example, 2).passed
    assert run(world, example, 1).complaints[0].startswith("It was answered, but should have been blocked")


def test_schemas_are_looked_at(world):
    example = make(world, fits_output_schema=True, json_schema={"type": "object"})
    told = run(world, example).complaints
    assert told[0] == "This version has no output schema that its answer could fit."
    assert told[1].startswith("The answer does not fit the example's schema: it is not JSON")


def test_examples_count_in_no_limit(world):
    endpoints.save(SYSTEM, *place(world), {"limits": {"requests_per_minute": 1}})
    listed = [make(world, name) for name in "abc"]
    version = endpoint_versions.find_version(SYSTEM, *place(world), 2)
    runs = repeats.run_examples(SYSTEM, world.acme.endpoint, version, listed)
    assert [kept.passed for kept in runs] == [True, True, True]


def test_examples_begin_no_conversation(world):
    endpoints.save(SYSTEM, *place(world), {"session": {"max_messages": 10}})
    assert row_of(world, run(world, make(world), 2)).session_id is None


def test_only_what_is_proven_is_published_where_that_is_asked_for(world):
    example = make(world)
    view = endpoints.save(SYSTEM, *place(world), {"temperature": 1.0}, proven_only=True)
    assert (view.version.number, view.draft.number) == (1, 2)
    run(world, example, 2)
    view = endpoints.save(SYSTEM, *place(world), {}, proven_only=True)
    assert (view.version.number, view.draft) == (2, None)


def test_examples_have_names_of_their_own_and_belong_to_their_endpoint(world):
    example = make(world)
    with pytest.raises(InvalidFields, match="already"):
        make(world)
    other = world.other.workspace.id, world.other.endpoint.id
    with pytest.raises(NotFound):
        examples.find(SYSTEM, *other, example.id)
    with pytest.raises(NotFound):
        examples.list_all(actor_of(world.stranger), *place(world))
    viewer = actor_of(world.viewer)
    assert len(examples.list_all(viewer, *place(world))) == 1
    with pytest.raises(NotAllowed):
        examples.remove(viewer, *place(world), example.id)
    run(world, example)
    examples.remove(SYSTEM, *place(world), example.id)
    assert examples.list_all(viewer, *place(world)) == []
