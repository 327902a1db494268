"""A worker dies at any moment: the table says what is charged, once; nothing stays held (H7, H8, M2)."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.models import Reservation
from app.services import sweeper
from tests.crashing import POINTS, VARIABLE
from tests.crowd import Crowd
from tests.databases import Databases
from tests.money import USD, account_of, mistakes, rows, set_budget
from tests.stage import Shop, Stage, setting
from tests.upstream import wait_for
from tests.upstream_replies import openai_stream

FULL = 2_000_000  # nano-dollars: 1,000 tokens in, 500 out
NO_HOLD = {"before admission", "after admission", "with the hold not committed"}
NOT_ASKED = NO_HOLD | {"with the hold committed"}
IN_STEPS = {"with the hold not committed", "with the settlement not committed"}  # others take one statement
SETTLED = {"with the settlement committed", "before the record", "after the record"}


@pytest.fixture(scope="module")
def crash_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that names the point."""
    return tmp_path_factory.mktemp("points") / "point"


@pytest.fixture(scope="module")
def stage(
    databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory, crash_at: Path
) -> Iterator[Stage]:
    """A server whose workers are there at once again: they are forked from what is loaded already."""
    options = {"options": ("--preload", "tests.crashing_app:app"), "variables": {VARIABLE: str(crash_at)}}
    with setting(databases, tmp_path_factory.mktemp("crashes"), redis_url, **options) as stage:
        yield stage


def sweep() -> int:
    """Sweep as if every hold had expired."""
    return sweeper.sweep(datetime.now(UTC) + timedelta(minutes=12))


def test_a_crash_at_every_point_charges_what_the_table_says(stage: Stage, crash_at: Path) -> None:
    shop = stage.shop("Crash", USD, max_output_tokens=1_000)
    set_budget(shop.tenant, "project", shop.tenant.project.id, "day", usd=100 * USD)
    stage.upstream.script("m", openai_stream("Hello", usage=usage(1_000, 500)))
    charged, asked = {}, {}
    for point in POINTS:
        before, requests = account_of(shop.tenant).balance_nano_usd, len(stage.upstream.requests)
        crash_at.write_text(point)
        call_and_die(shop, {"Idempotency-Key": "steps"} if point in IN_STEPS else {})
        assert not crash_at.exists(), point
        assert sweep() == (point not in NO_HOLD | SETTLED), point
        account = account_of(shop.tenant)
        assert account.reserved_nano_usd == 0 and sweep() == 0
        charged[point] = before - account.balance_nano_usd
        asked[point] = len(stage.upstream.requests) - requests
    held = rows(Reservation)
    (input_alone,) = {row.input_nano_usd for row in held}
    assert 900_000 < input_alone < 1_200_000
    assert charged == {point: due(point, input_alone) for point in POINTS}
    assert asked == {point: int(point not in NOT_ASKED) for point in POINTS}
    assert len(held) == len(POINTS) - len(NO_HOLD)
    assert {row.outcome for row in held} == {"crashed", "succeeded"}
    assert mistakes() == []


def due(point: str, input_nano_usd: int) -> int:
    """Return what a call costs whose worker died at this point (reliability 1.4)."""
    if point in NO_HOLD:
        return 0
    return FULL if point in SETTLED else input_nano_usd


def call_and_die(shop: Shop, headers: dict[str, str]) -> None:
    """Make a streamed call whose worker dies under it."""
    try:
        shop.post("x" * 4_000, headers=headers, stream=True).read()
    except (OSError, http.client.HTTPException):
        pass


def usage(tokens_in: int, tokens_out: int) -> dict[str, int]:
    total = tokens_in + tokens_out
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": total}


def test_workers_killed_under_load_leave_clean_books(stage: Stage) -> None:
    shop = stage.shop("Killed", USD, max_output_tokens=1_000)
    stage.upstream.script("m", openai_stream("Hello", "there", gap=0.02, usage=usage(10, 2)))
    crowd, killed = Crowd(stage.server.port), threading.Event()
    killer = threading.Thread(target=kill_workers, args=(stage.server.process.pid, killed, 4))
    killer.start()
    statuses: list[int] = []
    while not killed.is_set():
        statuses += [answer.status for answer in crowd.send([shop.request()] * 20)]
    killer.join()
    crowd.close()
    assert set(statuses) <= {0, 200} and statuses.count(200) > 0
    wait_for(lambda: shop.post().status == 200)
    wait_for(lambda: sweep() == 0 and account_of(shop.tenant).reserved_nano_usd == 0, 15)
    assert mistakes() == []
    charged = [row for row in rows(Reservation) if row.account_id == account_of(shop.tenant).id]
    assert len(charged) >= statuses.count(200)
    assert {row.outcome for row in charged} <= {"crashed", "succeeded", "client_left"}


def kill_workers(master: int, done: threading.Event, times: int) -> None:
    """Kill the server's worker again and again."""
    for _ in range(times):
        time.sleep(0.7)
        for pid in children(master):
            os.kill(pid, signal.SIGKILL)
    done.set()


def children(master: int) -> list[int]:
    """Return the ids of a process's children."""
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]
