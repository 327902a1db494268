"""Measures the product beside the same calls without a gateway, and beside other gateways."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from run.bench import figures, machine, product, program, report, rounds, steps, tables
from run.bench.options import Options
from run.places import say

PRODUCT = "sluice"


def run(wanted: Options, directory: Path) -> None:
    """Start everything, measure it in interleaved rounds, print the tables."""
    cores = machine.cores(machine.available())
    with ExitStack() as running:
        mock = running.enter_context(program.running(directory, cores))
        url = running.enter_context(product.database(cores))
        own = running.enter_context(product.running(PRODUCT, directory, url, mock.base_url, cores, {}))
        gateways = [rounds.direct(mock), own]
        say(f"{machine.description()}; cores: {cores}")
        results = rounds.run(gateways, wanted.scenarios, mock, wanted.rounds, wanted.seconds)
        mock.answer_with()
        profile = steps.profile(own)
    say("")
    say(tables.plain(report.medians(results, PRODUCT)))
    if len(gateways) > 2:
        say(tables.plain(report.ratios(results, PRODUCT)))
    say(tables.plain(report.steps(profile)))
    for line in figures.faults(results):
        say(line)
