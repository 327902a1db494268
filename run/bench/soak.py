"""Mixed traffic for a long time, with hang-ups and errors: whether the product's memory stays flat."""

from __future__ import annotations

import itertools
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from run.bench import machine, processes, product, program, scenarios, tables
from run.bench.options import Options
from run.bench.product import Gateway
from run.bench.program import Program
from run.places import CannotGoOn, say

EVERY_SECONDS = 30.0
SETTLED = 1 / 3  # of the time is warm-up: caches fill, models load
MOST_MB_AN_HOUR = 5.0
MIX: tuple[tuple[str, tuple[str, ...], dict[str, int]], ...] = (
    ("endpoint", ("-c", "8"), {}),
    ("endpoint", ("-stream", "-c", "16"), {"chunks": 40, "delay_ms": 5}),
    ("guarded", ("-c", "8"), {}),
    ("guarded", ("-stream", "-c", "8"), {"chunks": 30}),
    ("session", ("-c", "4"), {}),
    ("money", ("-c", "8"), {}),
    ("money", ("-stream", "-c", "8"), {"chunks": 40, "delay_ms": 5}),
    ("v1", ("-c", "8"), {}),
    ("policy", ("-c", "8"), {}),
    ("endpoint", ("-c", "4"), {"status": 500}),
    ("v1", ("-c", "4"), {"status": 429}),
)
HANG_UPS = ("-n", "10", "-after", "3")


@dataclass(frozen=True, slots=True)
class Sample:
    """Kilobytes of the server's processes together, so many seconds after the start."""

    seconds: float
    pss: int
    rss: int
    own: int  # anonymous: whoever else runs does not change it, as it does shares of pages


def run(wanted: Options, directory: Path) -> None:
    """Call in every way in turn, print the memory every half minute, and in the end a verdict."""
    cores = machine.cores(machine.available())
    with ExitStack() as running:
        mock = running.enter_context(program.running(directory, cores))
        url = running.enter_context(product.database(cores))
        own = running.enter_context(product.running("sluice", directory, url, mock.base_url, cores, {}))
        say(f"{machine.description()}; cores: {cores}; {wanted.minutes:g} minutes")
        samples = watch(own, mock, wanted.minutes * 60)
    say(tables.plain([["minute", "PSS MB", "RSS MB", "anonymous MB"], *map(row, samples)]))
    say(verdict(samples))


def watch(own: Gateway, mock: Program, seconds: float) -> list[Sample]:
    """Make the calls of the mix one kind after the other until the time is over; return the samples."""
    began = time.monotonic()
    samples = [sample(own, 0.0)]
    for kind, arguments, answers in itertools.cycle(MIX):
        now = time.monotonic() - began
        if now - samples[-1].seconds >= EVERY_SECONDS:
            samples.append(sample(own, now))
            say("  ".join(row(samples[-1])))
        if now >= seconds:
            return samples
        call(own, mock, kind, arguments, answers)
    return samples


def call(own: Gateway, mock: Program, kind: str, arguments: tuple[str, ...], answers: dict[str, int]) -> None:
    """Make calls of one kind for some seconds, then some whose clients hang up."""
    target = scenarios.target(own, own.calls[kind])
    try:
        mock.answer_with(**answers)
        mock.run("load", *target, *arguments, "-d", "3s", "-w", "10ms")
        mock.answer_with(chunks=20, delay_ms=5)
        mock.run("abort", *target, *HANG_UPS, "-mock", f"127.0.0.1:{mock.port}", "-wait", "2s")
    except CannotGoOn as error:
        say(str(error))


def sample(own: Gateway, seconds: float) -> Sample:
    found = [processes.memory(one) for one in processes.descendants(own.process)]
    return Sample(
        seconds,
        sum(one["Pss"] for one in found),
        sum(one["Rss"] for one in found),
        sum(one["Anonymous"] for one in found),
    )


def row(one: Sample) -> list[str]:
    return [
        f"{one.seconds / 60:.1f}",
        f"{one.pss / 1024:.1f}",
        f"{one.rss / 1024:.1f}",
        f"{one.own / 1024:.1f}",
    ]


def slope(samples: list[Sample]) -> float:
    """Return how many megabytes an hour the anonymous memory grows, by least squares."""
    count = len(samples)
    at = sum(one.seconds for one in samples) / count
    middle = sum(one.own for one in samples) / count
    spread = sum((one.seconds - at) ** 2 for one in samples)
    together = sum((one.seconds - at) * (one.own - middle) for one in samples)
    return together / spread * 3600 / 1024 if spread else 0.0


def verdict(samples: list[Sample]) -> str:
    """Say whether memory is flat once the first part, in which caches fill, is over."""
    later = [one for one in samples if one.seconds >= samples[-1].seconds * SETTLED]
    if len(later) < 3:
        return "Too short for a verdict."
    grown = slope(later)
    word = "flat" if grown <= MOST_MB_AN_HOUR else "growing"
    return f"Memory is {word}: {grown:+.1f} MB an hour after the first third."
