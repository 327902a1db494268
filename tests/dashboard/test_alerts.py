"""The Alerts page and who gets the mails."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.alerts import KINDS
from app.jobs import alerts as jobs
from app.models import User
from app.services import alert_settings, alerts, mail
from tests.smtp import MailSink
from tests.world import World

SignIn = Callable[[User], FlaskClient]
FACTS = {
    "name": "OpenAI",
    "label": "the key “laptop”",
    "period": "day",
    "starts_on": "2026-11-21",
    "model": "openai/gpt-x",
    "credential": "main",
    "status": 401,
    "left": 1,
    "hard": True,
    "thing": "a balance",
    "title": "it is the sum of its ledger",
    "expected": "$5.00",
    "found": "$4.00",
    "rule": "Dear day",
    "metric": "spend",
    "unit": "usd",
    "test": "threshold",
    "window": "day",
    "direction": "over",
    "where": {"plan": "pro"},
    "calls": 3,
    **{f"{name}_nano_usd": 5_000_000_000 for name in ("bound", "measured")},
    **{f"{name}_nano_usd": 5_000_000_000 for name in ("spent", "cap", "stop", "threshold", "balance", "low")},
    "missing_nano_usd": 1_000_000,
}


WITHOUT_AMOUNT = (
    "credential_refused", "provider_down", "records_lost", "rollout_advanced",
    "rollout_promoted", "shortfall", "unpriced_model",
)  # fmt: skip


@pytest.fixture
def sink(app: Flask) -> Iterator[MailSink]:
    with MailSink() as server:
        mail.configure(server.url, "Sluice <sluice@acme.test>", "https://sluice.acme.test")
        yield server


def note(world: World, kind: str) -> None:
    facts = {**FACTS, "provider_id": world.acme.provider.id}
    database.transaction(lambda s: alerts.note(s, world.acme.workspace.id, kind, "x", facts))


def settings_of(world: World) -> dict[str, list[str]]:
    return alert_settings.find(SYSTEM, world.acme.workspace.id)


def test_it_is_calm_at_first(world: World, sign_in: SignIn) -> None:
    page = sign_in(world.viewer).get("/w/acme/alerts").text
    assert "All is calm" in page and "Who gets the mails" not in page


def test_a_sent_mail_says_when_and_to_whom(world: World, sign_in: SignIn, sink: MailSink) -> None:
    note(world, "provider_paused")
    jobs.redrive()
    page = sign_in(world.viewer).get("/w/acme/alerts").text
    assert "OpenAI is paused: its daily limit of $5.00 is reached" in page
    assert ">Mailed<" in page and "to admin@acme.test, owner@acme.test" in page
    assert f'href="/w/acme/providers/{world.acme.provider.id}"' in page


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_words_and_leads_to_a_page(
    world: World, sign_in: SignIn, sink: MailSink, kind: str
) -> None:
    note(world, kind)
    jobs.redrive()
    owner = sign_in(world.owner)
    page = owner.get(f"/w/acme/alerts?kind={kind}").text
    assert "Something needs your attention" not in page and "Undefined" not in page
    (message,) = sink.mails
    texts = [part.get_content() for part in message.iter_parts()]
    link = next(line for line in texts[0].splitlines() if line.startswith("Look at it:")).split()[-1]
    assert owner.get(link.removeprefix("https://sluice.acme.test")).status_code == 200
    assert all("$5.00" in text or kind in WITHOUT_AMOUNT for text in texts)


def test_one_kind_alone_can_be_shown(world: World, sign_in: SignIn) -> None:
    note(world, "low_balance")
    note(world, "unpriced_model")
    page = sign_in(world.viewer).get("/w/acme/alerts?kind=low_balance").text
    assert "down to $5.00" in page and "is not known" not in page
    assert "Nothing of this kind" in sign_in(world.viewer).get("/w/acme/alerts?kind=budget_80").text


def test_what_was_kept_is_mailed_when_asked_for(world: World, sign_in: SignIn) -> None:
    note(world, "low_balance")
    jobs.redrive()
    admin = sign_in(world.admin)
    page = admin.get("/w/acme/alerts").text
    assert "no mail server is set up" in page and "Mail it now" not in page
    with MailSink() as sink:
        mail.configure(sink.url, "sluice@acme.test", "https://sluice.acme.test")
        assert "Mail it now" in admin.get("/w/acme/alerts").text
        assert "Mail it now" not in sign_in(world.viewer).get("/w/acme/alerts").text
        alert = alerts.list_page(SYSTEM, world.acme.workspace.id)[0]
        admin.post(f"/w/acme/alerts/{alert.id}/retry")
        jobs.redrive()
        assert len(sink.mails) == 1


def test_a_failure_is_shown_with_the_servers_words(world: World, sign_in: SignIn, sink: MailSink) -> None:
    sink.script("MAIL", "550 <b>not you</b>")
    note(world, "low_balance")
    jobs.redrive()
    page = sign_in(world.viewer).get("/w/acme/alerts").text
    assert "The mail server said: 550 &lt;b&gt;not you&lt;/b&gt;" in page


def test_recipients_and_kinds_are_set(world: World, sign_in: SignIn) -> None:
    admin = sign_in(world.admin)
    assert "Who gets alert mails" in admin.get("/w/acme/settings").text
    form = {"emails": "Ops@acme.test\r\n\r\nboss@acme.test", "mailed": [k for k in KINDS if k != "budget_80"]}
    assert admin.post("/w/acme/settings/alerts", data=form).status_code == 303
    assert settings_of(world) == {"emails": ["ops@acme.test", "boss@acme.test"], "muted": ["budget_80"]}
    assert "changed who gets alert mails" in admin.get("/w/acme/activity").text


def test_a_wrong_address_comes_back_as_typed(world: World, sign_in: SignIn) -> None:
    form = {"emails": "nobody", "mailed": []}
    answer = sign_in(world.admin).post("/w/acme/settings/alerts", data=form)
    assert answer.status_code == 422 and ">\nnobody</textarea>" in answer.text
    assert "Write one mail address on each line" in answer.text and 'value="Acme"' in answer.text
    assert settings_of(world) == {"emails": [], "muted": []}
    assert sign_in(world.teammate).post("/w/acme/settings/alerts", data=form).status_code == 403


def test_a_test_mail_tells_what_the_server_answers(world: World, sign_in: SignIn, sink: MailSink) -> None:
    admin = sign_in(world.admin)
    page = admin.post("/w/acme/settings/alerts/test", follow_redirects=True).text
    assert "It said: 250 2.0.0 queued" in page and sink.recipients == [["admin@acme.test"]]
    sink.script("RCPT", "554 no thanks")
    page = admin.post("/w/acme/settings/alerts/test", follow_redirects=True).text
    assert "No mail was sent. 554 no thanks" in page
    mail.configure("", "sluice@acme.test", "https://sluice.acme.test")
    page = admin.post("/w/acme/settings/alerts/test", follow_redirects=True).text
    assert "No mail was sent. No mail server is set" in page and "SLUICE_SMTP_URL" in page
