"""The parts of bin/bench that need no server: steps, cores, options, calls of many keys, memory's verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.callers import hash_key, is_accepted_key
from run.bench import machine, options, population, soak, steps
from run.bench.soak import Sample


def test_server_timing_is_read_and_what_is_no_step_left_out() -> None:
    assert steps.parse("auth;dur=0.012, upstream;dur=1.5, odd, cache;desc=x") == {
        "auth": 0.012,
        "upstream": 1.5,
    }
    assert steps.parse("") == {}


def test_steps_are_medians_over_the_calls_that_had_them() -> None:
    calls = [{"auth": 1.0}, {"auth": 3.0, "hold": 5.0}, {"auth": 2.0}]
    assert steps.medians(calls) == {"auth": 2.0, "hold": 5.0}


@pytest.mark.parametrize(
    ("available", "gateway", "load", "mock", "database"),
    [({0}, {0}, {0}, {0}, {0}), ({2, 5}, {2}, {5}, {5}, {5}), ({0, 1, 2, 3, 4}, {0}, {1}, {2}, {3, 4})],
)
def test_a_gateway_has_a_core_for_itself_where_there_are_two(
    available: set[int], gateway: set[int], load: set[int], mock: set[int], database: set[int]
) -> None:
    cores = machine.cores(available)
    assert (cores.gateway, cores.load, cores.mock, cores.database) == (gateway, load, mock, database)


def test_a_quick_run_is_short_and_of_the_product_alone() -> None:
    quick, whole = options.parse(["--quick"]), options.parse([])
    assert quick.peers == () and quick.rounds == 2 and not quick.write
    assert whole.peers == options.PEERS and whole.write
    assert options.parse(["--peers", "nginx,envoy", "--only", "rps"]).peers == ("nginx", "envoy")


@pytest.mark.parametrize(
    "wrong", [["--only", "nothing"], ["--rounds", "0"], ["--seconds", "x"], ["elsewhere"]]
)
def test_wrong_options_are_one_line(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.parse(wrong)
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_many_keys_are_keys_and_calls_are_written_a_line_each(tmp_path: Path) -> None:
    assert is_accepted_key(population.key(7)) and len(hash_key(population.key(7))) == 32
    population.write_calls(tmp_path / "calls", [population.endpoint_call(1), population.policy_call(2)])
    first, second = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert first.split("\t")[1:] == ["many-1", "Authorization: Bearer sk-bench-many-00000001"]
    assert "x-kagu-policy-key: many-2" in second.split("\t")


def test_the_same_seed_spreads_over_the_same_rows() -> None:
    assert population.spread(100, 10, "a") == population.spread(100, 10, "a")
    assert sorted(population.spread(5, 10, "a")) == [1, 2, 3, 4, 5]


def test_memory_is_flat_or_growing_by_its_slope_after_the_first_third() -> None:
    flat = [Sample(30.0 * at, 0, 0, 100_000 + (20_000 if at > 2 else 0)) for at in range(31)]
    growing = [Sample(30.0 * at, 0, 0, 100_000 + 1_000 * at) for at in range(31)]
    assert "flat" in soak.verdict(flat)
    assert soak.slope(growing) == pytest.approx(1_000 * 120 / 1024)
    assert "growing" in soak.verdict(growing)
    assert "short" in soak.verdict(flat[:2])
