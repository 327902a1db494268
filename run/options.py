"""The options of bin/run. Standard library only: they are read before anything is installed."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Options:
    host: str
    port: int
    workers: int | None
    data: Path | None


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"sluice: {message}. See bin/run --help.\n")


def port_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port between 0 and 65535")
    return int(text)


def worker_count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 1 and 256")
    return int(text)


def parse(arguments: list[str]) -> Options:
    parser = OneLineParser(prog="bin/run", description="Run the whole product; set up first what is missing.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=port_number, default=8000, help="port to listen on (default: 8000; 0: any free one)"
    )
    parser.add_argument(
        "--workers", type=worker_count, help="web processes (default: one per core; SQLite allows only 1)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="data directory (default: SLUICE_DATA_DIR, or ./data)"
    )
    return Options(**vars(parser.parse_args(arguments)))
