"""Without a mouse: the skip link, the menu, questions, forms and Try it."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Stage
from tests.browser.visitor import Visitor
from tests.world import PASSWORD


def test_enter_sends_forms_and_the_skip_link_skips_the_menu(stage: Stage, visitor: Visitor) -> None:
    email = stage.world.teammate.email
    page = visitor.open("/login")
    expect(visitor.field("E-mail")).to_be_focused()
    page.keyboard.type(email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_the_menu_of_a_narrow_screen(stage: Stage, visit: Callable[..., Visitor]) -> None:
    visitor = visit(width=360)
    page = visitor.enter(stage.world.teammate)
    projects = page.get_by_role("navigation", name="Main").get_by_role("link", name="Projects")
    expect(projects).to_have_count(0)  # neither seen nor reached by Tab
    menu = page.get_by_role("button", name="Menu")
    menu.press("Enter")
    expect(menu).to_have_attribute("aria-expanded", "true")
    expect(projects).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(projects).to_have_count(0)
    menu.press("Enter")
    projects.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Projects")


def test_a_question_is_left_by_escape_and_gives_the_focus_back(stage: Stage, visitor: Visitor) -> None:
    world = stage.world
    visitor.enter(world.teammate)
    page = visitor.open(f"/w/{world.acme.workspace.slug}/endpoints/{world.acme.endpoint.id}")
    switch = page.get_by_role("button", name="Switch off", exact=True)
    switch.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(switch).to_be_focused()

    page.get_by_role("link", name="Edit: Model and fallbacks").press("Enter")
    page.wait_for_url(re.compile("/settings/model$"))  # its scripts are there
    choose = page.get_by_role("button", name="Choose a model from the list").first
    choose.press("Enter")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(choose).to_be_focused()
    choose.press("Enter")
    page.keyboard.type("demo-fast")
    page.keyboard.press("Enter")
    expect(visitor.field("Model")).to_be_focused()
    expect(visitor.field("Model")).to_have_value("demo/demo-fast")


def test_the_workspace_menu_closes_by_escape(stage: Stage, visitor: Visitor) -> None:
    page = visitor.enter(stage.world.teammate)
    switcher = page.locator(".switcher summary")
    switcher.press("Enter")
    expect(page.locator(".switcher .popup")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".switcher .popup")).to_be_hidden()
    expect(switcher).to_be_focused()


def test_try_it_by_keyboard(stage: Stage, visitor: Visitor) -> None:
    world = stage.world
    visitor.enter(world.teammate)
    page = visitor.open(f"/w/{world.acme.workspace.slug}/endpoints/{world.acme.endpoint.id}/try")
    message = visitor.field("Your message")
    message.fill("A question from the keyboard")
    message.press("Control+Enter")
    answer = page.get_by_role("region", name="Answer")
    expect(answer).to_contain_text("A question from the keyboard")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    expect(answer).to_have_attribute("aria-busy", "false")
    expect(page.locator("[data-try-state]")).to_have_text(re.compile(r"\w"))
