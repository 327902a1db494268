"""The outbox: one mail per alert whatever breaks in between, none lost, and nothing secret in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.budgets import BudgetFacts
from app.jobs import alerts as jobs
from app.models import Alert, Provider, Workspace
from app.models.columns import utc_now
from app.services import alert_mails, alerts, credentials, mail, providers, spend
from tests.services.test_spend import USD, set_thresholds, spent
from tests.smtp import HANG_UP, MailSink

ADMINS = ["admin@acme.test", "owner@acme.test"]


@pytest.fixture
def sink(app) -> Iterator[MailSink]:
    with MailSink() as server:
        mail.configure(server.url, "Sluice <sluice@acme.test>", "https://sluice.acme.test/s")
        yield server


def note(world, kind: str = "unpriced_model", subject: str = "m", **facts) -> Alert:
    workspace = world.acme.workspace.id
    database.transaction(lambda s: alerts.note(s, workspace, kind, subject, {"model": subject, **facts}))
    return the_alert(kind)


def the_alert(kind: str = "unpriced_model") -> Alert:
    return database.read(lambda session: session.scalars(select(Alert).where(Alert.kind == kind)).one())


def change(alert: Alert, **columns) -> None:
    statement = update(Alert).where(Alert.id == alert.id).values(**columns)
    database.transaction(lambda session: session.execute(statement))


def pass_time(alert: Alert) -> None:
    change(alert, next_try_at=utc_now() - timedelta(seconds=1))


def set_workspace(world, **columns) -> None:
    statement = update(Workspace).where(Workspace.id == world.acme.workspace.id).values(**columns)
    database.transaction(lambda session: session.execute(statement))


def test_admins_get_one_mail_in_plain_and_html(world, sink):
    alert = note(world, subject="openai/gpt-x")
    jobs.send(alert.id)
    jobs.send(alert.id)
    jobs.redrive()
    (message,) = sink.mails
    assert sink.recipients == [ADMINS] and message["Message-ID"] == f"<{alert.id}@sluice.acme.test>"
    assert message["Subject"] == "Acme: The price of openai/gpt-x is not known"
    plain, html = (part.get_content() for part in message.iter_parts())
    for text in (plain, html):
        assert "Set its price under Models" in text and "https://sluice.acme.test/s/w/acme/models" in text
    assert "<p>" in html and "<p>" not in plain
    row = the_alert()
    assert (row.state, row.sent_to, row.tries) == ("sent", ADMINS, 1) and row.sent_at is not None


def test_a_lost_doorbell_is_found_by_the_schedule(world, sink):
    note(world)
    jobs.redrive()
    assert len(sink.mails) == 1


def test_the_second_of_a_day_is_no_alert(world, sink):
    for _ in range(3):
        note(world)
        jobs.redrive()
    assert len(sink.mails) == 1


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("GREET", HANG_UP),
        ("GREET", "421 busy"),
        ("MAIL", "451 later"),
        ("RCPT", "451 greylisted"),
        ("END", "452 full"),
    ],
)
def test_a_mail_that_is_put_off_comes_later_and_keeps_its_day(world, sink, step, answer):
    sink.script(step, *[answer] * (2 if step == "RCPT" else 1))
    alert = note(world)
    jobs.send(alert.id)
    row = the_alert()
    assert row.state == "pending" and row.next_try_at > utc_now() and row.problem
    before = len(sink.mails)
    jobs.redrive()  # too early
    assert len(sink.mails) == before
    note(world)  # the same cause again: still one alert
    pass_time(alert)
    jobs.redrive()
    assert the_alert().state == "sent" and set(sink.ids) == {f"<{alert.id}@sluice.acme.test>"}
    assert len(sink.mails) == before + 1


def test_waits_grow_and_end_after_a_day(world, app):
    mail.configure("smtp://127.0.0.1:1", "sluice@acme.test", "http://127.0.0.1:8000")
    alert, waits = note(world), []
    for _ in range(6):
        jobs.send(alert.id)
        waits.append(round((the_alert().next_try_at - utc_now()).total_seconds() / 60))
        pass_time(alert)
    assert waits == [1, 2, 5, 15, 60, 60]
    change(alert, created_at=utc_now() - timedelta(hours=23, minutes=30))
    jobs.send(alert.id)
    row = the_alert()
    assert (row.state, row.next_try_at) == ("failed", None) and "cannot be reached" in row.problem


def test_a_refusal_for_good_is_shown_at_once(world, sink):
    sink.script("RCPT", "550 no such user", "550 no such user")
    jobs.send(note(world).id)
    row = the_alert()
    assert (row.state, row.problem, sink.mails) == ("failed", "550 no such user", [])


def test_who_was_put_off_gets_it_later_alone(world, sink):
    sink.script("RCPT", "451 greylisted")
    alert = note(world)
    jobs.send(alert.id)
    assert the_alert().state == "pending" and the_alert().sent_to == ADMINS[1:]
    pass_time(alert)
    jobs.send(alert.id)
    assert sink.recipients == [ADMINS, ADMINS[:1]]
    assert the_alert().state == "sent" and sorted(the_alert().sent_to) == ADMINS


def test_one_refused_address_does_not_keep_it_from_the_others(world, sink):
    sink.script("RCPT", "550 gone")
    jobs.send(note(world).id)
    row = the_alert()
    assert (row.state, row.sent_to, row.problem) == ("sent", ADMINS[1:], "admin@acme.test: 550 gone")


class Killed(BaseException):
    """The worker dies here."""


@pytest.mark.parametrize(("point", "mails"), [("send", 1), ("hand_in", 1), ("mark", 2)])
def test_a_worker_that_dies_leaves_it_to_the_next(world, sink, monkeypatch, point, mails):
    def die(*_: object, **__: object) -> None:
        raise Killed

    alert = note(world)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(alert_mails if point == "mark" else mail, point, die)
        jobs.send(alert.id)
    assert the_alert().state == "sending"
    jobs.redrive()  # its lease still runs
    assert len(sink.mails) == mails - 1
    pass_time(alert)
    jobs.redrive()
    assert the_alert().state == "sent"
    assert sink.ids == [f"<{alert.id}@sluice.acme.test>"] * mails


def test_a_server_that_dies_after_the_last_dot_gets_the_same_id_again(world, sink):
    sink.script("END", HANG_UP)
    alert = note(world)
    jobs.send(alert.id)
    pass_time(alert)
    jobs.redrive()
    assert sink.ids == [f"<{alert.id}@sluice.acme.test>"] * 2 and the_alert().state == "sent"


def test_eight_at_once_make_one_mail(world, sink):
    set_thresholds(world, alert_nano_usd_per_day=4 * USD)

    def call() -> None:
        row = spent(world, "provider", world.acme.provider.id, 1)
        database.transaction(lambda session: spend.add_for_provider(session, row))
        jobs.redrive()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    jobs.redrive()
    assert len(sink.mails) == 1 and the_alert("provider_spend").state == "sent"
    provider = database.read(lambda session: session.get_one(Provider, world.acme.provider.id))
    assert provider.name in sink.mails[0]["Subject"]


def test_without_a_mail_server_it_is_kept(world, app):
    jobs.send(note(world).id)
    row = the_alert()
    assert (row.state, row.problem, row.next_try_at) == ("kept", "no_server", None)


def test_muted_kinds_and_named_recipients(world, sink):
    set_workspace(world, alert_emails=["ops@acme.test"], muted_alerts=["unpriced_model"])
    jobs.send(note(world).id)
    assert (the_alert().state, the_alert().problem) == ("kept", "muted")
    jobs.send(note(world, "low_balance", name="Acme", balance_nano_usd=USD, low_nano_usd=5 * USD).id)
    assert sink.recipients == [["ops@acme.test"]] and "down to $1.00" in sink.mails[0]["Subject"]


def test_no_secret_is_in_a_mail(world, sink):
    secret = "sk-a-secret-of-the-vendor-9876"
    fields = {
        "slug": "up",
        "name": "Up <b>& co",
        "dialect": "openai",
        "base_url": "https://api.example.com/v1",
    }
    provider = credentials.create_with_provider(SYSTEM, world.acme.workspace.id, fields, secret)
    key = credentials.list_all(SYSTEM, world.acme.workspace.id, provider.id)[0]
    for _ in range(2):
        credentials.retire(world.acme.workspace.id, key.id, 401)
    jobs.redrive()
    (message,) = sink.mails
    assert secret not in message.as_string() and secret[-4:] not in message.as_string()
    assert message["Subject"] == "Acme: Up <b>& co refused the key “main”"
    html = message.get_body(("html",)).get_content()
    assert "Up &lt;b&gt;&amp; co" in html and "no other active key" in html
    row = credentials.find(SYSTEM, world.acme.workspace.id, key.id)
    assert row.active is False and row.refused_at is not None
    assert providers.view(SYSTEM, world.acme.workspace.id, provider.id).state == "needs_key"
    again = credentials.set_active(SYSTEM, world.acme.workspace.id, key.id, True)
    assert again.active and again.refused_at is None


@pytest.mark.parametrize("unit", ["usd", "tokens"])
def test_a_budget_tells_at_80_and_at_100_percent(world, sink, unit):
    budget = BudgetFacts("b", "key", "k", "the key “laptop”", "month", None, None, hard=True)

    def spend_to(before: int, after: int) -> None:
        first = utc_now().date().replace(day=1)
        arguments = world.acme.workspace.id, budget, first, unit, before * USD, after * USD, 10 * USD
        database.transaction(lambda session: alerts.check_budget(session, *arguments))

    for before, after in ((0, 7), (7, 8), (8, 9), (9, 10), (10, 10)):
        spend_to(before, after)
    jobs.redrive()
    subjects = [message["Subject"] for message in sink.mails]
    what = "of the monthly budget of the key “laptop” is used"
    assert subjects == [f"Acme: 80 % {what}", f"Acme: All {what}"]
    text = sink.mails[1].get_body(("plain",)).get_content()
    assert ("$10.00 of $10.00" if unit == "usd" else "10,000,000,000 tokens of") in text
