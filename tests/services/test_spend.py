"""Spend by day: sums, alert thresholds, and the stop threshold that pauses a provider (M10, O31)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.database import database
from app.models import Account, Alert, AuditEvent, Provider
from app.services import spend
from app.services.spend import Spent

USD = 1_000_000_000


def spent(world, scope_type: str, scope_id: str, usd: float) -> Spent:
    day = datetime.now(UTC).date()
    return Spent(world.acme.workspace.id, day, scope_type, scope_id, int(usd * USD))


def at_provider(world, usd: float) -> None:
    row = spent(world, "provider", world.acme.provider.id, usd)
    database.transaction(lambda session: spend.add_for_provider(session, row))


def set_thresholds(world, **columns) -> None:
    def work(session) -> None:
        row = session.get_one(Provider, world.acme.provider.id)
        for name, value in columns.items():
            setattr(row, name, value)

    database.transaction(work)


def the_provider(world) -> Provider:
    return database.read(lambda session: session.get_one(Provider, world.acme.provider.id))


def noted() -> list[Alert]:
    query = select(Alert).order_by(Alert.created_at)
    return database.read(lambda session: list(session.scalars(query)))


def kinds() -> list[str]:
    return [alert.kind for alert in noted()]


def test_spend_under_the_thresholds_says_nothing(world):
    set_thresholds(world, alert_nano_usd_per_day=5 * USD, stop_nano_usd_per_day=10 * USD)
    at_provider(world, 4.9)
    assert noted() == [] and the_provider(world).paused_at is None


def test_the_alert_threshold_is_told_once_with_the_numbers(world):
    set_thresholds(world, alert_nano_usd_per_day=5 * USD, stop_nano_usd_per_day=10 * USD)
    for _ in range(3):
        at_provider(world, 3)
    (alert,) = noted()
    assert (alert.kind, alert.subject) == ("provider_spend", world.acme.provider.id)
    assert alert.facts["spent_nano_usd"] == 6 * USD and alert.facts["threshold_nano_usd"] == 5 * USD


def test_the_stop_threshold_pauses_and_says_who_did_it(world):
    set_thresholds(world, stop_nano_usd_per_day=10 * USD)
    at_provider(world, 11)
    at_provider(world, 1)  # a call that was under way
    assert the_provider(world).paused_at is not None and kinds() == ["provider_paused"]
    events = database.read(lambda s: list(s.scalars(select(AuditEvent).order_by(AuditEvent.id))))
    pauses = [event for event in events if event.action == "provider.pause"]
    assert [(event.actor_kind, event.actor_label) for event in pauses] == [
        ("system", "the daily stop threshold")
    ]


def test_a_rolled_back_spend_neither_pauses_nor_tells(world):
    set_thresholds(world, alert_nano_usd_per_day=USD, stop_nano_usd_per_day=USD)

    def work(session) -> None:
        spend.add_for_provider(session, spent(world, "provider", world.acme.provider.id, 2))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.transaction(work)
    assert noted() == [] and the_provider(world).paused_at is None
    at_provider(world, 2)
    assert kinds() == ["provider_spend", "provider_paused"]


def test_an_accounts_alert_threshold(world):
    def account_id(session) -> str:
        row = session.scalars(select(Account).where(Account.workspace_id == world.acme.workspace.id)).one()
        row.spend_alert_nano_usd_per_day = 2 * USD
        return str(row.id)

    found = database.transaction(account_id)
    for _ in range(4):
        row = spent(world, "account", found, 1)
        database.transaction(lambda session, row=row: spend.add_for_account(session, row))
    assert [(alert.kind, alert.facts["spent_nano_usd"]) for alert in noted()] == [
        ("spend_threshold", 2 * USD)
    ]
    assert database.read(lambda s: spend.today(s, world.acme.workspace.id, "account")) == {found: 4 * USD}
