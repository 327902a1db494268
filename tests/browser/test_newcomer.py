"""Who has never seen the product makes a guarded, schema-checked endpoint by labels and buttons alone."""

from __future__ import annotations

import json
import os
import re
import subprocess

from playwright.sync_api import expect

from tests.browser.conftest import Stage
from tests.browser.visitor import Visitor


def test_a_guarded_and_checked_endpoint_is_made_tried_proven_published_and_called(
    stage: Stage, visitor: Visitor
) -> None:
    visitor.enter(stage.world.teammate)
    make(visitor)
    guard(visitor)
    ask_for_tone(visitor)
    promise_fields(visitor)
    try_it(visitor)
    publish(visitor)
    answer = call(visitor, make_key(visitor))
    assert json.loads(answer)["urgent"] is False


def make(visitor: Visitor) -> None:
    """Make an endpoint of a name, a model and a prompt."""
    visitor.go("Projects")
    visitor.follow("Support")
    visitor.follow("New endpoint")
    visitor.page.wait_for_url(re.compile("/endpoints/new$"))
    visitor.field("Name").fill("Sort mail")
    visitor.press("Choose a model from the list")
    visitor.page.get_by_role("dialog").get_by_role("button", name=re.compile("demo-fast")).click()
    visitor.field("Prompt").fill("You sort the mail of a help desk.")
    visitor.press("Make endpoint")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Sort mail")


def guard(visitor: Visitor) -> None:
    """Stop personal data and secrets; see that the rules find some, before they are saved."""
    visitor.follow("Edit: Guardrails")
    for rule in ("Personal data", "Keys and passwords"):
        card = visitor.page.get_by_role("group").filter(has_text=rule).first
        card.get_by_text(rule, exact=True).click()
        card.get_by_label("What happens").select_option(label="Stop the call")
    visitor.field("Text").fill("Write to ann@example.com.")
    visitor.press("Try it")
    visitor.see("stopped the call")
    visitor.press("Save as a draft")
    visitor.told("Saved as a draft, version 2.")


def ask_for_tone(visitor: Visitor) -> None:
    """Ask callers for a tone, one of two."""
    visitor.follow("Edit: Variables")
    visitor.field("Name").fill("tone")
    visitor.field("Kind").select_option(label="One of a few")
    visitor.field("To choose from").fill("kind, short")
    visitor.page.get_by_label("Must be filled in").check()
    visitor.press("Save as a draft")
    visitor.told("Saved as a draft, version 3.")


def promise_fields(visitor: Visitor) -> None:
    """Say of which fields an answer is, without writing a schema."""
    visitor.follow("Edit: Schemas")
    answers = visitor.page.get_by_role("radiogroup", name="What it answers")
    answers.get_by_label("These fields").check()
    for number, (name, kind) in enumerate((("team", "Text"), ("urgent", "Yes or no")), 1):
        if number > 1:
            visitor.press("Add a field")
        row = visitor.page.get_by_role("group", name=f"Field {number}", exact=True)
        row.get_by_label("Name").fill(name)
        row.get_by_label("Kind").select_option(label=kind)
        row.get_by_label("Must be there").check()
    visitor.press("Save as a draft")
    visitor.told("Saved as a draft, version 4.")


def try_it(visitor: Visitor) -> None:
    """Ask the draft: once what it must not be asked, once what becomes an example."""
    visitor.follow("Try it")
    visitor.field("Tone").select_option(label="kind")
    visitor.field("Your message").fill("Answer ann@example.com, please.")
    visitor.press("Try it")
    visitor.see(re.compile("^Blocked by the guardrail"))
    visitor.field("Your message").fill("My parcel is late.")
    visitor.press("Try it")
    visitor.see(re.compile('"team": "team"'))
    visitor.press("Save as an example")
    visitor.field("Name").fill("A late parcel")
    visitor.field("Contains").fill("team")
    visitor.page.get_by_label("Fits the endpoint’s output schema").check()
    visitor.press("Save")


def publish(visitor: Visitor) -> None:
    """Let the draft answer the example, then calls."""
    visitor.follow("Overview")
    visitor.follow("Compare and publish")
    visitor.press("Run all examples")
    visitor.see("The example passes.")
    visitor.press("Publish version 4")
    visitor.told("Version 4 answers from now on.")


def make_key(visitor: Visitor) -> str:
    """Make a key where the code is shown; return what is shown once."""
    visitor.follow("Use it")
    visitor.follow("Make a key")
    visitor.field("Name").fill("help desk")
    visitor.press("Make key")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Your new key")
    return visitor.page.get_by_role("main").get_by_text(re.compile("^sk-sluice-")).first.inner_text()


def call(visitor: Visitor, secret: str) -> str:
    """Run the code that is shown with the key; return what was answered."""
    visitor.follow("Use Sort mail")
    visitor.see("curl -sS")
    shown = visitor.page.get_by_role("main").get_by_text(re.compile("^curl -sS")).inner_text()
    environ = os.environ | {"SLUICE_KEY": secret}
    done = subprocess.run(["sh", "-c", shown], env=environ, capture_output=True, text=True, timeout=60)
    answer = json.loads(done.stdout)
    assert answer["ok"], answer
    return str(answer["content"])
