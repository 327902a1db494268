"""Who has never seen the product gives free users a cheaper model, carefully, by labels and buttons alone."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from app.domain.actors import SYSTEM
from app.services import policies, rollout_history
from tests.browser.conftest import Stage
from tests.browser.rollout_day import count
from tests.browser.visitor import Visitor


def test_free_users_get_a_cheaper_model_carefully_and_somebody_is_told_if_it_breaks(
    stage: Stage, visitor: Visitor
) -> None:
    visitor.enter(stage.world.owner)
    write_the_rule(visitor)
    let_it_be_called(visitor)
    begin_with_a_tenth(visitor)
    see_that_it_is_not_worse(stage, visitor)
    be_told(visitor)


def write_the_rule(visitor: Visitor) -> None:
    """Write one rule, which is to be rolled out."""
    visitor.go("Policies")
    visitor.follow("Make the first policy")
    visitor.page.get_by_label("Name", exact=True).fill("Support chat")
    rule = visitor.page.locator("#rule-0")
    rule.get_by_label("Name of the rule").fill("Free users")
    rule.get_by_label("When", exact=True).select_option(label="the plan")
    rule.get_by_label("Values, with commas between them").first.fill("free")
    rule.get_by_label("then").select_option(label="other models answer instead")
    rule.get_by_role("button", name="Choose a model from the list").first.click()
    visitor.page.get_by_role("dialog").get_by_role("button", name=re.compile("demo-fast")).click()
    visitor.press("Make it and roll out…")
    visitor.told("“Support chat” is made. Say who gets its rules first.")


def let_it_be_called(visitor: Visitor) -> None:
    """Follow the notice that no call can name it, and come back."""
    visitor.follow("Change it in the project’s settings")
    visitor.page.get_by_role("checkbox", name="By model").check()
    visitor.press("Save")
    visitor.go("Policies")
    visitor.follow("Support chat")
    visitor.follow("Rollout")


def begin_with_a_tenth(visitor: Visitor) -> None:
    """Let a tenth of the end users get it first."""
    visitor.field("Steps").fill("10, 50, 100")
    visitor.press("Start the rollout")
    visitor.see("10 % of your end users get version 2; everybody else gets version 1.")


def see_that_it_is_not_worse(stage: Stage, visitor: Visitor) -> None:
    """Look again when both sides have been called, and go on."""
    workspace_id = stage.world.acme.workspace.id
    (view,) = policies.list_all(SYSTEM, workspace_id)
    rollout = rollout_history.current(SYSTEM, workspace_id, "policy", view.policy.id)
    assert rollout is not None and view.config.rules == () and view.draft_config is not None
    count(rollout.id, "old", 300)
    count(rollout.id, "new", 120)
    visitor.page.reload()
    visitor.see("Version 2 is not worse so far.")
    visitor.press("Go on to 50 %")
    visitor.see("50 % of your end users get version 2; everybody else gets version 1.")


def be_told(visitor: Visitor) -> None:
    """Ask to be told when calls fail."""
    visitor.go("Alerts")
    visitor.follow("Rules")
    visitor.follow("New rule")
    visitor.field("Name").fill("Support breaks")
    visitor.field("Number").select_option(label="share of failed calls, in %")
    visitor.field("than").fill("5")
    visitor.press("Make the rule")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Alert rules")
    visitor.see(
        "Tells when the share of failed calls is more than 5 % in a day. Counted: the whole workspace."
    )
