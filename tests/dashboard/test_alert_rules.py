"""The pages of alert rules and webhooks: made, tried, changed and looked at by whom it concerns."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient

from app.database import database
from app.domain.actors import SYSTEM
from app.models import User
from app.services import alert_rules, alerts, keys, webhook_log, webhooks
from tests.dashboard.test_alerts import FACTS
from tests.usage_world import row, write
from tests.world import World

SignIn = Callable[[User], FlaskClient]
FORM = {
    "name": "Dear",
    "metric": "spend",
    "test": "over",
    "bound": "$2",
    "window": "day",
    "by": ["mail"],
    "active": "1",
}
RULES, HOOKS = "/w/acme/alert-rules", "/w/acme/webhooks"
HOOK = {"name": "Pager", "url": "https://hooks.example.com/x", "active": "1"}


def rules(world: World) -> list[alert_rules.RuleView]:
    return alert_rules.list_all(SYSTEM, world.acme.workspace.id)


def test_a_rule_is_tried_made_changed_and_deleted(world: World, sign_in: SignIn) -> None:
    admin = sign_in(world.admin)
    assert "No rules yet" in admin.get(RULES).text
    write(row(world.acme, cost_nano_usd=3 * 10**9, policy_key="chat"))
    tried = admin.post(f"{RULES}/preview", data={**FORM, "name": "", "endpoint": world.acme.endpoint.id})
    assert "It would tell you now" in tried.text and "Measured: $3.00 in a day" in tried.text
    assert "on 1." in tried.text
    assert rules(world) == []
    admin.post(RULES, data={**FORM, "end_user": "ann"})
    page = admin.get(RULES).text
    assert "Tells when the spend is more than $2.00 in a day. Counted: end user “ann”." in page
    (view,) = rules(world)
    changed = {
        **FORM,
        "test": "unusual",
        "metric": "error_rate",
        "bound": "",
        "project": world.acme.project.id,
    }
    admin.post(f"{RULES}/{view.row.id}", data=changed)
    assert "far more than usual in five minutes. Counted: project “Support”." in admin.get(RULES).text
    facts = {**FACTS, "rule_id": view.row.id}
    database.transaction(lambda s: alerts.note(s, world.acme.workspace.id, "rule", "x", facts))
    link = f'href="{RULES}/{view.row.id}"'
    page = admin.get("/w/acme/alerts").text
    assert link in page and "The rule is deleted." not in page
    admin.post(f"{RULES}/{view.row.id}/delete")
    assert rules(world) == []
    page = admin.get("/w/acme/alerts").text
    assert link not in page and "Dear day" in page and "The rule is deleted." in page


def test_every_kind_of_rule_can_be_tried(world: World, sign_in: SignIn) -> None:
    admin = sign_in(world.admin)
    for test, window in [
        ("over", "5m"),
        ("under", "1h"),
        ("over", "month"),
        ("under", "day"),
        ("unusual", ""),
    ]:
        form = {**FORM, "metric": "calls", "test": test, "window": window, "bound": "1,000"}
        page = admin.post(f"{RULES}/preview", data=form)
        assert page.status_code == 200
        assert ("It would tell you now" in page.text) == (test == "under"), (test, window)


def test_a_wrong_rule_comes_back_as_typed(world: World, sign_in: SignIn) -> None:
    wrong = {**FORM, "bound": "lots", "policy": "nowhere"}
    page = sign_in(world.admin).post(RULES, data=wrong)
    assert page.status_code == 422 and 'value="lots"' in page.text
    page = sign_in(world.admin).post(RULES, data={**wrong, "bound": "2"})
    assert page.status_code == 422 and "There is no policy “nowhere” here." in page.text


def test_a_rule_on_a_revoked_key_says_so_and_viewers_only_look(world: World, sign_in: SignIn) -> None:
    given = {"name": "Quiet", "metric": "calls", "bound": 1, "where": {"key": world.acme.key.id}}
    view = alert_rules.create(SYSTEM, world.acme.workspace.id, given)
    keys.revoke(SYSTEM, world.acme.workspace.id, world.acme.key.id)
    viewer = sign_in(world.viewer)
    page = viewer.get(RULES).text
    assert "Watches nothing" in page and "Not there any more: key." in page and "New rule" not in page
    assert "Delete" not in viewer.get(f"{RULES}/{view.row.id}").text
    assert "This rule watches nothing" in sign_in(world.admin).get(f"{RULES}/{view.row.id}").text


def test_a_webhook_shows_its_secret_once_and_its_log(world: World, sign_in: SignIn) -> None:
    admin = sign_in(world.admin)
    made = admin.post(HOOKS, data={**HOOK, "events": ["rollout.rolled_back"]})
    assert "whsec_" in made.text and made.headers["Cache-Control"] == "no-store"
    (webhook,) = webhooks.list_all(SYSTEM, world.acme.workspace.id)
    path = f"{HOOKS}/{webhook.id}"
    assert "1 kind of event" in admin.get(HOOKS).text
    assert "whsec_" not in admin.get(f"{path}/edit").text
    admin.post(f"{path}/test")
    page = admin.get(path).text
    assert "On its way" in page and "webhook.test" in page and "Send again" in page
    part = admin.get(path, headers={"HX-Request": "true"}).text
    assert 'id="log"' in part and "<html" not in part
    (delivery,) = webhook_log.list_page(SYSTEM, world.acme.workspace.id, webhook.id)
    admin.post(f"{path}/deliveries/{delivery.id}/resend")
    assert len(webhook_log.list_page(SYSTEM, world.acme.workspace.id, webhook.id)) == 2
    viewer = sign_in(world.viewer).get(path).text
    assert "On its way" in viewer and "Send again" not in viewer
    admin.post(f"{path}/edit", data={**HOOK, "name": "Siren", "active": []})
    assert "Switched off" in admin.get(HOOKS).text
    assert "whsec_" in admin.post(f"{path}/rotate").text
    admin.post(f"{path}/delete")
    assert "No webhooks yet" in admin.get(HOOKS).text


def test_a_wrong_webhook_comes_back_as_typed(world: World, sign_in: SignIn) -> None:
    page = sign_in(world.admin).post(HOOKS, data={**HOOK, "url": "http://10.0.0.1/"})
    assert page.status_code == 422 and "http://10.0.0.1/" in page.text and "cannot be used" in page.text
