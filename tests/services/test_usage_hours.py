"""Usage by hour: it is the sum of the records, whoever writes them and in whatever order."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.database import database
from app.models import DailySpend, RecordRow, ReportedHour, UsageHour
from app.services import usage_hours
from app.services.cache import Cache
from app.services.records import Writer
from app.services.usage_hours import DIMENSIONS, SUMS
from tests.money import make_prepaid, rows
from tests.providers_world import records
from tests.usage_world import hours, row, write
from tests.world import Tenant, World

NOW = datetime.now(UTC)
THIS_HOUR = NOW.replace(minute=0, second=0, microsecond=0)
Counted = dict[tuple[Any, ...], tuple[int, ...]]


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_hours, "known_names", Cache(100))


def any_rows(chance: random.Random, tenant: Tenant, count: int) -> list[dict[str, Any]]:
    """Calls of all kinds, in a few hours."""
    answered = {"model_answered": "demo-fast", "provider": "demo"}
    nobody: dict[str, Any] = {"model_answered": None, "provider": None, "cost_nano_usd": 0, "input_tokens": 0}
    return [
        row(
            tenant,
            NOW - timedelta(minutes=chance.randrange(300)),
            outcome=chance.choice(("succeeded", "client_left", "refused", "failed", "cut", "aborted")),
            end_user=chance.choice((None, "ann", "bob", "b\u00fc")),
            key_id=chance.choice((tenant.key.id, None)),
            endpoint_id=chance.choice((tenant.endpoint.id, None)),
            output_tokens=chance.randrange(10**6),
            error_code=chance.choice((None, "guardrail_blocked", "policy_blocked", "upstream_error")),
            savings_nano_usd=chance.choice((None, 0, -3, 10**12)),
            source=chance.choice(("api", "dashboard", "shadow", "reported")),
            policy_key=chance.choice((None, "support")),
            plan=chance.choice((None, "pro")),
            region=chance.choice((None, "eu")),
            **chance.choice((answered, {**answered, "cost_nano_usd": None}, nobody)),
        )
        for _ in range(count)
    ]


def counted() -> Counted:
    """What stands in the table, by its dimensions."""
    return {
        tuple(getattr(hour, name) for name in DIMENSIONS): tuple(getattr(hour, name) for name in SUMS)
        for hour in hours()
    }


def expected() -> Counted:
    """The same, added up from the records one by one."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for record in records():
        asked, answered = record.model_requested, record.model_answered
        key = (
            record.workspace_id,
            record.created_at.replace(minute=0, second=0, microsecond=0),
            *(value or "" for value in (record.account_id, record.project_id, record.key_id)),
            *(value or "" for value in (record.endpoint_id, record.provider)),
            f"{record.provider}/{answered}" if answered else asked,
            record.end_user or "",
            record.source,
            *(value or "" for value in (record.policy_key, record.plan, record.region)),
        )
        if record.source in ("reported", "shadow"):
            continue
        sums = found.setdefault(key, [0] * len(SUMS))
        failed, unpriced = record.outcome in ("failed", "cut", "aborted"), record.cost_nano_usd is None
        blocked = record.error_code in ("guardrail_blocked", "policy_blocked")
        tokens = (record.input_tokens, record.output_tokens)
        amounts = (record.cost_nano_usd or 0, record.savings_nano_usd or 0)
        more = (1, failed, blocked, unpriced, *tokens, *amounts)
        sums[:] = [a + int(b) for a, b in zip(sums, more, strict=True)]
    return {key: tuple(sums) for key, sums in found.items()}


def test_it_is_the_sum_of_the_records_with_writers_side_by_side(world: World) -> None:
    chance = random.Random(4711)
    tenants = (world.acme, world.other)
    batches = [any_rows(chance, chance.choice(tenants), chance.randrange(1, 40)) for _ in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda batch: write(*batch), batches))
    assert len(records()) == sum(map(len, batches))
    assert counted() == expected()
    before = counted()
    usage_hours.rebuild({hour.starts_at for hour in hours()})
    assert counted() == before


def test_a_call_through_the_door_is_counted_with_its_end_user(client: FlaskClient, world: World) -> None:
    url = f"/api/{world.acme.project.id}/chat/completions"
    body = {"endpoint": "hello", "messages": [{"role": "user", "content": "Hi"}], "user": "ann"}
    client.post(url, json=body, headers=world.acme.headers)
    (hour,), (record,) = hours(), records()
    assert (hour.end_user, hour.model, hour.calls) == ("ann", "demo/demo-fast", 1)
    assert (hour.input_tokens, hour.cost_nano_usd) == (record.input_tokens, record.cost_nano_usd)


def test_a_batch_that_is_refused_counts_nothing_of_it(world: World) -> None:
    rows = [row(world.acme) for _ in range(4)]
    rows[2]["outcome"] = None
    writer = Writer()
    writer._waiting.extend([*rows, rows[0]])
    writer.flush()
    assert len(records()) == 3 and counted() == expected()


def test_a_writer_and_a_repair_side_by_side_lose_nothing(world: World) -> None:
    write(row(world.acme, NOW))
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, row(world.acme, NOW), row(world.other, NOW)) for _ in range(10)]
        repairs = [pool.submit(usage_hours.rebuild, [NOW]) for _ in range(4)]
        assert [each.result() for each in (*writing, *repairs)] == [None] * 14
    assert len(records()) == 21 and counted() == expected()


def test_too_many_names_are_counted_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_hours, "MOST", {"model": 2, "end_user": 3})
    an_hour_ago = NOW - timedelta(hours=1)
    for number in range(6):
        write(row(world.acme, NOW, end_user=f"user {number}"))
    write(row(world.acme, NOW, end_user="user 1"), row(world.acme, an_hour_ago, end_user="user 9"))
    write(*(row(world.other, NOW, model_answered=None, model_requested=f"m{n}") for n in range(4)))
    users = [(hour.end_user, hour.calls) for hour in hours() if hour.end_user]
    assert users[0] == ("user 9", 1)  # another hour has room of its own
    assert sorted(users[1:]) == [("(other)", 3), ("user 0", 1), ("user 1", 2), ("user 2", 1)]
    models = [(hour.model, hour.calls) for hour in hours() if not hour.end_user]
    assert sorted(models) == [("(other)", 2), ("m0", 1), ("m1", 1)]


def test_what_was_recorded_before_is_counted_once_and_on_from_where_it_broke_off(world: World) -> None:
    for ago in (0, 3, 50, 50, 200):
        write(row(world.acme, NOW - timedelta(hours=ago)))
    write(row(world.acme, NOW - timedelta(days=401)))
    recent = THIS_HOUR - timedelta(days=400)
    whole = {key: sums for key, sums in counted().items() if key[1] > recent}
    database.transaction(lambda s: s.execute(delete(UsageHour)) and None)
    write(row(world.acme, NOW))
    assert usage_hours.fill(most_hours=2) == 2
    assert usage_hours.fill() > 0 and usage_hours.fill() == 0
    first = next(key for key in whole if key[1] == THIS_HOUR)
    assert counted() == {**whole, first: tuple(2 * number for number in whole[first])}


def test_hours_are_forgotten_after_400_days(world: World) -> None:
    calls = row(world.acme, NOW - timedelta(days=399)), row(world.acme, NOW - timedelta(days=402))
    write(*calls)
    database.transaction(lambda session: usage_hours.add(session, calls, ReportedHour))
    usage_hours.purge()
    assert len(rows(ReportedHour)) == 1
    assert [hour.starts_at.date() for hour in hours()] == [(NOW - timedelta(days=399)).date()]


def test_spend_without_a_hold_is_added_to_the_day_of_account_and_provider(world: World) -> None:
    acme = world.acme
    nothing = {"cost_nano_usd": 0, "input_tokens": 0, "output_tokens": 0, "provider_id": None}
    write(
        row(acme, NOW),
        row(acme, NOW, cost_nano_usd=None, provider_nano_usd=0),
        row(acme, NOW, held_nano_usd=100),
        row(acme, NOW, outcome="refused", **nothing),
        row(acme, NOW - timedelta(days=1)),
    )
    days = database.read(lambda session: list(session.scalars(select(DailySpend))))
    sums = {(d.scope_type, d.scope_id, d.day): (d.spent_nano_usd, d.calls, d.tokens) for d in days}
    account, provider = ("account", acme.key.account_id), ("provider", acme.provider.id)
    today, yesterday = NOW.date(), NOW.date() - timedelta(days=1)
    assert sums == {
        (*account, today): (7, 2, 30),
        (*account, yesterday): (7, 1, 15),
        (*provider, today): (6, 2, 30),
        (*provider, yesterday): (6, 1, 15),
    }


def test_a_call_with_a_hold_is_added_to_its_day_once(client: FlaskClient, world: World) -> None:
    make_prepaid(world.acme, 10**9)
    client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
    (record,), (hour,) = records(), hours()
    assert record.held_nano_usd and record.cost_nano_usd
    assert hour.cost_nano_usd == record.cost_nano_usd
    spends = {day.scope_type: day.spent_nano_usd for day in rows(DailySpend)}
    assert spends["account"] == record.cost_nano_usd


def test_a_record_that_is_corrected_is_counted_as_it_then_says(world: World) -> None:
    write(row(world.acme, cost_nano_usd=None, end_user="ann"), row(world.acme, end_user="ann"))

    def correct(session: Session) -> None:
        record = session.scalars(select(RecordRow).where(RecordRow.cost_nano_usd.is_(None))).one()
        usage_hours.correct(session, record, 500)
        record.cost_nano_usd = 500

    database.transaction(correct)
    assert counted() == expected()


def test_what_clients_report_is_counted_in_a_table_of_its_own(world: World) -> None:
    told = [row(world.acme, source="reported", cost_nano_usd=1_000_000, end_user="ann") for _ in range(2)]
    write(row(world.acme), *told, row(world.acme, source="shadow", cost_nano_usd=0))
    metered = counted()
    database.transaction(lambda session: usage_hours.add(session, told, ReportedHour))
    (reported,) = rows(ReportedHour)
    assert (reported.source, reported.calls, reported.cost_nano_usd) == ("reported", 2, 2_000_000)
    usage_hours.rebuild([NOW])
    assert counted() == metered == expected()
    assert [hour.calls for hour in hours()] == [1] and rows(ReportedHour)[0].calls == 2
