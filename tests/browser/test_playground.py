"""The playground in the browser: two models side by side answer as they stream, sent by the keyboard."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Stage
from tests.browser.visitor import Visitor


def test_two_models_answer_side_by_side(stage: Stage, visitor: Visitor) -> None:
    acme = stage.world.acme
    visitor.enter(stage.world.teammate)
    page = visitor.open(f"/w/{acme.workspace.slug}/playground")
    page.get_by_label("Model", exact=True).fill("demo/demo-fast")
    page.get_by_role("button", name="Compare with another model").click()
    page.get_by_label("Model", exact=True).nth(1).fill("demo/demo-careful")
    page.get_by_label("Your message").fill("Hello")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Finished")).to_be_visible()
    assert all(text for text in page.locator(".lane-answer").all_inner_texts())
    expect(page.get_by_role("link", name="Receipt")).to_have_count(2)
    expect(page.locator("#playground-code")).to_contain_text('"compare"')
    assert "Hello" not in page.url


def test_a_question_that_nobody_answered_stays(stage: Stage, visitor: Visitor) -> None:
    acme = stage.world.acme
    visitor.expected |= {404}
    visitor.enter(stage.world.teammate)
    page = visitor.open(f"/w/{acme.workspace.slug}/playground")
    page.get_by_label("Model", exact=True).fill("no-such-model")
    page.get_by_label("Your message").fill("Hello")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("does not exist here")).to_be_visible()
    expect(page.get_by_label("Your message")).to_have_value("Hello")
