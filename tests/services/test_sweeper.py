"""Many holds whose worker died: none of them stands in the way of the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.models import Reservation
from app.services import holds, sweeper
from tests.money import USD, account_of, make_prepaid, rows
from tests.providers_world import add_endpoint, add_provider, set_price
from tests.upstream import Upstream
from tests.world import World

LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def dead(
    client: FlaskClient, world: World, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Reservation]]:
    """Six holds without a call, of which three are looked at together."""
    add_provider(world.acme, upstream, "up")
    set_price(world.acme, "up/m", input_usd_per_million="1", output_usd_per_million="2")
    make_prepaid(world.acme, USD)
    path = add_endpoint(world.acme, "paid", "up/m", max_output_tokens=10)
    monkeypatch.setattr(sweeper, "MOST_SWEPT", 3)
    with monkeypatch.context() as patch:
        patch.setattr(holds, "settle", lambda record: None)
        for _ in range(6):
            assert client.post(path, json={"message": "Hi"}, headers=world.acme.headers).status_code == 200
    yield rows(Reservation)


def test_holds_that_cannot_be_ended_do_not_keep_the_others(
    dead: list[Reservation], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = {row.id for row in dead[:3]}
    real = sweeper.settlements.end

    def end(session: Any, ending: Any) -> Any:
        if ending.request_id in stuck:
            raise ValueError("never")
        return real(session, ending)

    monkeypatch.setattr(sweeper.settlements, "end", end)
    for _ in range(200):  # by chance; that all looks meet only the stuck ones has no chance
        sweeper.sweep(LATER)
        if sum(row.state == "held" for row in rows(Reservation)) == 3:
            break
    assert {row.id for row in rows(Reservation) if row.state == "held"} == stuck


def test_one_round_ends_all_of_them(
    dead: list[Reservation], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sweeper.sweep_one
    taken: list[str] = []

    def lost(row: Reservation) -> bool:
        """Lose the first of each look to another process."""
        if len(taken) % 3 == 0:
            real(row)
        taken.append(row.id)
        return real(row)

    monkeypatch.setattr(sweeper, "sweep_one", lost)
    waits = iter([None])
    monkeypatch.setattr(sweeper, "sweep", lambda sweep=sweeper.sweep: sweep(LATER))
    monkeypatch.setattr(sweeper.gevent, "sleep", lambda seconds: next(waits) if seconds else None)
    with pytest.raises(StopIteration):
        sweeper.run()
    assert account_of(world.acme).reserved_nano_usd == 0
    assert {row.outcome for row in rows(Reservation)} == {"crashed"}
