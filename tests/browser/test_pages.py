"""Every page of a lived-in workspace, narrow and wide, light and dark: nothing overflows or excludes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask, url_for
from playwright.sync_api import Browser, Page, StorageState, ViewportSize, expect
from sqlalchemy import select
from werkzeug.routing import Rule

from app.dashboard import SIGNED_IN
from app.dashboard.sections import SECTIONS
from app.database import database
from app.domain.actors import SYSTEM
from app.domain.what_ifs import CHANGES
from app.models import (
    Account,
    AlertRule,
    Alias,
    Budget,
    ChatSession,
    Credential,
    Endpoint,
    EndpointVersion,
    Example,
    Key,
    OneTimeLink,
    Plan,
    Policy,
    Provider,
    RecordRow,
    Rollout,
    User,
    Webhook,
)
from app.services import aliases, people, projects
from tests.browser.alert_day import fill_alerts
from tests.browser.budget_day import fill_budgets
from tests.browser.busy_day import fill
from tests.browser.conftest import Stage
from tests.browser.money_day import fill_money
from tests.browser.plugin_day import fill_plugins
from tests.browser.policy_day import fill_policies
from tests.browser.product_day import fill_draft
from tests.browser.proving_day import fill_examples
from tests.browser.rollout_day import fill_rollouts
from tests.browser.talking_day import fill_conversations
from tests.browser.user_day import KNOWN, fill_end_users
from tests.browser.visitor import Visitor
from tests.world import World, make_person

NO_PAGES = {
    "credits.export", "end_users.export", "projects.openapi", "requests.export", "rollouts.live",
    "savings.export", "usage.export", "usage.over_time",
}  # fmt: skip
NARROW: ViewportSize = {"width": 360, "height": 780}
WIDE: ViewportSize = {"width": 1440, "height": 900}
CONTRAST: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def operator(stage: Stage) -> User:
    """Somebody who may open every page, in a workspace with a day of work."""
    fill(stage.world)
    fill_money(stage.world)
    fill_budgets(stage.world)
    fill_plugins(stage.world)
    fill_conversations(stage.world, "answer-ticket")
    fill_examples(stage.world, "answer-ticket")
    fill_draft(stage.world, "summarize")
    fill_policies(stage.world)
    fill_rollouts(stage.world)
    fill_end_users(stage.world)
    fill_alerts(stage.world)
    acme = stage.world.acme
    projects.update(SYSTEM, acme.workspace.id, acme.project.id, {"surfaces": ["endpoints", "proxy", "light"]})
    fast = {
        "name": "fast",
        "models": ["openai/gpt-4o-mini", "auto"],
        "prompt": "Be brief.",
        "temperature": 0.3,
    }
    aliases.create(SYSTEM, stage.world.acme.workspace.id, fast)
    return make_person("operator@acme.test", stage.world.acme.workspace, "owner", operator=True)


@pytest.fixture(scope="module")
def signed_in(stage: Stage, operator: User, browser: Browser) -> StorageState:
    """What a browser keeps of the operator's signing in, which is done once for all pages."""
    context = browser.new_context()
    Visitor(context, stage.server.url).enter(operator)
    kept = context.storage_state()
    context.close()
    return kept


def ids(world: World) -> dict[str, object]:
    """Return the ids of things with something to show."""

    def work(session) -> dict[str, object]:  # type: ignore[no-untyped-def]
        failed_over = select(RecordRow.id).where(RecordRow.outcome == "failed").limit(1)
        provider = select(Provider.id).where(Provider.slug == "openai")
        busy = select(Endpoint.id).where(Endpoint.slug == "answer-ticket")
        drafts = select(Endpoint.draft_version_id).where(Endpoint.slug == "answer-ticket")
        return {
            "account": session.scalar(select(Account.id).where(Account.parent_id.is_not(None))),
            "plan": session.scalar(select(Plan.id).where(Plan.slug == "team")),
            "budget": session.scalar(select(Budget.id).where(Budget.scope_type == "project")),
            "project": world.acme.project.id,
            "endpoint_id": session.scalar(busy),
            "drafted": session.scalar(select(Endpoint.id).where(Endpoint.slug == "summarize")),
            "example": session.scalar(select(Example.id).limit(1)),
            "key": session.scalar(select(Key.id).where(Key.name == "website")),
            "provider": session.scalar(provider),
            "credential": session.scalar(select(Credential.id).limit(1)),
            "invitation": session.scalar(select(OneTimeLink.id).limit(1)),
            "request": session.scalar(failed_over),
            "rollout": session.scalar(select(Rollout.id).where(Rollout.ended_at.is_(None))),
            "number": session.scalar(select(EndpointVersion.number).where(EndpointVersion.id.in_(drafts))),
            "model": "openai/our-fine-tune",
            "plugin": "image-gen",
            "session": session.scalar(select(ChatSession.id).limit(1)),
            "alias": session.scalar(select(Alias.id).limit(1)),
            "rule": session.scalar(select(AlertRule.id).where(AlertRule.name == "A dear day")),
            "webhook": session.scalar(select(Webhook.id).where(Webhook.name == "Finance")),
            "policy": session.scalar(select(Policy.id).where(Policy.key == "support_chat")),
        }

    return database.read(work)


def paths(app: Flask, blueprint: str, workspace: str, known: dict[str, object]) -> Iterator[str]:
    """Yield the address of every page of a blueprint; of one that is there twice, inside a workspace."""
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if rule.endpoint.split(".")[0] == blueprint and "GET" in (rule.methods or ()):
                if rule.endpoint not in NO_PAGES and not is_twin(app, rule):
                    here = {**known, "workspace": workspace}
                    values = {name: here[name] for name in rule.arguments - {"section", "change"}}
                    for more in sections(rule, known):
                        yield url_for(rule.endpoint, **{**values, **more})  # type: ignore[arg-type]


def is_twin(app: Flask, rule: Rule) -> bool:
    """Say whether the same page is there inside a workspace, too, with more around it."""
    others = app.url_map.iter_rules(rule.endpoint)
    return "workspace" not in rule.arguments and any("workspace" in other.arguments for other in others)


def sections(rule: Rule, known: dict[str, object]) -> list[dict[str, object]]:
    """Return what else an address says: the section of a full draft, the change of a what-if, an end user."""
    if "change" in rule.arguments:
        return [{"change": name} for name in CHANGES]
    if rule.endpoint == "end_users.show":
        return [{"user": KNOWN}]
    if "section" not in rule.arguments:
        return [{}]
    return [{"section": each.name, "endpoint_id": known["drafted"]} for each in SECTIONS]


def check(page: Page) -> None:
    """Look at the open page in both widths and both schemes."""
    assert overflow(page) <= 0, f"{page.url} scrolls sideways: {wide_elements(page)}"
    page.set_viewport_size(NARROW)
    assert overflow(page) <= 0, f"{page.url} scrolls sideways at 360 px: {wide_elements(page)}"
    assert grave(page, {}) == [], page.url
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="dark")
    assert grave(page, CONTRAST) == [], f"{page.url}, dark"
    page.emulate_media(color_scheme="light")


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def wide_elements(page: Page) -> object:
    """Return what sticks out at the right."""
    return page.evaluate(
        """() => [...document.querySelectorAll("main *")]
        .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
        .slice(0, 5).map((e) => e.outerHTML.slice(0, 120))"""
    )


def grave(page: Page, options: dict[str, Any]) -> list[str]:
    """Return what axe-core finds serious or critical."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("options => axe.run(options)", {"resultTypes": ["violations"], **options})
    return [
        f"{each['id']} ({each['help']}): {node['html'][:160]} {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in GRAVE
        for node in each["nodes"][:4]
    ]


@pytest.mark.parametrize("blueprint", [blueprint.name for blueprint in SIGNED_IN])
def test_pages_of(
    blueprint: str, stage: Stage, signed_in: StorageState, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(storage_state=signed_in)
    for path in paths(stage.app, blueprint, stage.world.acme.workspace.slug, ids(stage.world)):
        check(visitor.open(path))


def test_the_pages_before_signing_in(stage: Stage, visitor: Visitor) -> None:
    visitor.expected |= {404, 410}
    with stage.app.app_context():
        token = people.new_setup_token(SYSTEM)
        reset = people.new_reset_token(SYSTEM, stage.world.viewer.email)
    addresses = [f"/setup/{token}"] if token else []
    for path in (
        *addresses,
        "/login",
        f"/reset/{reset}",
        "/setup/gone",
        "/reset/gone",
        "/invite/gone",
        "/nowhere",
    ):
        check(visitor.open(path))


def test_empty_pages(stage: Stage, visit: Callable[..., Visitor]) -> None:
    stranger = visit()
    stranger.enter(stage.world.stranger)
    slug = stage.world.other.workspace.slug
    for place in (
        "",
        "/requests",
        "/members",
        "/providers",
        "/activity",
        "/projects",
        "/credits",
        "/accounts",
        "/plans",
        "/savings",
        "/end-users",
    ):
        check(stranger.open(f"/w/{slug}{place}"))


def test_a_rule_that_tells_of_the_unusual_is_asked_for_no_bound(
    stage: Stage, signed_in: StorageState, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(storage_state=signed_in)
    visitor.open(f"/w/{stage.world.acme.workspace.slug}/alert-rules/new")
    bound, window = visitor.field("than"), visitor.field("counted")
    expect(bound).to_be_visible()
    visitor.field("compared").select_option("unusual")
    expect(bound).to_be_hidden()
    expect(window).to_be_hidden()
