"""bin/run as a person meets it: it starts, says where, refuses in one line, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.product import Product, command, running

pytestmark = pytest.mark.timeout(180)
SECRET = "correct horse battery staple"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running(tmp_path_factory.mktemp("run") / "data") as started:
        yield started


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def test_it_serves_and_prints_its_address_and_a_set_up_link(product: Product) -> None:
    assert product.status("/healthz") == 200
    assert product.status("/readyz") == 200
    assert [line for line in product.lines if f"http://127.0.0.1:{product.port}/setup/" in line]


def test_it_runs_web_worker_scheduler_and_valkey(product: Product) -> None:
    commands = "\n".join(product.process_ids().values())
    for part in ("gunicorn", "run.command worker", "run.scheduler", "valkey"):
        assert part in commands


def test_only_its_owner_may_read_the_data_directory(product: Product) -> None:
    open_to_others = [path.name for path in product.data.rglob("*") if path.stat().st_mode & 0o077]
    assert open_to_others == []


def test_a_second_run_on_the_same_data_is_refused(product: Product) -> None:
    result = command("run", "--port", "0", "--data", str(product.data))
    assert_one_line(result.stderr, result.returncode, f"{product.data} is in use by process ")


def test_a_taken_port_is_refused(product: Product, tmp_path: Path) -> None:
    result = command("run", "--port", str(product.port), "--data", str(tmp_path / "data"))
    assert_one_line(result.stderr, result.returncode, f"port {product.port}: Address already in use")
    assert not (tmp_path / "data").exists()


def test_a_command_of_the_app_finds_the_running_product(product: Product) -> None:
    result = command("sluice", "setup-link", DATA_DIR=str(product.data))
    assert result.returncode == 0, result.stderr
    assert "/setup/" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "settings", "text"),
    [
        (["--prot", "1"], {}, "unrecognized arguments: --prot"),
        (["--port", "99999"], {}, "'99999' is not a port"),
        (["--workers", "0"], {}, "--workers"),
        (["--workers", "2"], {}, "--workers: SQLite allows only one"),
        (["--host", "192.0.2.1"], {}, "cannot listen on 192.0.2.1"),
        ([], {"TIMEZON": "UTC"}, "SLUICE_TIMEZON is not a setting"),
        ([], {"TIMEZONE": "Mars"}, "SLUICE_TIMEZONE is malformed"),
        ([], {"REDIS_URL": "redis://127.0.0.1:1"}, "SLUICE_SECRET_KEY is missing"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], text: str
) -> None:
    result = command("run", *(arguments or ["--port", "0"]), DATA_DIR=str(tmp_path), **settings)
    assert_one_line(result.stderr, result.returncode, text)


def test_a_data_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = command("run", "--port", "0", "--data", str(tmp_path / "file" / "data"))
    assert_one_line(result.stderr, result.returncode, str(tmp_path / "file" / "data"))


def assert_one_line(error: str, code: int, text: str) -> None:
    assert code != 0
    assert text in error
    assert len(error.strip().splitlines()) == 1, error


def test_a_second_start_is_quick_and_sigterm_ends_every_process(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as first:
        started = first.process_ids()
        assert len(started) >= 6
        assert first.stop(signal.SIGTERM) == 0
        assert first.process_ids() == {}
    began = time.monotonic()
    with running(data) as second, second.idle_connection():
        assert time.monotonic() - began < 30  # alone on a machine it takes 3 s; tests share theirs
        began = time.monotonic()
        assert second.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 30  # an open browser tab does not hold it for the grace period
        assert second.process_ids() == {}


def test_every_process_ends_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with running(tmp_path / "data") as product:
        product.process.kill()
        assert eventually(lambda: not product.process_ids())


def test_a_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    with running(tmp_path / "data") as product:
        (worker,) = [number for number, line in product.process_ids().items() if "run.command worker" in line]
        os.kill(worker, signal.SIGKILL)
        product.wait_for("The job worker ended (exit code -9); it starts again in 1 s.")
        assert eventually(lambda: "run.command worker" in "\n".join(product.process_ids().values()))
        assert product.status("/healthz") == 200


def test_it_runs_on_postgresql_and_redis_of_ones_own(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with servers.postgresql() as database_url, servers.valkey() as redis_url:
        own = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": SECRET}
        with running(data, "--workers", "2", **own) as product:
            assert product.status("/readyz") == 200
            commands = list(product.process_ids().values())
            assert len([line for line in commands if "gunicorn" in line]) == 3
            assert not [line for line in commands if "valkey" in line]
        assert not data.exists()
