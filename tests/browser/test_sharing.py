"""In the browser: routing rules as sentences, and a test form that somebody with a key uses."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from app.domain.actors import SYSTEM
from app.services import endpoints
from tests.browser.conftest import Stage
from tests.browser.visitor import Visitor

TONE = {"name": "tone", "type": "enum", "options": ["kind", "plain"], "required": True, "label": "Tone"}


def endpoint_page(stage: Stage) -> str:
    """Return the path of the endpoint's pages."""
    acme = stage.world.acme
    return f"/w/{acme.workspace.slug}/endpoints/{acme.endpoint.id}"


def test_rules_are_added_moved_and_removed(stage: Stage, visitor: Visitor) -> None:
    visitor.enter(stage.world.teammate)
    page = visitor.open(f"{endpoint_page(stage)}/settings/routing")
    rules = page.locator("[data-rule]:visible")
    for number, name in enumerate(("long", "night", "spare")):
        if number:
            visitor.press("Add a rule")
        rule = rules.nth(number)
        rule.get_by_label("Name of the rule").fill(name)
        rule.get_by_label("The model that answers first").fill("demo/demo-fast")
    rules.nth(0).get_by_label("When").select_option(label="the request’s length in tokens")
    rules.nth(0).get_by_label("Value").first.fill("4000")
    rules.nth(0).get_by_label("and").first.select_option(label="the answer is streamed")
    expect(rules.nth(0).get_by_label("Value")).to_have_count(3)
    expect(rules.nth(0).locator("[data-value]:visible")).to_have_count(1)
    rules.nth(1).get_by_label("When").select_option(label="the time of day")
    rules.nth(1).get_by_label("How it compares").first.select_option("between")
    rules.nth(1).get_by_label("Value").first.fill("22:00 - 06:00")
    rules.nth(2).get_by_role("button", name="Remove").click()
    rules.nth(1).get_by_role("button", name="Up").click()
    visitor.press("Save and publish")
    visitor.see("2 rules: night, long")


def test_a_shared_form_opens_with_a_key_and_answers(
    stage: Stage, visitor: Visitor, visit: Callable[..., Visitor]
) -> None:
    acme = stage.world.acme
    fields = {"name": "Letter helper", "variables": [TONE], "prompt": "Be {{tone}}."}
    endpoints.save(SYSTEM, acme.workspace.id, acme.endpoint.id, fields)
    visitor.enter(stage.world.teammate)
    visitor.open(f"{endpoint_page(stage)}/use")
    visitor.press("Share a test form")
    address = visitor.page.get_by_role("link", name="Open the form").get_attribute("href") or ""
    guest = visit(360)
    guest.expected.add(401)
    page = guest.open(address)
    for key in ("a-key-that-nobody-gave", acme.secret):
        guest.field("Key").fill(key)
        guest.press("Open the form")
        if key != acme.secret:
            expect(page.get_by_role("alert")).to_contain_text("does not open")
            assert "Letter helper" not in page.content()
    expect(page.get_by_role("heading", level=1)).to_have_text("Letter helper")
    guest.field("Tone").select_option("kind")
    guest.field("Your text").fill("What is a qubit?")
    guest.press("Send")
    guest.see("It begins: “What is a qubit?”")
    guest.see("Finished")
    assert guest.context.cookies() == []
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    page.reload()
    expect(guest.field("Key")).to_have_value("")
