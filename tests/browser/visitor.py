"""A person at a browser: their page, and everything in it that went wrong."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response, expect

from app.models import User
from tests.world import PASSWORD

LEFT_BEHIND = "net::ERR_ABORTED"  # the page was left while it still asked for something
STATUS_LINE = "Failed to load resource"  # told by the answers themselves


class Visitor:
    """One browser context with one page. `expected`: statuses from 400 up that the test brings about."""

    def __init__(self, context: BrowserContext, root: str) -> None:
        self.context = context
        self.root = root
        self.page = context.new_page()
        self.expected = {422}
        self.troubles: list[str] = []
        self.page.on("console", self.note_console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        self.page.on("requestfailed", self.note_failure)
        self.page.on("response", self.note_answer)

    def note_console(self, message: ConsoleMessage) -> None:
        """Keep warnings and errors; a broken content policy is one."""
        if message.type in ("error", "warning") and not message.text.startswith(STATUS_LINE):
            self.troubles.append(f"console: {message.text}")

    def note_failure(self, request: Request) -> None:
        """Keep requests without an answer."""
        if request.failure != LEFT_BEHIND:
            self.troubles.append(f"no answer: {request.url} {request.failure}")

    def note_answer(self, response: Response) -> None:
        """Keep unexpected refusals and failures."""
        if response.status >= 400 and response.status not in self.expected:
            self.troubles.append(f"{response.status}: {response.url}")

    def open(self, path: str) -> Page:
        """Go to a path, or to a whole address."""
        self.page.goto(path if path.startswith("http") else self.root + path)
        return self.page

    def enter(self, user: User) -> Page:
        """Sign in by the form."""
        page = self.open("/login")
        self.type_password(user.email, PASSWORD)
        expect(page.get_by_role("heading", level=1)).to_have_text("Home")
        return page

    def type_password(self, email: str, password: str) -> None:
        """Fill in the sign-in form and send it."""
        self.field("E-mail").fill(email)
        self.field("Password").fill(password)
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Sign in").click()

    def field(self, label: str) -> Locator:
        """Return the field of exactly this label, required or not."""
        return self.page.get_by_label(re.compile(rf"^{re.escape(label)}\*?$"))

    def go(self, name: str) -> None:
        """Follow the main menu."""
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name)

    def follow(self, name: str) -> None:
        """Click the first link of exactly this name in the page's main part."""
        self.page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()

    def press(self, name: str) -> None:
        """Press the one button of this name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def confirm(self, name: str) -> None:
        """Press the button of the open question."""
        self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()

    def see(self, text: str | re.Pattern[str]) -> None:
        """Expect the text somewhere in the page's main part."""
        expect(self.page.get_by_role("main").get_by_text(text).first).to_be_visible()

    def told(self, text: str | re.Pattern[str]) -> None:
        """Expect the passing message."""
        expect(self.page.locator("#flashes").get_by_text(text)).to_be_visible()

    def copy(self, button: Locator) -> str:
        """Press a Copy button; return what it put on the clipboard, which all visitors share."""
        self.page.bring_to_front()
        self.page.evaluate("navigator.clipboard.writeText('')")
        button.click()
        expect(button).to_have_class(re.compile("is-copied"))
        return str(self.page.evaluate("navigator.clipboard.readText()"))
