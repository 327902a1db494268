"""Webhooks: their fields, their signature, and how long they are tried."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.errors import InvalidFields, InvalidInput
from app.domain.webhooks import (
    GIVE_UP_AFTER,
    MOST_TRIES,
    check_secret,
    is_failing,
    mint_secret,
    parse_webhook,
    payload_of,
    rest_after,
    signature,
    wait_after,
    wants,
)

GIVEN = {"name": "Pager", "url": "https://hooks.example.com/x"}


def test_what_is_left_out_is_every_event_and_on():
    made = parse_webhook(GIVEN)
    assert (made.events, made.active) == ((), True)
    assert wants(made.events, "rollout.rolled_back")


def test_events_are_kept_once_in_their_usual_order():
    events = parse_webhook({**GIVEN, "events": ["rollout.started", "alert.created", "alert.created"]}).events
    assert events == ("alert.created", "rollout.started")
    assert not wants(events, "key.rotated")
    assert wants(events, "webhook.test")


@pytest.mark.parametrize(
    ("event", "says"), [("job.completed", "no events job.completed yet"), ("alert.made", "Choose from")]
)
def test_an_event_that_does_not_exist_is_refused_by_name(event, says):
    with pytest.raises(InvalidFields) as refused:
        parse_webhook({**GIVEN, "events": [event]})
    assert says in refused.value.errors["events"]


def test_the_signature_is_over_moment_dot_body_once_for_each_secret():
    body = b'{"id":"x"}'
    expected = [hmac.new(key, b"1700000000." + body, hashlib.sha256).hexdigest() for key in (b"new", b"old")]
    assert signature(["new", "old"], 1700000000, body) == f"t=1700000000,v1={expected[0]},v1={expected[1]}"


def test_the_payload_is_id_type_created_data():
    at = datetime(2026, 5, 1, tzinfo=UTC)
    assert payload_of("e", "key.rotated", at, {"name": "ci"}) == {
        "id": "e",
        "type": "key.rotated",
        "created": int(at.timestamp()),
        "data": {"name": "ci"},
    }


def test_it_is_tried_eight_times_within_a_day_each_wait_longer():
    waits = [wait_after(tries) for tries in range(1, MOST_TRIES)]
    assert MOST_TRIES == 8
    assert waits == sorted(waits)
    assert timedelta(hours=23) < sum(waits, timedelta()) < GIVE_UP_AFTER
    assert wait_after(MOST_TRIES) is None


def test_who_fails_or_is_slow_rests():
    assert rest_after(0.1, taken=True) is None
    assert rest_after(9.0, taken=True) == timedelta(seconds=27)
    assert rest_after(0.1, taken=False) == timedelta(seconds=30)


def test_it_is_failing_when_nothing_arrived_for_a_day():
    now = datetime(2026, 5, 3, tzinfo=UTC)
    assert not is_failing(None, now)
    assert not is_failing(now - timedelta(hours=1), now)
    assert is_failing(now - timedelta(hours=25), now)


def test_secrets_are_long_and_each_a_new_one():
    assert mint_secret().startswith("whsec_")
    assert len({mint_secret() for _ in range(9)}) == 9
    for wrong in ("short", "with a blank in it here", "ü" * 30):
        with pytest.raises(InvalidInput):
            check_secret(wrong)
