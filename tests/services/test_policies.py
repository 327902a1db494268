"""Policies: versions, drafts, what goes live and when, and what rules may name."""

from __future__ import annotations

from typing import Any

import pytest

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import Conflict, InvalidFields, NotAllowed, NotFound
from app.models import Rollout
from app.models.columns import utc_now
from app.services import audit, endpoints, policies, policy_versions
from app.services.policies import PolicyView
from tests.world import World, actor_of

DEMO = "demo/demo-fast"
FREE: dict[str, Any] = {
    "label": "Free users",
    "when": {"plan": "free"},
    "action": "DOWNGRADE",
    "models": [DEMO],
}
BLOCKED = {
    "label": "No trials",
    "when": {"trial_status": "EXPIRED"},
    "action": "BLOCK",
    "message": "Upgrade.",
}


@pytest.fixture
def policy(world: World) -> PolicyView:
    fields = {"key": "Support_Chat", "name": "Support", "rules": [FREE]}
    return policies.create(SYSTEM, world.acme.workspace.id, world.acme.project.id, fields)


def place(view: PolicyView) -> tuple[str, str]:
    return view.policy.workspace_id, view.policy.id


def rolling(view: PolicyView, number: int) -> None:
    """Put a rollout of that version under way."""
    new = policy_versions.find_version(SYSTEM, *place(view), number)
    row = Rollout(
        workspace_id=view.policy.workspace_id,
        project_id=view.policy.project_id,
        subject_type="policy",
        subject_id=view.policy.id,
        old_version_id=view.version.id,
        new_version_id=new.id,
        old_number=view.version.number,
        new_number=number,
        state="CANARY",
        step_at=utc_now(),
        plan={},
        author="x",
    )
    database.transaction(lambda session: session.add(row))


def test_a_save_that_says_the_same_makes_no_version(policy: PolicyView) -> None:
    same = {**FREE, "when": {"plan": ["FREE"]}}
    view = policies.save(SYSTEM, *place(policy), {"rules": [same]})
    assert view.version.number == 1 and view.policy.key == "support_chat"
    view = policies.save(SYSTEM, *place(policy), {"rules": [BLOCKED, same]}, note="No trials")
    assert (view.version.number, view.version.note, view.draft) == (2, "No trials", None)


def test_a_draft_waits_and_goes_live_without_a_further_version(policy: PolicyView) -> None:
    view = policies.save(SYSTEM, *place(policy), {"rules": [BLOCKED]}, live=False)
    assert (view.version.number, view.draft and view.draft.number) == (1, 2)
    assert view.config.rules[0].label == "Free users" and view.working_config.rules[0].label == "No trials"
    again = policies.save(SYSTEM, *place(policy), {}, live=False)
    assert again.draft and again.draft.number == 2
    view = policies.save(SYSTEM, *place(policy), {})
    assert (view.version.number, view.draft) == (2, None)


def test_a_draft_that_went_back_to_what_is_live_is_none(policy: PolicyView) -> None:
    policies.save(SYSTEM, *place(policy), {"rules": [BLOCKED]}, live=False)
    assert policies.save(SYSTEM, *place(policy), {"rules": [FREE]}, live=False).draft is None


def test_earlier_versions_are_made_live_or_restored(policy: PolicyView) -> None:
    policies.save(SYSTEM, *place(policy), {"rules": [BLOCKED]})
    assert policies.make_live(SYSTEM, *place(policy), 1).version.number == 1
    policies.make_live(SYSTEM, *place(policy), 2)
    view = policies.restore(SYSTEM, *place(policy), 1, live=False)
    assert view.draft and (view.draft.number, view.draft.note) == (3, "Restored version 1")
    assert policies.discard_draft(SYSTEM, *place(policy)).draft is None
    rows = policy_versions.list_versions(SYSTEM, *place(policy))
    numbers = [row.number for row in rows]
    assert numbers == [3, 2, 1]
    with pytest.raises(NotFound):
        policies.make_live(SYSTEM, *place(policy), 99)
    lived = policy_versions.history(SYSTEM, *place(policy))
    times = {number: lived.get(row.id, []) for number, row in zip(numbers, rows, strict=True)}
    assert [len(times[number]) for number in (1, 2, 3)] == [2, 2, 0]
    assert [time.until for time in times[2]] == [None, times[1][0].since]
    assert times[1][1].until == times[2][1].since and times[1][0].author == SYSTEM.label


def test_while_a_rollout_is_under_way_only_drafts_are_saved(policy: PolicyView) -> None:
    policies.save(SYSTEM, *place(policy), {"rules": [BLOCKED]}, live=False)
    rolling(policy, 2)
    for change in (
        lambda: policies.save(SYSTEM, *place(policy), {"rules": []}),
        lambda: policies.make_live(SYSTEM, *place(policy), 2),
        lambda: policies.restore(SYSTEM, *place(policy), 2),
        lambda: policies.discard_draft(SYSTEM, *place(policy)),
        lambda: policies.save(SYSTEM, *place(policy), {"key": "other"}),
    ):
        with pytest.raises(Conflict, match="A rollout of version 2 is under way: roll it back or finish"):
            change()
    view = policies.save(SYSTEM, *place(policy), {"rules": []}, live=False)
    assert view.draft and view.draft.number == 3 and view.state == "CANARY"
    assert policies.set_active(SYSTEM, *place(policy), False).state == "OFF"


def test_whoever_saves_over_somebody_elses_save_is_told(policy: PolicyView) -> None:
    policies.save(SYSTEM, *place(policy), {"rules": [BLOCKED]}, base=1)
    with pytest.raises(Conflict, match="saved version 2 while you were editing"):
        policies.save(SYSTEM, *place(policy), {"rules": []}, base=1)


def test_keys_are_told_apart_in_lower_case_and_once_per_project(world: World, policy: PolicyView) -> None:
    where = world.acme.workspace.id, world.acme.project.id
    with pytest.raises(InvalidFields) as raised:
        policies.create(SYSTEM, *where, {"key": "SUPPORT_chat", "rules": []})
    assert list(raised.value.errors) == ["key"]
    other = policies.create(SYSTEM, *where, {"key": "other"})
    with pytest.raises(InvalidFields):
        policies.save(SYSTEM, *place(other), {"key": "support_chat"})
    assert policies.save(SYSTEM, *place(other), {"key": "a-new.one"}).policy.name == "other"
    assert [view.policy.key for view in policies.list_all(SYSTEM, where[0])] == ["a-new.one", "support_chat"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"models": ["nobody/gpt-4o"]}, "models"),
        ({"models": [DEMO, "no-such-model"]}, "models"),
        ({"models": ["auto/video"]}, "models"),
        ({"models": ["openai/text-embedding-3-small"]}, "models"),
        ({"prompt": "nowhere"}, "prompt"),
        ({"prompt": "hello@9"}, "prompt"),
        ({"providers": ["nobody"]}, "providers"),
    ],
)
def test_rules_name_what_there_is(policy: PolicyView, change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidFields) as raised:
        policies.save(SYSTEM, *place(policy), {"rules": [BLOCKED, {**FREE, **change}]})
    assert list(raised.value.errors) == [f"rules.1.{field}"]


def test_an_endpoint_keeps_its_address_while_rules_name_its_prompt(policy: PolicyView, world: World) -> None:
    workspace_id, endpoint_id = policy.policy.workspace_id, world.acme.endpoint.id
    rule = {**FREE, "prompt": "hello@1"}
    policies.save(SYSTEM, *place(policy), {"rules": [rule]}, live=False)
    for _ in range(2):  # drafted, then live
        with pytest.raises(Conflict, match="“support_chat” uses this endpoint's prompt") as refused:
            endpoints.save(SYSTEM, workspace_id, endpoint_id, {"slug": "hi"})
        assert refused.value.param == "slug"
        policies.save(SYSTEM, *place(policy), {"rules": [rule]})
    policies.save(SYSTEM, *place(policy), {"rules": []})
    assert endpoints.save(SYSTEM, workspace_id, endpoint_id, {"slug": "hi"}).endpoint.slug == "hi"
    with pytest.raises(InvalidFields):  # a version of before, which names what is gone
        policies.make_live(SYSTEM, *place(policy), 2)


def test_rules_may_name_versions_of_prompts_and_models_in_every_spelling(policy: PolicyView) -> None:
    endpoints_of = policy.policy.workspace_id, policy.policy.project_id
    endpoint = endpoints.list_all(SYSTEM, *endpoints_of)[0].endpoint
    endpoints.save(SYSTEM, policy.policy.workspace_id, endpoint.id, {"prompt": "Be kind."})
    models = ["auto", "demo:demo-fast", "demo-fast", "openai/gpt-4o-mini"]
    rule = {**FREE, "models": models, "prompt": "hello@2", "excluded_providers": ["openai"]}
    assert policies.save(SYSTEM, *place(policy), {"rules": [rule]}).version.number == 2


def test_changes_are_noted_in_words(world: World, policy: PolicyView) -> None:
    policies.save(SYSTEM, *place(policy), {"rules": [BLOCKED]}, live=False)
    policies.make_live(SYSTEM, *place(policy), 2)
    policies.save(SYSTEM, *place(policy), {"name": "Helpdesk"})
    policies.set_active(SYSTEM, *place(policy), False)
    policies.set_active(SYSTEM, *place(policy), False)
    events = audit.list_events(SYSTEM, world.acme.workspace.id, limit=5)
    actions = [event.action for event in events]
    told = ["policy.deactivate", "policy.change", "policy.publish", "policy.draft", "policy.create"]
    assert actions == told and events[2].changes["version"] == [1, 2]


def test_viewers_look_and_strangers_find_nothing(world: World, policy: PolicyView) -> None:
    assert policies.find(actor_of(world.viewer), *place(policy)).policy.key == "support_chat"
    for verb in (
        lambda actor: policies.save(actor, *place(policy), {"rules": []}),
        lambda actor: policies.make_live(actor, *place(policy), 1),
        lambda actor: policies.set_active(actor, *place(policy), False),
        lambda actor: policies.discard_draft(actor, *place(policy)),
        lambda actor: policies.create(
            actor, policy.policy.workspace_id, policy.policy.project_id, {"key": "x"}
        ),
    ):
        with pytest.raises(NotAllowed):
            verb(actor_of(world.viewer))
        with pytest.raises(NotFound):
            verb(actor_of(world.stranger))
    with pytest.raises(NotFound):
        policies.find(SYSTEM, world.other.workspace.id, policy.policy.id)
