"""Providers in the browser: an address of one's own, its key tested, and what is refused with a reason."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Stage
from tests.browser.visitor import Visitor
from tests.upstream_replies import error_reply


def start_adding(visitor: Visitor, name: str, address: str) -> None:
    """Open the form for any address and fill it in."""
    page = visitor.page
    visitor.go("Providers")
    page.get_by_role("link", name="Add a provider").first.click()
    page.get_by_role("link", name=re.compile("Any OpenAI-compatible address")).click()
    visitor.field("API key").fill("sk-upstream-secret-0001")
    visitor.field("Name").fill(name)
    visitor.field("Slug").fill(name.lower())
    visitor.field("Base URL").fill(address)
    visitor.press("Add the provider")


def test_a_provider_is_added_tested_and_switched_off(stage: Stage, visitor: Visitor) -> None:
    page = visitor.enter(stage.world.admin)
    start_adding(visitor, "Nearby", stage.upstream.v1)
    expect(page.get_by_role("heading", level=1)).to_have_text("Nearby")
    expect(page.get_by_text("sk-upstream-secret-0001")).to_have_count(0)
    visitor.press("Test")
    expect(page.get_by_role("main").locator(".notice-ok")).to_be_visible()
    stage.upstream.script("GET /v1/models", error_reply(401, "Incorrect API key provided"))
    visitor.press("Test")
    expect(page.get_by_role("main").locator(".notice-error")).to_be_visible()

    page.get_by_role("navigation", name="Breadcrumbs").get_by_role("link", name="Providers").click()
    page.get_by_role("link", name="Nearby").click()
    page.locator("header").get_by_role("button", name="Switch off").click()
    visitor.see("Calls skip this provider")
    page.locator("header").get_by_role("button", name="Switch on").click()
    expect(page.locator(".notice-warn")).to_have_count(0)


def test_an_address_inside_the_network_is_refused_with_a_reason(stage: Stage, visitor: Visitor) -> None:
    page = visitor.enter(stage.world.admin)
    start_adding(visitor, "Inside", "http://127.0.0.1:9/v1")
    field = visitor.field("Base URL")
    expect(field).to_have_value("http://127.0.0.1:9/v1")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#f-base_url-error")).to_contain_text("SLUICE_PRIVATE_UPSTREAMS")
    expect(visitor.field("Name")).to_have_value("Inside")
    visitor.go("Providers")
    expect(page.get_by_role("link", name="Inside")).to_have_count(0)
