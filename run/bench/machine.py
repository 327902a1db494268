"""The machine that is measured on: which cores do what, and what the report says about it."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

GIBIBYTE = 2**30


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores of each party; a gateway always has one for itself where there are two."""

    gateway: frozenset[int]
    load: frozenset[int]
    mock: frozenset[int]
    database: frozenset[int]

    def __str__(self) -> str:
        parts = {"gateway": self.gateway, "load": self.load, "mock": self.mock, "database": self.database}
        return ", ".join(f"{name} {','.join(map(str, sorted(cores)))}" for name, cores in parts.items())


def cores(available: set[int]) -> Cores:
    """Share out the cores: from four on everybody has an own one, else the gateway alone has."""
    first, *rest = sorted(available)
    if len(rest) >= 3:
        own = [frozenset({core}) for core in (first, *rest[:2])]
        return Cores(own[0], own[1], own[2], frozenset(rest[2:]))
    other = frozenset(rest or [first])
    return Cores(frozenset({first}), other, other, other)


@contextmanager
def pinned(to: frozenset[int]) -> Iterator[None]:
    """Start processes inside on these cores only: they inherit this process's."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, to)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def description() -> str:
    """Say in one line what machine this is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIBIBYTE
    return f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def available() -> set[int]:
    return os.sched_getaffinity(0)
