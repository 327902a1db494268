"""A newcomer's way by labels and buttons alone: set up, try, make, change, call from code, look back."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from playwright.sync_api import Locator, Page, expect

from app.domain.actors import SYSTEM
from app.services import people
from tests.browser.conftest import Stage
from tests.browser.visitor import Visitor


def watch_growing(output: Locator, page: Page) -> list[int]:
    """Return the lengths that the answer had while it came."""
    lengths: list[int] = []
    while page.get_by_role("button", name="Stop").is_visible():
        length = len(output.inner_text())
        if not lengths or length > lengths[-1]:
            lengths.append(length)
        page.wait_for_timeout(20)
    return lengths


def stat(page: Page, name: str) -> Locator:
    """Return what stands under a name beside the answer."""
    return page.locator(".try-stats div", has=page.get_by_text(name, exact=True)).locator("dd")


def test_from_the_set_up_link_to_the_first_receipt(stage: Stage, visitor: Visitor) -> None:
    with stage.app.app_context():
        token = people.new_setup_token(SYSTEM)
    page = visitor.open(f"/setup/{token}")
    visitor.field("Your name").fill("Ada Newcomer")
    visitor.field("E-mail").fill("ada@first.test")
    visitor.field("Workspace").fill("Lovelace Works")
    visitor.field("Password").fill("ten letters and more")
    visitor.field("The same again").fill("ten letters and less")
    visitor.press("Open the gate")
    visitor.see("The two passwords differ.")
    expect(visitor.field("Workspace")).to_have_value("Lovelace Works")
    visitor.field("Password").fill("ten letters and more")
    visitor.field("The same again").fill("ten letters and more")
    visitor.press("Open the gate")

    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    visitor.see("First steps")
    visitor.see("0 of 5 done")
    page.get_by_role("link", name="Try it", exact=True).click()
    page.wait_for_url(re.compile("/try$"))
    visitor.field("Your message").fill("What is a sluice, in plain words?")
    visitor.press("Try it")
    lengths = watch_growing(page.get_by_role("region", name="Answer"), page)
    assert len(lengths) > 2, lengths
    visitor.see("What is a sluice")
    expect(stat(page, "First word")).to_have_text(re.compile(r"^\d+ ms$|^\d\.\d\d s$"))
    expect(stat(page, "Tokens in")).to_have_text(re.compile(r"^[1-9]\d*$"))
    expect(stat(page, "Tokens out")).to_have_text(re.compile(r"^[1-9]\d*$"))
    expect(stat(page, "Cost")).to_have_text(re.compile(r"^\$0"))

    page.get_by_role("link", name="Receipt").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Receipt")
    for text in ("What happened", "What it cost", "Where the time went", "Who and what", "ada@first.test"):
        visitor.see(re.compile(text))
    visitor.go("Home")
    visitor.see("1 of 5 done")


def test_an_endpoint_is_made_changed_and_restored(stage: Stage, visitor: Visitor) -> None:
    visitor.enter(stage.world.teammate)
    visitor.go("Projects")
    visitor.follow("Support")
    visitor.follow("New endpoint")
    visitor.page.wait_for_url(re.compile("/endpoints/new$"))  # its scripts are there
    make_summarize(visitor)
    set_up_further(visitor)
    change_and_restore(visitor)
    switch_off_on_and_duplicate(visitor)


def make_summarize(visitor: Visitor) -> None:
    """Make an endpoint of the few things it cannot do without."""
    page = visitor.page
    visitor.field("Name").fill("Summarize text")
    expect(visitor.field("Slug")).to_have_value("summarize-text")
    page.get_by_role("button", name="Choose a model from the list").first.click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("demo-fast")).click()
    expect(visitor.field("Model")).to_have_value("demo/demo-fast")
    visitor.field("Prompt").fill("You are a careful editor.")
    visitor.press("Make endpoint")
    expect(page.get_by_role("heading", level=1)).to_have_text("Summarize text")


def set_up_further(visitor: Visitor) -> None:
    """Set a temperature, wrongly at first, and a user template, each in its section."""
    visitor.follow("Edit: Model and fallbacks")
    visitor.field("Temperature").fill("11")
    visitor.field("Longest answer, in tokens").fill("500")
    visitor.press("Save and publish")
    expect(visitor.field("Temperature")).to_have_attribute("aria-invalid", "true")
    expect(visitor.field("Temperature")).to_have_value("11")
    expect(visitor.field("Longest answer, in tokens")).to_have_value("500")
    visitor.see(re.compile("^Temperature: Must be a number"))
    visitor.field("Temperature").fill("0.4")
    visitor.press("Save and publish")
    visitor.told("Saved as version 2")
    visitor.follow("Edit: Prompt")
    visitor.field("User template").fill("Summarize this: {{input}}")
    visitor.press("Save and publish")
    visitor.told("Saved as version 3")


def change_and_restore(visitor: Visitor) -> None:
    """Save another version, look at the difference, go back to the one before."""
    page = visitor.page
    visitor.follow("Edit: Prompt")
    visitor.field("Prompt").fill("You are a bold editor.")
    visitor.field("Note for this version").fill("Bolder")
    visitor.press("Save and publish")
    expect(page.get_by_text("Version 4", exact=True)).to_be_visible()
    visitor.follow("Versions")
    visitor.see("Bolder")
    expect(page.locator("ins", has_text="You are a bold editor.")).to_be_visible()
    expect(page.locator("del", has_text="You are a careful editor.")).to_be_visible()
    visitor.press("Restore version 3")
    visitor.confirm("Restore")
    expect(page.get_by_role("heading", name="Version 5 Answers now")).to_be_visible()
    visitor.follow("Overview")
    visitor.follow("Edit: Prompt")
    expect(visitor.field("Prompt")).to_have_value("You are a careful editor.")


def switch_off_on_and_duplicate(visitor: Visitor) -> None:
    """Deactivate and reactivate the endpoint, then copy it."""
    visitor.follow("Overview")
    visitor.press("Switch off")
    visitor.confirm("Switch off")
    visitor.see("This endpoint is switched off")
    visitor.press("Switch on")
    expect(visitor.page.get_by_role("button", name="Switch off", exact=True)).to_be_visible()
    visitor.press("Duplicate")
    expect(visitor.field("Name")).not_to_have_value("Summarize text")
    visitor.page.get_by_role("navigation", name="Settings").get_by_role("link", name="Prompt").click()
    expect(visitor.field("User template")).to_have_value("Summarize this: {{input}}")


def test_a_key_and_the_shown_code_lead_to_a_call_in_the_list(stage: Stage, visitor: Visitor) -> None:
    visitor.enter(stage.world.teammate)
    secret = make_key(visitor)
    environ = os.environ | {"SLUICE_KEY": secret}
    visitor.follow("Use Hello")
    run_shown_code(visitor, environ)
    watch_requests(stage, visitor, environ)
    revoke_key(visitor, secret)
    assert "401" in run(["sh", "-c", status_of(stage)], environ)


def make_key(visitor: Visitor) -> str:
    """Make a key from the endpoint's Use it; return what was copied."""
    page = visitor.page
    visitor.go("Projects")
    visitor.follow("Support")
    visitor.follow("Hello")
    visitor.follow("Use it")
    visitor.follow("Make a key")
    visitor.field("Name").fill("laptop of Kim")
    visitor.press("Make key")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your new key")
    secret = visitor.copy(page.locator("[data-copy], [data-copy-text]").first)
    assert secret.startswith("sk-sluice-")
    return secret


def run_shown_code(visitor: Visitor, environ: dict[str, str]) -> None:
    """Copy two of the samples and run them as they are."""
    visitor.follow("curl")
    visitor.see("curl -sS")
    assert '"ok":true' in run(["sh", "-c", copied_code(visitor)], environ)
    visitor.follow("Python")
    visitor.see("import requests")
    assert run([sys.executable, "-c", copied_code(visitor)], environ).strip()


def watch_requests(stage: Stage, visitor: Visitor, environ: dict[str, str]) -> None:
    """See the calls in the list, one more arriving by itself; filter; open one."""
    page = visitor.page
    visitor.go("Requests")
    rows = page.get_by_role("row").filter(has_text="laptop of Kim")
    expect(rows).to_have_count(2)
    run([sys.executable, "-c", sample_in(stage)], environ)
    expect(rows).to_have_count(3)
    visitor.field("Outcome").select_option(label="Failed")
    visitor.see("No request matches")
    visitor.follow("Clear the filters")
    visitor.field("Endpoint").select_option(index=1)
    expect(rows).to_have_count(3)
    rows.first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Receipt")
    visitor.see("laptop of Kim")


def revoke_key(visitor: Visitor, secret: str) -> None:
    """Find that the key is not shown again, and revoke it."""
    page = visitor.page
    visitor.go("Projects")
    visitor.follow("Support")
    visitor.follow("All keys")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keys")
    expect(page.get_by_text(secret)).to_have_count(0)
    visitor.press("Revoke laptop of Kim")
    visitor.confirm("Revoke")
    expect(page.get_by_role("row").filter(has_text="laptop of Kim").get_by_text("Revoked")).to_be_visible()


def copied_code(visitor: Visitor) -> str:
    """Press Copy at the sample and return what was copied."""
    figure = visitor.page.locator("figure", has=visitor.page.locator("#sample-code"))
    return visitor.copy(figure.locator("[data-copy], [data-copy-text]"))


def run(command: list[str], environ: dict[str, str]) -> str:
    """Run to the end and return what was printed."""
    result = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


def sample_in(stage: Stage) -> str:
    """Return one more call."""
    url = stage.server.url + stage.world.acme.url
    return (
        "import os, requests\n"
        f"requests.post({url!r}, json={{'message': 'Again'}}, "
        "headers={'Authorization': 'Bearer ' + os.environ['SLUICE_KEY']}, timeout=20).raise_for_status()"
    )


def status_of(stage: Stage) -> str:
    """Return the command that prints the status of a call."""
    url = stage.server.url + stage.world.acme.url
    head = '-H "Authorization: Bearer $SLUICE_KEY" -H "Content-Type: application/json"'
    return f"""curl -s -o /dev/null -w '%{{http_code}}' {head} -d '{{"message": "Hi"}}' {url}"""
