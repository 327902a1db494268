"""What a call costs with few and many keys, endpoints and policies, and with many records."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg

from run.bench import machine, population, processes, product, program, scenarios, tables
from run.bench.figures import median
from run.bench.options import Options
from run.bench.product import Gateway
from run.bench.program import Program
from run.bench.settings import Call
from run.bench.tables import Rows, number
from run.places import CannotGoOn, say

TURNS = 1_000  # different keys that call in turn
UNSEEN = 20_000
WARM_UP = "1s"
FIRST_SECONDS, MOST_SECONDS = 4, 300


def run(wanted: Options, directory: Path) -> None:
    """Measure after each step of growth; print a table for keys and one for records."""
    cores = machine.cores(machine.available())
    with ExitStack() as running:
        mock = running.enter_context(program.running(directory, cores))
        server = running.enter_context(product.database(cores))
        own = running.enter_context(product.running("sluice", directory, server, mock.base_url, cores, {}))
        url = (own.environ or {})["SLUICE_DATABASE_URL"]
        connection = running.enter_context(psycopg.connect(url, autocommit=True))
        mock.answer_with()
        say(f"{machine.description()}; cores: {cores}")
        say(tables.plain(with_keys(wanted, directory, own, mock, connection)))
        say(tables.plain(with_records(wanted, own, mock, connection)))


def with_keys(
    wanted: Options, directory: Path, own: Gateway, mock: Program, connection: psycopg.Connection
) -> Rows:
    """Return the costs by number of keys; half of the calls are by one hot key, the others in turn."""
    rows = [["keys, endpoints, policies", "CPU µs/call", "with policies", "not seen before", "worker MB"]]
    there = 0
    for count in wanted.keys:
        population.grow(connection, there + 1, count)
        there = count
        turns = population.spread(count, TURNS, "turns")
        found: list[float | None] = []
        for call in (population.endpoint_call, population.policy_call):
            hot = call(turns[0])
            calls = list(chain.from_iterable((hot, call(one)) for one in turns))
            found.append(cost(wanted, directory / "calls", own, mock, calls))
        new = [population.endpoint_call(one) for one in population.spread(count, UNSEEN, f"new {count}")]
        unseen = cost(wanted, directory / "calls", own, mock, new, warm_up="0s", rounds=1)
        worker = processes.memory(processes.descendants(own.process)[-1])["Pss"] / 1024
        rows.append([f"{count:,}", *map(number, (*found, unseen, worker))])
        say(" ".join(rows[-1]))
    return rows


def cost(
    wanted: Options,
    path: Path,
    own: Gateway,
    mock: Program,
    calls: list[Call],
    warm_up: str = WARM_UP,
    rounds: int | None = None,
) -> float | None:
    """Return the median CPU microseconds of a call, made in the order of the list again and again."""
    population.write_calls(path, calls)
    arguments = ["-url", own.base_url, "-pid", str(own.process), "-each", str(path), "-c", "16"]
    if warm_up != "0s":
        let_all_call(mock, arguments, len(calls))
    arguments += ["-d", f"{wanted.seconds}s", "-w", warm_up]
    return measured(lambda: mock.run("load", *arguments), rounds or wanted.rounds)


def let_all_call(mock: Program, arguments: list[str], count: int) -> None:
    """Make every call of the list once; each run begins with the first, so one run must be long enough."""
    seconds = FIRST_SECONDS
    while mock.run("load", *arguments, "-d", f"{seconds}s", "-w", "0s")["n"] < count:
        seconds *= 2
        if seconds > MOST_SECONDS:
            raise CannotGoOn(f"{count} calls take longer than {MOST_SECONDS} seconds")


def measured(load: Callable[[], dict[str, Any]], rounds: int) -> float | None:
    found = []
    for _ in range(rounds):
        result = load()
        if result["non200"] or result["errors"]:
            say(f"  {result['non200'] + result['errors']} calls failed: {result['last_error']}")
        found.append(result)
    return median(one["cpu_us_per_req"] for one in found if "cpu_us_per_req" in one)


def with_records(wanted: Options, own: Gateway, mock: Program, connection: psycopg.Connection) -> Rows:
    """Return the costs by number of records that are there already."""
    rows = [["records", "CPU µs/call", "with money held", "seconds to add them"]]
    there = 0
    for count in wanted.rows:
        began = time.monotonic()
        if count > there:
            population.add_records(connection, there + 1, count)
            there = count
        took = time.monotonic() - began
        costs = (measured(loader(own, mock, kind, wanted), wanted.rounds) for kind in ("endpoint", "money"))
        rows.append([f"{count:,}", *map(number, costs), f"{took:.0f}"])
        say(" ".join(rows[-1]))
    return rows


def loader(own: Gateway, mock: Program, kind: str, wanted: Options) -> Callable[[], dict[str, Any]]:
    arguments = [*scenarios.target(own, own.calls[kind]), "-c", "16", "-d", f"{wanted.seconds}s", "-w", "1s"]
    return lambda: mock.run("load", *arguments)
