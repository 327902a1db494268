"""People in the browser: invited, given a role, shown the door; and the doors that stay shut."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Stage
from tests.browser.visitor import Visitor
from tests.world import PASSWORD


def test_a_guest_is_invited_promoted_and_removed(stage: Stage, visit: Callable[..., Visitor]) -> None:
    owner, guest = visit(), visit()
    guest.expected |= {403, 404}
    owner.enter(stage.world.owner)
    owner.go("Members")
    join(guest, invite(owner, "grace@guest.test"))
    find_nothing_to_change(guest)

    page = owner.page
    page.reload()
    row = page.get_by_role("row").filter(has_text="Grace Guest")
    owner.field("Role of Grace Guest").select_option(label="Editor")
    row.get_by_role("button", name="Change").click()
    owner.told("Grace Guest has a new role.")
    guest.page.reload()
    expect(guest.page.get_by_role("link", name="Edit: Prompt")).to_be_visible()

    row.get_by_role("button", name="Remove").click()
    owner.confirm("Remove")
    owner.told("Grace Guest is no longer a member.")
    expect(row).to_have_count(0)
    guest.follow("Versions")
    expect(guest.page.get_by_role("heading", level=1)).to_have_text("There is no page here")
    guest.open("/")
    expect(guest.page.get_by_role("heading", level=1)).to_have_text("No workspace yet")


def invite(owner: Visitor, email: str) -> str:
    """Invite a viewer; return the link that was copied."""
    owner.field("E-mail").fill(email)
    owner.page.get_by_role("radio", name="Viewer").check()
    owner.press("Make the link")
    owner.see(f"Send this link to {email}")
    return owner.copy(owner.page.locator(".secret [data-copy], .secret [data-copy-text]"))


def join(guest: Visitor, link: str) -> None:
    """Open the invitation and choose a password."""
    page = guest.open(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Join Acme")
    guest.field("Your name").fill("Grace Guest")
    guest.field("Password").fill(PASSWORD)
    guest.field("The same again").fill(PASSWORD)
    guest.press("Join")
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")


def find_nothing_to_change(viewer: Visitor) -> None:
    """Look at a project and an endpoint: no button that a viewer may not use."""
    page = viewer.page
    viewer.go("Projects")
    viewer.follow("Support")
    expect(page.get_by_role("heading", level=1)).to_have_text("Support")
    expect(page.get_by_role("link", name="New endpoint")).to_have_count(0)
    viewer.follow("Hello")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello")
    expect(page.get_by_role("link", name="Edit: Prompt")).to_have_count(0)
    expect(page.get_by_role("link", name="Try it", exact=True)).to_have_count(0)
    for name in ("Duplicate", "Switch off"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)


def test_signing_out_and_in_again(stage: Stage, visitor: Visitor) -> None:
    page = visitor.enter(stage.world.teammate)
    inside = page.url
    page.locator(".user-menu summary").click()
    visitor.press("Sign out")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    visitor.open(inside)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    visitor.type_password(stage.world.teammate.email, PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    assert page.url == inside


def test_wrong_passwords_are_refused_and_then_held_back(stage: Stage, visitor: Visitor) -> None:
    visitor.expected |= {401, 429}
    page = visitor.open("/login")
    email = stage.world.viewer.email
    for _ in range(5):
        visitor.type_password(email, "not the password")
        expect(page.get_by_role("alert")).to_be_visible()
        expect(visitor.field("E-mail")).to_have_value(email)
    visitor.type_password(email, PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("Too many")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
