"""An Idempotency-Key at the edges: what happens between two of its statements, and when it cannot be kept."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app.models import IdempotencyKey
from app.services import idempotency
from tests.money import rows
from tests.world import World


def call(client: FlaskClient, world: World) -> Any:
    named = {**world.acme.headers, "Idempotency-Key": "once"}
    return client.post(world.acme.url, json={"message": "Hi"}, headers=named)


def test_a_key_that_is_freed_while_it_is_looked_up_is_no_failure(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(client, world).status_code == 200
    real = idempotency.select
    nothing = IdempotencyKey.key == "another"
    monkeypatch.setattr(idempotency, "select", lambda *columns: real(*columns).where(nothing))
    answer = call(client, world)
    assert answer.status_code == 409 and answer.headers["Retry-After"] == "1"


def test_an_answer_that_cannot_be_stored_is_given_all_the_same(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def transaction(self, work: object) -> None:
            raise OperationalError("UPDATE", {}, Exception("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "database", Away())
        assert call(client, world).status_code == 200
    assert [row.answer for row in rows(IdempotencyKey)] == [None]
    assert call(client, world).json["error"].startswith("This request was answered already")
