"""A policy is written, checked and tried in a browser, by somebody who writes no code."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from app.domain.actors import SYSTEM
from app.services import policies, projects
from tests.browser.conftest import Stage
from tests.browser.visitor import Visitor


def test_somebody_writes_rules_and_sees_who_gets_what(stage: Stage, visit: Callable[..., Visitor]) -> None:
    acme = stage.world.acme
    projects.update(SYSTEM, acme.workspace.id, acme.project.id, {"surfaces": ["proxy"]})
    visitor = visit()
    visitor.enter(stage.world.teammate)
    page = visitor.page
    page.goto(f"{stage.server.url}/w/acme/policies")
    page.get_by_role("link", name="Make the first policy").click()
    page.get_by_label("Name", exact=True).fill("Support chat")
    write_two_rules(page)
    page.get_by_role("button", name="Move rule 2 up").click()
    expect(page.locator("#rule-0")).to_contain_text("No trials. When the trial is expired, refuse the call.")
    page.get_by_role("button", name="Check the rules").click()
    expect(page.get_by_text("Nothing is wrong with them")).to_be_visible()
    page.get_by_role("button", name="Make the policy").click()
    expect(page.get_by_text("“Support chat” decides from now on")).to_be_visible()
    page.get_by_role("link", name="Who gets what").click()
    page.get_by_label("Plan").fill("FREE")
    page.get_by_role("button", name="Who answers?").click()
    expect(page.locator("#told")).to_contain_text(
        "Answer with demo/demo-fast instead of the requested model."
    )
    (view,) = policies.list_all(SYSTEM, acme.workspace.id)
    assert [rule.label for rule in view.config.rules] == ["No trials", "Free users"]


def write_two_rules(page: Page) -> None:
    """Fill in one rule, add another and fill that in; only the fields that each needs are shown."""
    first = page.locator("#rule-0")
    first.get_by_label("Name of the rule").fill("Free users")
    first.get_by_label("When", exact=True).select_option("plan")
    first.get_by_label("Values, with commas between them").first.fill("free")
    expect(first.get_by_label("Model 1")).to_be_hidden()
    first.get_by_label("then").select_option("DOWNGRADE")
    first.get_by_role("button", name="Choose a model from the list").first.click()
    page.get_by_label("Search the models").fill("demo-fast")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add a rule").click()
    second = page.locator("#rule-1")
    expect(second.get_by_label("Name of the rule")).to_be_focused()
    second.get_by_label("Name of the rule").fill("No trials")
    second.get_by_label("When", exact=True).select_option("trial_status")
    second.get_by_label("Values, with commas between them").first.fill("expired")
    second.get_by_label("then").select_option("BLOCK")
    expect(second.get_by_text("Bounds and prompt")).to_be_hidden()
