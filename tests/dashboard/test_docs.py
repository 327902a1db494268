"""The manual: open to anyone signed in, complete, and its links lead somewhere."""

from __future__ import annotations

import re

from app.config import SETTINGS
from app.dashboard import docs, guardrail_words, policy_manual, rollout_manual, webhook_manual
from app.domain import apply_file, rollout_plans, strict_yaml
from app.domain.actors import SYSTEM
from app.domain.policies.conditions import FIELDS
from app.domain.policies.rules import BOUNDS, parse_policy
from app.domain.rollout_plans import DEFAULT, parse_plan
from app.domain.sequential import FOUND_WITHIN
from app.services import plans
from app.services.apply import apply
from tests.world import make_person


def test_everybody_signed_in_may_read_it_in_and_outside_a_workspace(world, sign_in):
    viewer = sign_in(world.viewer)
    inside = viewer.get("/w/acme/docs")
    assert inside.status_code == 200 and "/w/acme/projects" in inside.text
    assert viewer.get("/docs").status_code == 200


def test_strangers_sign_in_first(client):
    assert client.get("/docs").status_code == 303


def test_every_entry_of_the_contents_has_its_section(world, sign_in):
    page = sign_in(world.viewer).get("/docs").text
    entries = re.findall(r'<li><a href="#([a-z]+)">', page)
    assert len(entries) >= 10 and len(set(entries)) == len(entries)
    for entry in entries:
        assert f'<section id="{entry}"' in page


def test_every_setting_and_exact_error_is_listed(world, sign_in):
    page = sign_in(world.viewer).get("/docs").text
    for setting in SETTINGS:
        assert setting.name in page
    for text in ("Missing Bearer token.", "Invalid or revoked token.", "Endpoint not found."):
        assert text in page
    assert "{{input}}" in page


def test_what_stands_in_the_apply_examples_works(app):
    make_person("ann@example.com", None, "")
    variables = {"OPENAI_API_KEY": "sk-upstream-secret-0001", "CI_KEY": "ci-key-0123456789"}
    variables["HOOK_SECRET"] = "whsec_0123456789"
    examples = docs.APPLY_EXAMPLE, docs.ACCOUNTS_EXAMPLE, docs.BUDGETS_EXAMPLE, guardrail_words.EXAMPLE
    for example in (*examples, policy_manual.FILE, webhook_manual.FILE):
        document = apply_file.read(example.encode(), variables)
        assert apply(SYSTEM, document).created
        again = apply(SYSTEM, document)
        assert (again.created, again.changed) == ([], [])


def test_the_plans_of_the_start_are_told_as_they_are(world, sign_in):
    page = sign_in(world.viewer).get("/docs").text
    for view in plans.list_all(SYSTEM):
        assert view.plan.name in page
        if view.plan.included_tokens:
            assert f"{view.plan.included_tokens:,}" in page
            assert f">{view.plan.requests_per_minute:,}<" in page


def test_the_rules_of_the_manual_are_rules(world, sign_in):
    config = parse_policy({"rules": strict_yaml.load(policy_manual.RULES)})
    assert {rule.action for rule in config.rules} == {"BLOCK", "DOWNGRADE", "FALLBACK"}
    told = " ".join(name for name, _ in policy_manual.conditions()).replace(",", "").split()
    assert sorted(told) == sorted(FIELDS)
    page = sign_in(world.viewer).get("/docs").text
    for name in (*FIELDS, *BOUNDS, "x-kagu-user-id", "x-kagu-trial-status", "usedFallback"):
        assert f"<code>{name}</code>" in page


def test_the_guard_is_described_with_the_numbers_that_hold(world, sign_in):
    page = sign_in(world.viewer).get("/docs").text
    for within in FOUND_WITHIN.values():
        assert f"{within} calls" in page
    plan = strict_yaml.load(rollout_manual.EXAMPLE)["endpoints"][0]["rollout"]
    assert parse_plan({**plan, "steps": DEFAULT.as_dict()["steps"], "step_minutes": 0}) == DEFAULT
    assert plan.keys() == rollout_plans.FIELDS
