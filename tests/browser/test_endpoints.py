"""The endpoint form in the browser: choosing models, ordering fallbacks, and text that is not lost."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from app.domain.actors import SYSTEM
from app.services import endpoints, examples
from tests.browser.conftest import Stage
from tests.browser.visitor import Visitor


def open_form(stage: Stage, visitor: Visitor) -> tuple[Page, str]:
    """Sign in as an editor and open the form for a new endpoint."""
    acme = stage.world.acme
    visitor.enter(stage.world.teammate)
    path = f"/w/{acme.workspace.slug}/projects/{acme.project.id}/endpoints/new"
    return visitor.open(path), path


def open_section(stage: Stage, visitor: Visitor, section: str) -> Page:
    """Sign in as an editor and open a section of an endpoint's settings."""
    acme = stage.world.acme
    visitor.enter(stage.world.teammate)
    return visitor.open(f"/w/{acme.workspace.slug}/endpoints/{acme.endpoint.id}/settings/{section}")


def fallbacks(page: Page) -> list[str]:
    """Return the fallbacks that are shown, in order."""
    fields = page.locator('[name="failover"]')
    return [fields.nth(n).input_value() for n in range(fields.count()) if fields.nth(n).is_visible()]


def choose(page: Page, words: str) -> None:
    """Search the open list of models and take the first one with the keyboard."""
    page.get_by_label("Search the models").fill(words)
    page.keyboard.press("Enter")


def test_a_model_is_chosen_from_the_list_with_its_price(stage: Stage, visitor: Visitor) -> None:
    page, _ = open_form(stage, visitor)
    page.get_by_role("button", name="Choose a model from the list").first.click()
    expect(page.get_by_label("Search the models")).to_be_focused()
    page.get_by_label("Search the models").fill("no such model")
    expect(page.get_by_text("No model matches.")).to_be_visible()
    choose(page, "demo careful")
    expect(visitor.field("Model")).to_have_value("demo/demo-careful")
    expect(visitor.field("Model")).to_be_focused()
    visitor.see("$1.00 in, $4.00 out per million tokens")


def test_the_slug_follows_the_name_until_it_is_typed(stage: Stage, visitor: Visitor) -> None:
    open_form(stage, visitor)
    visitor.field("Name").fill("Über Summary")
    expect(visitor.field("Slug")).to_have_value("uber-summary")
    visitor.field("Slug").fill("summary")
    visitor.field("Name").fill("Another")
    expect(visitor.field("Slug")).to_have_value("summary")


def test_fallbacks_are_added_moved_and_removed(stage: Stage, visitor: Visitor) -> None:
    page = open_section(stage, visitor, "model")
    for model in ("demo/demo-fast", "demo/demo-careful", "demo/third"):
        visitor.press("Add a fallback")
        page.keyboard.type(model)
    visitor.press("Fallback 3: try it earlier")
    assert fallbacks(page) == ["demo/demo-fast", "demo/third", "demo/demo-careful"]
    visitor.press("Remove fallback 1")
    assert fallbacks(page) == ["demo/third", "demo/demo-careful"]


def test_unsaved_text_survives_leaving_the_page_and_goes_once_it_is_saved(
    stage: Stage, visitor: Visitor
) -> None:
    page, path = open_form(stage, visitor)
    visitor.field("Name").fill("Kept draft")
    visitor.field("Prompt").fill("Half a thought")
    visitor.go("Projects")
    visitor.open(path)
    visitor.see("had not saved has been put back")
    expect(visitor.field("Prompt")).to_have_value("Half a thought")
    visitor.field("Model").fill("demo/demo-fast")
    visitor.press("Make endpoint")
    expect(page.get_by_role("heading", level=1)).to_have_text("Kept draft")
    visitor.open(path)
    expect(visitor.field("Prompt")).to_have_value("")


def test_a_draft_can_be_discarded(stage: Stage, visitor: Visitor) -> None:
    _, path = open_form(stage, visitor)
    visitor.field("Prompt").fill("Never mind")
    visitor.open(path)
    visitor.press("Discard it")
    expect(visitor.field("Prompt")).to_have_value("")


def test_text_of_a_section_survives_until_it_is_saved(stage: Stage, visitor: Visitor) -> None:
    page = open_section(stage, visitor, "prompt")
    here = page.url
    visitor.field("Prompt").fill("Half a thought")
    visitor.open(here)
    visitor.see("had not saved has been put back")
    expect(visitor.field("Prompt")).to_have_value("Half a thought")
    visitor.press("Save as a draft")
    visitor.told("Calls are answered as before")
    visitor.open(here)
    expect(page.get_by_text("had not saved has been put back")).to_be_hidden()


def test_all_of_it_works_without_scripts(stage: Stage, visit: Callable[..., Visitor]) -> None:
    visitor = visit(java_script_enabled=False)
    page, _ = open_form(stage, visitor)
    visitor.field("Name").fill("Without scripts")
    visitor.field("Model").fill("demo/demo-fast")
    visitor.press("Make endpoint")
    expect(page.get_by_role("heading", level=1)).to_have_text("Without scripts")
    visitor.follow("Edit: Model and fallbacks")
    visitor.field("Fallback 4").fill("demo/demo-careful")
    visitor.press("Save and publish")
    visitor.see("1 fallback")
    page.get_by_role("link", name="Use it", exact=True).first.click()
    page.get_by_role("link", name="OpenAI SDK").click()
    visitor.see("from openai import OpenAI")


def test_a_conversation_is_tried_read_and_begun_anew(stage: Stage, visitor: Visitor) -> None:
    page = open_section(stage, visitor, "session")
    page.get_by_label("Remember conversations").check()
    visitor.press("Save and publish")
    visitor.follow("Try it")
    for text in ("My name is Ann.", "What is my name?"):
        page.get_by_label("Your message").fill(text)
        visitor.press("Try it")
        expect(page.get_by_text("Finished")).to_be_visible()
    before = page.get_by_role("log", name="What was said before")
    expect(before).to_contain_text("My name is Ann.")
    visitor.press("New conversation")
    expect(before).to_be_hidden()
    visitor.follow("Conversations")
    visitor.follow(stage.world.teammate.email)
    visitor.see("What is my name?")
    visitor.press("Erase")
    visitor.confirm("Erase")
    visitor.told("The conversation is erased.")
    visitor.see("No conversations right now")


def test_a_change_that_breaks_an_example_says_so_before_it_is_published(
    stage: Stage, visitor: Visitor
) -> None:
    place = stage.world.acme.workspace.id, stage.world.acme.endpoint.id
    for name, words in (("Says hello", "hello"), ("Sings", "la la la")):
        fields = {"name": name, "body": {"message": "Hello"}, "expected": {"contains": [words]}}
        examples.create(SYSTEM, *place, fields)
    page = open_section(stage, visitor, "prompt")
    visitor.field("Prompt").fill("Sing.")
    visitor.press("Save and publish")
    visitor.see("2 of 2 examples were not run yet")
    draft = endpoints.find(SYSTEM, *place).working_version.number
    visitor.press("Run all examples")
    visitor.see("1 of 2 examples fail")
    visitor.see("The answer does not contain “la la la”.")
    expect(page.get_by_text("Being asked…")).to_have_count(0)
    visitor.press(f"Publish version {draft}")
    visitor.see("Tick this to publish it all the same.")
    page.get_by_label("Publish it anyway").check()
    visitor.press(f"Publish version {draft}")
    visitor.told(f"Version {draft} answers from now on.")


def test_a_wrong_routing_rule_leads_to_its_field(stage: Stage, visitor: Visitor) -> None:
    page = open_section(stage, visitor, "routing")
    page.locator("[data-fact]").first.select_option("input_tokens")
    page.get_by_label("Value").first.fill("soon")
    page.locator("[name=rule_model]").first.fill("demo/demo-fast")
    page.get_by_label("Name of the rule").first.fill("long ones")
    visitor.press("Save as a draft")
    page.get_by_role("alert").get_by_role("link", name="Must be a whole number").click()
    expect(page.get_by_label("Value").first).to_be_focused()


def test_what_the_browser_refuses_is_unfolded(stage: Stage, visitor: Visitor) -> None:
    page = open_section(stage, visitor, "guardrails")
    length = page.locator("[name='guardrails.length.most_characters']")
    page.get_by_text("Length", exact=True).click()
    length.fill("-4")
    page.get_by_text("Length", exact=True).click()
    expect(length).to_be_hidden()
    visitor.press("Save as a draft")
    expect(length).to_be_focused()
