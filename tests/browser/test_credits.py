"""Credits in the browser: an account made prepaid, topped up after a question, its ledger filtered."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Stage
from tests.browser.visitor import Visitor
from tests.world import make_person


def test_an_operator_makes_an_account_prepaid_and_tops_it_up(stage: Stage, visitor: Visitor) -> None:
    page = visitor.enter(make_person("op@acme.test", stage.world.acme.workspace, "owner", operator=True))
    visitor.go("Credits")
    page.get_by_role("link", name="Change").click()
    page.get_by_role("radio", name="Prepaid").check()
    visitor.field("Plan").select_option("free")
    visitor.press("Save")
    expect(page.get_by_role("row", name="Trial credit")).to_contain_text("+$5.00")

    page.get_by_role("link", name="Top up").first.click()
    visitor.field("Amount in US dollars").fill("12.50")
    visitor.press("Top up")
    expect(page.get_by_role("dialog")).to_contain_text("Credit 12.50 US dollars to Acme?")
    visitor.confirm("Cancel")
    visitor.press("Top up")
    visitor.confirm("Yes, do it")
    expect(page.get_by_role("row", name="Top-up")).to_contain_text("$17.50")

    page.wait_for_load_state()  # a choice made before the scripts ran would be lost
    visitor.field("Show").select_option("trial")
    expect(page.get_by_role("row", name="Top-up")).to_have_count(0)
    expect(page.get_by_role("row", name="Trial credit")).to_be_visible()
