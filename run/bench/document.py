"""Writes docs/performance.md: what was measured, how, on what, and how far the goals are."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from run.bench import figures, machine, peers, report, scenarios, tables
from run.bench.options import Options
from run.bench.steps import Steps
from run.places import ROOT, say

PATH = ROOT / "docs" / "performance.md"
PACKAGES = ("flask", "gevent", "gunicorn", "httptools", "hiredis", "psycopg", "sqlalchemy")

HEAD = """# Performance

Written by `bin/bench` on {date}; run it on your own machine. Figures of one machine say little about another:
the ratios, and the CPU time of a call, travel best.

* Machine: {machine}. Cores: {cores}.
* Python {python}; {packages}; PostgreSQL with its own defaults (every commit is synced to a disk), Valkey.
* Other gateways: {peers}.
* {rounds} interleaved rounds of {seconds:g} s for each measurement; the tables show medians.

## Method

One worker process of each gateway on one core of its own. A mock provider and the load generator
(`run/bench/gwbench`, HTTP/1.1 on raw sockets) run beside it, so that neither is the bottleneck: the column
*direct* is the same load without a gateway. Figures with a + are what the gateway adds to *direct*, round by
round. CPU is that of the gateway's own processes, *all* that of everything `bin/run` started (Valkey and the
workers for jobs too). A memory figure is the proportional set size of the server's processes.

{scenarios}

## What is on

Sluice runs with everything that it does for a call in operation: the key is checked, the project's and the
key's limits and budgets are admitted in Valkey, the model is resolved and priced, the address of the
provider is checked and pinned, a receipt goes back in headers, and a record with usage, costs and steps is
written to PostgreSQL. *money* is a prepaid workspace: the money is held and settled in PostgreSQL, durably,
before and after the call. *guarded* adds guardrails on both ways (secrets, personal data, injection,
keywords, patterns). *policy* adds a policy of four rules. The contents of prompts and answers are not kept,
as is the default.
LiteLLM runs with a master key and no database, Portkey without a store, envoy and nginx as plain proxies:
none of them keeps records or books.

## Medians
"""


@dataclass(frozen=True, slots=True)
class Found:
    """All of one comparison. `missing` says why a peer was left out."""

    wanted: Options
    cores: machine.Cores
    results: figures.Results
    profile: dict[str, Steps]
    missing: dict[str, str]


def write(found: Found) -> None:
    """Write the whole document anew."""
    PATH.write_text(text(found), encoding="utf-8")
    say(f"Written: {PATH.relative_to(ROOT)}")


def text(found: Found) -> str:
    product = next(name for name in found.results if name != figures.DIRECT)
    parts = [head(found), tables.markdown(report.medians(found.results, product))]
    parts += [f"\n{name} is left out: {reason}\n" for name, reason in found.missing.items()]
    parts += [f"\n* {line}" for line in figures.faults(found.results)]
    if len(found.results) > 2:
        parts += ["\n## Ratios\n\n", tables.markdown(report.ratios(found.results, product))]
    parts += ["\n## Where the time goes\n\n", "Medians of the steps in `Server-Timing`, one call at a time; "]
    parts += ["`client` is the whole call as its client saw it.\n\n"]
    return "".join([*parts, tables.markdown(report.steps(found.profile))])


def head(found: Found) -> str:
    measured = {name for results in found.results.values() for name in results}
    known = [f"* *{one.name}*: {one.meaning}." for one in scenarios.ALL if one.name in measured]
    here = tuple(name for name in found.wanted.peers if name in found.results)
    filled = HEAD.format(
        date=datetime.now(UTC).date().isoformat(),
        machine=machine.description(),
        cores=found.cores,
        python=platform.python_version(),
        packages=", ".join(f"{name} {version(name)}" for name in PACKAGES),
        peers=peers.versions(here) or "none",
        rounds=found.wanted.rounds,
        seconds=found.wanted.seconds,
        scenarios="\n".join(known),
    )
    return filled + "\n"
