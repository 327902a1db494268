"""Policies in the dashboard: made, changed and tried without code, with and without a browser's script."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.dashboard import policy_form
from app.domain.actors import SYSTEM
from app.services import audit, policies, policy_versions, projects
from app.services.policies import PolicyView
from tests.services.test_policies import BLOCKED, DEMO, FREE, rolling
from tests.world import World, actor_of

SignIn = Callable[..., FlaskClient]
URL = "/w/acme/policies"
NIGHT: dict[str, Any] = {
    "label": "Night",
    "when": {"time_of_day": {"between": ["22:00", "06:00"]}, "region": {"not": "eu"}, "streaming": False},
    "action": "FALLBACK",
    "models": [DEMO],
    "max_usd_per_request": "0.02",
    "min_quality": 20,
    "excluded_providers": ["openai"],
    "prompt": "hello@1",
}
TYPED = {
    "name": "Support chat",
    "key": "support_chat",
    "rules.0.label": "Free users",
    "rules.0.fact": ["plan", "trial_status", ""],
    "rules.0.operator": ["is", "not", "is"],
    "rules.0.value": ["free, trial", "converted", ""],
    "rules.0.action": "DOWNGRADE",
    "rules.0.models": [DEMO, ""],
    "rules.0.max_usd_per_request": "0,01",
    "rules.0.message": "left over from another action",
}


@pytest.fixture
def person(world: World, sign_in: SignIn) -> FlaskClient:
    return sign_in(world.teammate)


@pytest.fixture
def policy(world: World) -> PolicyView:
    projects.update(SYSTEM, world.acme.workspace.id, world.acme.project.id, {"surfaces": ["proxy"]})
    fields = {"key": "support_chat", "name": "Support", "rules": [BLOCKED, FREE, NIGHT]}
    return policies.create(SYSTEM, world.acme.workspace.id, world.acme.project.id, fields)


def page_of(policy: PolicyView, rest: str = "") -> str:
    return f"{URL}/{policy.policy.id}{rest}"


def again(policy: PolicyView) -> PolicyView:
    return policies.find(SYSTEM, policy.policy.workspace_id, policy.policy.id)


def read(client: FlaskClient, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def test_the_first_policy_is_explained_and_made(world: World, person: FlaskClient) -> None:
    assert "No policies yet" in read(person, URL) and "instead of the requested model" in read(person, URL)
    assert "Name of the rule" in read(person, f"{URL}/new")
    answer = person.post(URL, data={**TYPED, "project": world.acme.project.id})
    assert answer.status_code == 303, answer.text
    (made,) = policies.list_all(SYSTEM, world.acme.workspace.id)
    assert made.config.as_dict()["rules"] == [
        {
            "label": "Free users",
            "when": {"plan": ["free", "trial"], "trial_status": {"not": "CONVERTED"}},
            "action": "DOWNGRADE",
            "models": [DEMO],
            "max_usd_per_request": "0.01",
        }
    ]
    page = read(person, answer.headers["Location"])
    assert "“Support chat” decides from now on" in page
    sentence = "When the plan is free or trial and the trial is not converted, answer with demo/demo-fast"
    assert f"{sentence} instead of the requested model, for at most $0.01 per request." in page
    assert "No call can name this policy yet" in page
    assert "Support chat" in read(person, URL) and "Version 1 · 1 rule" in read(person, URL)


def test_a_new_policy_to_roll_out_has_no_rules_for_anybody_yet(world: World, person: FlaskClient) -> None:
    form = {**TYPED, "project": world.acme.project.id, "note": "Only free users", "save_as": "rollout"}
    answer = person.post(URL, data=form)
    (made,) = policies.list_all(SYSTEM, world.acme.workspace.id)
    assert answer.headers["Location"] == page_of(made, "/rollouts?version=2")
    assert made.config.rules == () and made.version.note == ""
    assert made.draft is not None and made.draft.note == "Only free users"
    assert [rule.label for rule in made.working_config.rules] == ["Free users"]
    assert "“Support chat” is made. Say who gets its rules first." in read(person, answer.headers["Location"])


def test_the_page_tells_every_rule_and_whose_model_is_not_ready(
    person: FlaskClient, policy: PolicyView
) -> None:
    page = read(person, page_of(policy))
    assert "When the trial is expired, refuse the call and say “Upgrade.”" in page
    night = (
        "the region is not eu and the time of day is between 22:00 and 06:00 and the answer is not streamed"
    )
    assert night in page and "never by openai, with the prompt of hello, version 1." in page
    assert "For every other call, let the requested model answer." in page
    assert "- label: No trials" in page and "Not every model" not in page
    assert (
        "Rule 2 “Free users” also fits a call where the plan is free and the trial is expired, but rule 1"
        " “No trials” comes first and says: refuse the call and say “Upgrade.”" in page
    )
    rules = [{**FREE, "models": ["openai/gpt-4o-mini", "auto"]}]
    policies.save(SYSTEM, policy.policy.workspace_id, policy.policy.id, {"rules": rules}, live=False)
    page = read(person, page_of(policy))
    assert "Not every model of the rules can answer" in page and "Version 2 is saved, but not live" in page


def test_the_form_gives_back_what_a_file_says() -> None:
    odd = {
        "label": "Odd",
        "when": {"cohort": ["a,b", 'c"', '"d"'], "input_tokens": {"eq": 5, "lt": 9}},
        "action": "BLOCK",
    }
    for rule in (NIGHT, BLOCKED, FREE, odd):
        (row,) = policy_form.rows_of([rule])
        assert policy_form.parse_rule(row.as_json(), "") == policy_form.parse_rule(rule, "")


def test_a_draft_is_saved_compared_and_made_live(person: FlaskClient, policy: PolicyView) -> None:
    form = {**TYPED, "base": "1", "note": "Only free users", "save_as": "draft"}
    assert person.post(page_of(policy), data=form).status_code == 303
    assert [again(policy).version.number, again(policy).working_version.note] == [1, "Only free users"]
    page = read(person, page_of(policy, "/versions/compare"))
    assert "Rule “No trials” is gone" in page and "Order of the rules" not in page
    assert "As YAML, line by line" in page and "    trial_status: EXPIRED" in page
    page = read(person, page_of(policy, "/versions"))
    assert "Only free users" in page and "Was never live." in page and "Live since" in page
    told = person.post(page_of(policy, "/versions/2/live"), follow_redirects=True).text
    assert "Version 2 decides from now on." in told and again(policy).version.number == 2
    assert "Was live from" in told and "never live" not in told
    told = person.post(page_of(policy, "/versions/1/restore"), follow_redirects=True).text
    assert "Version 3 is a draft of what version 1 said." in told
    assert "is set aside" in person.post(page_of(policy, "/versions/discard"), follow_redirects=True).text
    live = {"save_as": "live"}
    told = person.post(page_of(policy, "/versions/1/restore"), data=live, follow_redirects=True).text
    assert "Version 4 now decides, with what version 1 said." in told


def test_a_save_over_somebody_elses_is_refused_once(person: FlaskClient, policy: PolicyView) -> None:
    policies.save(SYSTEM, policy.policy.workspace_id, policy.policy.id, {"rules": [FREE]}, live=False)
    answer = person.post(page_of(policy), data={**TYPED, "base": "1", "save_as": "live"})
    assert answer.status_code == 422 and "saved version 2 while you were editing" in answer.text
    assert 'name="base" value="2"' in answer.text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"rules.0.value": ["", "", ""]}, "Give 1 to 100 values."),
        ({"rules.0.models": ["nobody/gpt", ""]}, "There is no model “nobody/gpt” here."),
        ({"rules.0.fact": ["plan", "plan", ""]}, "“the plan” is there twice"),
        ({"rules.0.operator": ["gt", "is", "is"]}, "can be compared with “is” and “is not”."),
        ({"rules.0.fact": ["input_tokens", "", ""], "rules.0.operator": ["not", "is", "is"]},
         "can be compared with all but “is not”."),
        ({"rules.0.max_usd_per_request": "much"}, "f-rules.0.max_usd_per_request-error"),
        ({"rules.0.min_quality": "101"}, "Must be a whole number from 0 to 100."),
        ({"key": "no spaces"}, "Use letters, digits, dots"),
        ({"rules.1.label": "Too late", "rules.1.fact": ["plan"], "rules.1.operator": ["is"],
          "rules.1.value": ["free"], "rules.1.action": "ALLOW", "rules.0.fact": ["plan", "", ""]},
         "No call gets here: rule 1 (“Free users”) takes all of them before"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_rule(
    person: FlaskClient, policy: PolicyView, typed: dict[str, Any], told: str
) -> None:
    answer = person.post(page_of(policy), data={**TYPED, **typed, "save_as": "live"})
    page = html.unescape(answer.text)
    assert answer.status_code == 422 and told in page
    assert 'value="Free users"' in page and again(policy).version.number == 1


def press(person: FlaskClient, policy: PolicyView, act: str, **typed: Any) -> str:
    answer = person.post(page_of(policy, "/form"), data={**typed, "act": act})
    assert answer.status_code in (200, 422), answer.text
    return html.unescape(answer.text)


def test_buttons_change_the_form_and_save_nothing(person: FlaskClient, policy: PolicyView) -> None:
    rules = {"rules.0.label": "One", "rules.1.label": "Two", "rules.2.label": "Three"}

    def order(act: str) -> list[str]:
        page = press(person, policy, act, **rules)
        labels = [part.split('value="')[1].split('"')[0] for part in page.split('.label" name=')[1:]]
        return labels

    assert order("up.2") == ["One", "Three", "Two"]
    assert order("down.0") == ["Two", "One", "Three"]
    assert order("remove.1") == ["One", "Three"]
    assert order("copy.0") == ["One", "", "Two", "Three"]
    assert order("add") == ["One", "Two", "Three", ""]
    assert order("up.99") == order("nonsense") == ["One", "Two", "Three"]
    assert again(policy).version.number == 1


def test_rules_are_checked_without_saving(person: FlaskClient, policy: PolicyView) -> None:
    page = press(person, policy, "check", **TYPED)
    assert "Nothing is wrong with them" in page and "fit the same calls" not in page
    second = {"rules.1.label": "Europe", "rules.1.fact": "region", "rules.1.operator": "not"}
    second |= {"rules.1.value": "us-*", "rules.1.action": "BLOCK"}
    page = press(person, policy, "check", **TYPED, **second)
    assert "Rule 2 “Europe” also fits a call where the plan is free and the region is one that no" in page
    page = press(person, policy, "check", **{**TYPED, "rules.0.models": ["nobody/gpt"]})
    assert "1 thing to correct" in page and "There is no model “nobody/gpt” here." in page
    assert again(policy).version.number == 1


def test_a_save_to_roll_out_leads_to_the_rollout(person: FlaskClient, policy: PolicyView) -> None:
    answer = person.post(page_of(policy), data={**TYPED, "save_as": "rollout"})
    assert answer.headers["Location"].endswith(page_of(policy, "/rollouts?version=2"))
    assert again(policy).version.number == 1


def test_rules_go_to_yaml_and_back(person: FlaskClient, policy: PolicyView) -> None:
    page = press(person, policy, "yaml", **TYPED)
    text = page.split('name="rules_yaml"')[1].split(">\n", 1)[1].split("</textarea>")[0]
    assert text.startswith("- label: Free users") and "max_usd_per_request: '0.01'" in text
    assert 'value="Free users"' in press(person, policy, "sentences", rules_yaml=text)
    assert "f-rules_yaml-error" in press(person, policy, "sentences", rules_yaml="- label: [")
    assert "cannot be shown" in press(person, policy, "sentences", rules_yaml="- when: {plan: {gt: 3}}")
    for odd in ("- when: {weather: rain}", "- colour: red", "- when: {input_tokens: {about: 3}}"):
        assert "f-rules_yaml-error" in press(person, policy, "sentences", rules_yaml=odd)
    form = {"name": "Support", "key": "support_chat", "save_as": "live"}
    assert person.post(page_of(policy), data={**form, "rules_yaml": text}).status_code == 303
    assert again(policy).config.rules[0].label == "Free users"
    wrong = person.post(page_of(policy), data={**form, "rules_yaml": "- label: A\n  action: DOWNGRADE"})
    assert wrong.status_code == 422
    assert "Rule 1 · models: Name at least one model: DOWNGRADE needs it." in wrong.text


def test_somebody_is_described_and_the_rule_for_them_shown(person: FlaskClient, policy: PolicyView) -> None:
    assert "Describe who is asking" in read(person, page_of(policy, "/try"))
    page = html.unescape(person.post(page_of(policy, "/try"), data={"plan": "FREE", "which": "1"}).text)
    assert "Answer with demo/demo-fast instead of the requested model." in page
    assert "Not for them: it asks that the trial is expired." in page
    page = person.post(page_of(policy, "/try"), data={"region": "us", "time_of_day": "23:30"}).text
    assert "Let the requested model answer, and if it fails demo/demo-fast" in page
    assert "No rule is for them" in person.post(page_of(policy, "/try"), data={"which": "9"}).text
    wrong = person.post(page_of(policy, "/try"), data={"time_of_day": "noon"})
    assert wrong.status_code == 422 and "Write a time of day as HH:MM" in wrong.text


def test_while_a_rollout_is_under_way(person: FlaskClient, policy: PolicyView) -> None:
    place = policy.policy.workspace_id, policy.policy.id
    policies.save(SYSTEM, *place, {"rules": []}, live=False)
    rolling(policy, 2)
    page = read(person, page_of(policy, "/edit"))
    assert "A rollout of version 2 is under way" in page and "Save and make live" not in page
    answer = person.post(page_of(policy), data={**TYPED, "save_as": "live"})
    assert answer.status_code == 422 and "roll it back or finish it first" in answer.text
    told = person.post(page_of(policy, "/versions/2/live"), follow_redirects=True).text
    assert "roll it back or finish it first" in told
    page = person.post(page_of(policy, "/try"), data={"user": "ann", "which": "rollout"}).text
    assert "this end user is on the old side of the rollout" in page
    assert [row.number for row in policy_versions.list_versions(SYSTEM, *place)] == [2, 1]


def test_it_is_switched_off_and_on(person: FlaskClient, policy: PolicyView) -> None:
    off = person.post(page_of(policy, "/active"), data={"active": "0"}, follow_redirects=True).text
    assert "This policy is switched off" in off and again(policy).state == "OFF"
    person.post(page_of(policy, "/active"), data={"active": "1"})
    assert again(policy).state == "FULL"


def test_the_code_says_what_the_rules_ask_for(person: FlaskClient, policy: PolicyView) -> None:
    page = read(person, page_of(policy, "/use"))
    assert "-H 'x-kagu-policy-key: support_chat'" in page and "-H 'x-kagu-plan-id: free'" in page
    assert '"x-kagu-user-id": "user_123"' in read(person, page_of(policy, "/use?language=typescript"))


def test_changes_are_told_in_the_activity(world: World, sign_in: SignIn, policy: PolicyView) -> None:
    place = policy.policy.workspace_id, policy.policy.id
    policies.save(actor_of(world.owner), *place, {"rules": [FREE]})
    page = read(sign_in(world.owner), "/w/acme/activity")
    assert "made version 2 of the policy support_chat live" in page
    assert "Rule “No trials” is gone" in page and "When the trial is expired, refuse the call" in page
    assert audit.list_events(SYSTEM, policy.policy.workspace_id)[0].action == "policy.publish"


def test_viewers_look_and_change_nothing(world: World, sign_in: SignIn, policy: PolicyView) -> None:
    viewer = sign_in(world.viewer)
    page = read(viewer, page_of(policy))
    assert "Change the rules" not in page and "Switch off" not in page
    assert "Who answers?" in read(viewer, page_of(policy, "/try"))
    assert viewer.get(page_of(policy, "/edit")).status_code == 403
    assert viewer.post(page_of(policy), data={**TYPED, "save_as": "live"}).status_code == 403
