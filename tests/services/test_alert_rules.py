"""Alert rules at work: what they measure, that they tell once, and what they cannot count any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.database import database
from app.domain.actors import SYSTEM, Actor
from app.domain.alert_rules import STEP, Measured, RuleConfig, last_window
from app.domain.errors import InvalidInput, NotAllowed, NotFound
from app.models import Alert, AlertSample, AuditEvent, Delivery, ReportedHour
from app.services import (
    alert_mails,
    alert_measures,
    alert_rules,
    alert_watch,
    erasures,
    keys,
    usage_hours,
    webhooks,
)
from tests.usage_world import row, write
from tests.world import World

USD = 1_000_000_000
SPEND = {"name": "Dear day", "metric": "spend", "bound": "2.00"}


def add(world: World, **fields: Any) -> alert_rules.RuleView:
    return alert_rules.create(SYSTEM, world.acme.workspace.id, {**SPEND, **fields})


def noted() -> list[Alert]:
    query = select(Alert).where(Alert.kind == "rule").order_by(Alert.created_at, Alert.id)
    return database.read(lambda session: list(session.scalars(query)))


def measured(world: World, metric: str, window: str = "1h", **where: str) -> Measured:
    now = datetime.now(UTC)
    since = now - timedelta(hours=1) if window == "1h" else now.replace(minute=0, second=0, microsecond=0)
    config = RuleConfig(metric, where, window, bound=0)
    place = world.acme.workspace.id, config, since, now + timedelta(seconds=1)
    return database.read(lambda session: alert_measures.measure(session, *place))


def test_the_same_calls_measure_the_same_by_records_and_by_hours(world):
    now = datetime.now(UTC)
    common = {"policy_key": "chat", "plan": "pro", "savings_nano_usd": 3}
    for number, outcome in enumerate(["succeeded", "succeeded", "succeeded", "failed"]):
        write(row(world.acme, now, outcome=outcome, cost_nano_usd=USD, duration_ms=100 * number, **common))
    write(row(world.acme, now, error_code="policy_blocked", outcome="refused", cost_nano_usd=0, plan="free"))
    write(row(world.other, now, cost_nano_usd=USD))
    write(row(world.acme, now, source="shadow", cost_nano_usd=USD))
    for window in ("1h", "day"):
        assert measured(world, "spend", window) == Measured(5, 4 * USD)
        assert measured(world, "average_cost", window, plan="pro") == Measured(4, USD)
        assert measured(world, "error_rate", window, policy="chat") == Measured(4, 25.0)
        assert measured(world, "tokens", window, model="demo/demo-fast") == Measured(5, 75)
        assert measured(world, "blocked", window, plan="free") == Measured(1, 1)
        assert measured(world, "savings", window, key=world.acme.key.id) == Measured(5, 12)
        assert measured(world, "error_rate", window, region="eu") == Measured(0, None)
        assert measured(world, "calls", window, provider="x") == Measured(0, 0)
    assert measured(world, "p95_latency", policy="chat") == Measured(3, 200)


@pytest.mark.parametrize("metric", ["spend", "reported_spend"])
def test_a_day_that_begins_at_half_past_counts_each_call_once(world, metric):
    half_past = datetime(2026, 3, 9, 18, 30, tzinfo=UTC)  # midnight in Kolkata
    told = {"catalog_nano_usd": USD, "cost_nano_usd": None}
    reported = {"source": "reported", "reported": told} if metric == "reported_spend" else {}
    for minutes in (-1, 0, 29, 30, 23 * 60, 24 * 60 - 1, 24 * 60):
        one = row(world.acme, half_past + timedelta(minutes=minutes), cost_nano_usd=USD, **reported)
        if metric == "reported_spend":
            database.transaction(lambda session, one=one: usage_hours.add(session, [one], ReportedHour))
        write(one)
    config = RuleConfig(metric, {}, "day", bound=0)
    for days, hours, calls in ((0, 24, 5), (0, 0.25, 1), (0, 1, 3), (0, 12, 3), (-1, 24, 1), (1, 24, 1)):
        since = half_past + timedelta(days=days)
        place = world.acme.workspace.id, config, since, since + timedelta(hours=hours)
        found = database.read(lambda session, place=place: alert_measures.measure(session, *place))
        assert found == Measured(calls, calls * USD)


def test_what_clients_report_is_measured_apart(world):
    told = {"catalog_nano_usd": None, "cost_nano_usd": 4 * USD}
    write(row(world.acme, source="reported", cost_nano_usd=0, reported=told))
    assert measured(world, "reported_spend") == Measured(1, 4 * USD)
    assert measured(world, "reported_calls") == Measured(1, 1)
    assert measured(world, "spend") == Measured(0, 0)


def test_a_threshold_tells_once_and_says_what_was_measured(world):
    view = add(world, where={"project": "Support", "endpoint": world.acme.endpoint.slug})
    webhooks.create(SYSTEM, world.acme.workspace.id, {"name": "x", "url": "https://hooks.example.com/"})
    noon = datetime.now(UTC).replace(hour=12)
    write(row(world.acme, noon, cost_nano_usd=2 * USD))
    alert_watch.check(view.row.id, noon + timedelta(minutes=1))
    assert noted() == []
    write(row(world.acme, noon, cost_nano_usd=USD))
    for minutes in (2, 3):
        alert_watch.check(view.row.id, noon + timedelta(minutes=minutes))
    (alert,) = noted()
    assert (alert.facts["measured_nano_usd"], alert.facts["bound_nano_usd"]) == (3 * USD, 2 * USD)
    payload = database.read(lambda session: session.scalars(select(Delivery)).one()).payload
    assert (payload["data"]["measured"], payload["data"]["rule"]) == ("$3.00", "Dear day")
    seen = alert_rules.find(SYSTEM, world.acme.workspace.id, view.row.id).row
    assert seen.measured == {"calls": 2, "value": 3 * USD, "passed": True}
    assert seen.fired_at is not None


def test_its_mail_says_it_in_words(world):
    view = add(world, where={"plan": "pro"})
    write(row(world.acme, cost_nano_usd=3 * USD, plan="pro"))
    alert_watch.check(view.row.id)
    facts = alert_mails.shown(noted()[0].facts)
    context = {"kind": "rule", "facts": facts, "workspace": "Acme", "at": datetime.now(UTC), "url": "x"}
    subject, plain, _ = alert_mails.render("alert", {**context, "alerts_url": "y"})
    assert subject == "Acme: Dear day: spend is $3.00 in a day, more than $2.00"
    assert "Counted: plan “pro”. It is of 1 call. You are told again tomorrow" in plain


def test_it_tells_only_in_the_ways_that_are_chosen(world):
    webhooks.create(SYSTEM, world.acme.workspace.id, {"name": "x", "url": "https://hooks.example.com/"})
    view = add(world, by=[])
    write(row(world.acme, cost_nano_usd=3 * USD))
    alert_watch.check(view.row.id)
    (alert,) = noted()
    alert_mails.deliver(alert.id)
    assert (noted()[0].state, noted()[0].problem) == ("kept", "rule")
    assert database.read(lambda session: session.scalar(select(func.count()).select_from(Delivery))) == 0


def test_an_anomaly_is_found_by_the_week_before_and_told_once(world):
    now = datetime.now(UTC)
    window = last_window(now)
    add(world, name="Other rule", bound="900")
    view = alert_rules.create(
        SYSTEM, world.acme.workspace.id, {"name": "Odd", "metric": "calls", "kind": "anomaly"}
    )
    usual = [row(world.acme, window - STEP * ago) for ago in range(1, 8) for _ in range(5 + ago % 2)]
    write(*usual, *[row(world.acme, window + timedelta(seconds=n)) for n in range(20)])
    for seconds in (0, 1):
        alert_watch.check(view.row.id, now + timedelta(seconds=seconds))
    (alert,) = noted()
    assert (alert.facts["measured"], alert.facts["windows"], alert.facts["usual"]) == (20, 7, 6)
    count = select(func.count()).select_from(AlertSample)
    assert database.read(lambda session: session.scalar(count)) == 8
    alert_watch.check(view.row.id, now + STEP)
    assert len(noted()) == 1
    seen = alert_rules.find(SYSTEM, world.acme.workspace.id, view.row.id).row
    assert seen.checked_at == window + 2 * STEP


def test_a_rule_on_what_is_gone_says_so_and_tells_nothing(world):
    where = {"project": "Support", "key": world.acme.key.name}
    view = add(world, metric="calls", direction="under", bound=5, window="5m", where=where)
    assert view.gone == ()
    keys.revoke(SYSTEM, world.acme.workspace.id, world.acme.key.id)
    alert_watch.check_all()
    seen = alert_rules.find(SYSTEM, world.acme.workspace.id, view.row.id)
    assert (seen.gone, seen.row.measured) == (("key",), {"gone": ["key"]})
    assert (seen.where["key"], noted()) == (world.acme.key.name, [])
    alert_rules.update(SYSTEM, world.acme.workspace.id, view.row.id, {"active": False})


def test_what_a_rule_counts_must_be_there(world):
    for where in ({"project": "Nowhere"}, {"project": world.other.project.id}, {"key": "nobody"}):
        with pytest.raises(InvalidInput, match="There is no"):
            add(world, where=where)


def test_changing_what_is_measured_starts_over(world):
    view = add(world)
    write(row(world.acme, cost_nano_usd=3 * USD))
    alert_watch.check(view.row.id)
    workspace = world.acme.workspace.id
    renamed = alert_rules.update(SYSTEM, workspace, view.row.id, {"name": "Dear"}).row
    assert renamed.measured is not None
    assert alert_rules.update(SYSTEM, workspace, view.row.id, {"bound": "5"}).row.measured is None


def test_an_erased_end_user_is_named_no_more(world):
    webhooks.create(SYSTEM, world.acme.workspace.id, {"name": "x", "url": "https://hooks.example.com/"})
    bob, ann = (add(world, name=f"Rule {number}") for number in (1, 2))
    for view, name in ((bob, "bob"), (ann, "ann-from-berlin")):
        alert_rules.update(SYSTEM, world.acme.workspace.id, view.row.id, {"where": {"end_user": name}})
        write(row(world.acme, cost_nano_usd=3 * USD, end_user=name))
        alert_watch.check(view.row.id)
    erasures.erase(SYSTEM, world.acme.workspace.id, "ann-from-berlin")
    assert [view.row.name for view in alert_rules.list_all(SYSTEM, world.acme.workspace.id)] == ["Rule 1"]
    assert sorted(alert.facts["where"]["end_user"] for alert in noted()) == ["(erased)", "bob"]
    left = database.read(
        lambda s: [*s.scalars(select(Delivery.payload)), *s.scalars(select(AuditEvent.changes))]
    )
    assert "ann-from-berlin" not in str(left)


def test_strangers_find_no_rule_and_viewers_change_none(world):
    view = add(world)
    stranger, viewer = (Actor("person", one.id, one.email) for one in (world.stranger, world.viewer))
    with pytest.raises(NotFound):
        alert_rules.find(stranger, world.acme.workspace.id, view.row.id)
    with pytest.raises(NotFound):
        alert_rules.find(stranger, world.other.workspace.id, view.row.id)
    with pytest.raises(NotAllowed):
        alert_rules.remove(viewer, world.acme.workspace.id, view.row.id)
    assert alert_rules.list_all(viewer, world.acme.workspace.id)[0].row.id == view.row.id
