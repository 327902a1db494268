"""The options of bin/bench. Standard library only: they are read before anything is installed."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import NoReturn

PEERS = ("litellm", "portkey", "envoy", "nginx")
SCENARIOS = (
    "rps", "lat", "ttft", "burst", "paced", "hold", "money", "guarded", "v1", "policy", "abort",
)  # fmt: skip
QUICK = ("rps", "lat", "ttft", "burst", "money", "guarded", "v1", "policy")


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure, how often and for how long."""

    what: str  # compare, growth or soak
    quick: bool
    rounds: int
    seconds: float  # of one measurement
    scenarios: tuple[str, ...]
    peers: tuple[str, ...]
    minutes: float  # of the soak
    rows: tuple[int, ...]
    keys: tuple[int, ...]
    write: bool


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"sluice: {message}. See bin/bench --help.\n")


def parse(arguments: list[str]) -> Options:
    given = parser().parse_args(arguments)
    everything = QUICK if given.quick else SCENARIOS
    return Options(
        what=given.what,
        quick=given.quick,
        rounds=given.rounds or (2 if given.quick else 5),
        seconds=given.seconds or (2.0 if given.quick else 5.0),
        scenarios=given.only or everything,
        peers=() if given.quick and given.peers is None else PEERS if given.peers is None else given.peers,
        minutes=given.minutes,
        rows=given.rows,
        keys=given.keys,
        write=given.write or (given.what == "compare" and not given.quick and not given.only),
    )


def parser() -> argparse.ArgumentParser:
    made = OneLineParser(prog="bin/bench", description="Measure the gateway on this machine.")
    add = made.add_argument
    what = "compare (default): calls beside other gateways; growth: with many keys and rows; soak: memory"
    add("what", nargs="?", choices=("compare", "growth", "soak"), default="compare", help=what)
    add("--quick", action="store_true", help="two short rounds, the product alone, in about a minute")
    add("--rounds", type=positive, help="interleaved rounds (default: 5)")
    add("--seconds", type=seconds, help="length of one measurement (default: 5)")
    add("--only", type=names(SCENARIOS), help=f"some of {','.join(SCENARIOS)}")
    add("--peers", type=names(PEERS), help=f"none, all, or some of {','.join(PEERS)} (default: all)")
    add("--minutes", type=seconds, default=60.0, help="length of the soak (default: 60)")
    add("--keys", type=numbers, default=(10, 1_000, 100_000), help="growth: numbers of keys to try")
    add("--rows", type=numbers, default=(0, 1_000_000, 10_000_000), help="growth: numbers of records to try")
    add("--write", action="store_true", help="write docs/performance.md also after a shorter run")
    return made


def positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a length of time")
    return number


def numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers")
    return tuple(map(int, parts))


class names:
    """Reads a comma-separated list of known names; `none` and `all` are lists too."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known

    def __call__(self, text: str) -> tuple[str, ...]:
        if text in ("none", "all"):
            return self.known if text == "all" else ()
        found = tuple(text.split(","))
        for name in found:
            if name not in self.known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(self.known)}")
        return found
