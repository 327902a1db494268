"""Measures the product beside the same calls without a gateway, and beside other gateways."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

from run.bench import document, figures, machine, peers, product, program, report, rounds, steps, tables
from run.bench.options import Options
from run.bench.product import Gateway
from run.bench.program import Program
from run.places import CannotGoOn, say
from run.progress import Progress

PRODUCT = "sluice"
STOCK = "sluice on stock server"
STOCK_SETTING = {"SLUICE_SERVER": "gunicorn"}


def run(wanted: Options, directory: Path) -> None:
    """Start everything, measure it in interleaved rounds, print the tables and write them down."""
    cores = machine.cores(machine.available())
    missing: dict[str, str] = {}
    with ExitStack() as running:
        mock = running.enter_context(program.running(directory, cores))
        own = products(wanted, directory, mock, cores, running)
        others = available_peers(wanted, directory, mock, cores, running, missing)
        gateways = [rounds.direct(mock), *own, *others]
        say(f"{machine.description()}; cores: {cores}")
        results = rounds.run(gateways, wanted.scenarios, mock, wanted.rounds, wanted.seconds)
        mock.answer_with()
        calls = steps.CALLS_EACH_WHEN_QUICK if wanted.quick else steps.CALLS_EACH
        profile = steps.profile(own[0], calls)
    found = document.Found(wanted, cores, results, profile, missing)
    show(found)
    if wanted.write:
        document.write(found)


def products(
    wanted: Options, directory: Path, mock: Program, cores: machine.Cores, running: ExitStack
) -> list[Gateway]:
    """Start the product on its own server and, but for a quick run, a second one on the stock server."""
    url = running.enter_context(product.database(cores))
    kinds: dict[str, dict[str, str]] = {PRODUCT: {}}
    if not wanted.quick:
        kinds[STOCK] = STOCK_SETTING
    return [
        running.enter_context(product.running(name, directory, url, mock.base_url, cores, more))
        for name, more in kinds.items()
    ]


def available_peers(
    wanted: Options,
    directory: Path,
    mock: Program,
    cores: machine.Cores,
    running: ExitStack,
    missing: dict[str, str],
) -> list[Gateway]:
    """Start the wanted peers; why one cannot be had goes to `missing`."""
    found = []
    for name in wanted.peers:
        try:
            started = peers.running(name, directory, mock.port, cores, Progress(sys.stdout))
            found.append(running.enter_context(started))
        except CannotGoOn as error:
            missing[name] = str(error)
            say(f"{name} is left out: {error}")
    return found


def show(found: document.Found) -> None:
    say("")
    say(tables.plain(report.medians(found.results, PRODUCT)))
    if len(found.results) > 2:
        say(tables.plain(report.ratios(found.results, PRODUCT)))
    say(tables.plain(report.steps(found.profile)))
    for line in figures.faults(found.results):
        say(line)
