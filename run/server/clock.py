"""The worker's clock, which a sweep moves: to read it costs a request nothing."""

from __future__ import annotations

import time
from email.utils import formatdate


class Clock:
    """`now`: seconds of `time.monotonic`, up to a second old; `lines`: an answer's Server and Date."""

    __slots__ = ("lines", "now")

    def __init__(self) -> None:
        self.tick()

    def tick(self) -> None:
        """Look at the time."""
        self.now = time.monotonic()
        self.lines = f"Server: Sluice\r\nDate: {formatdate(usegmt=True)}\r\n".encode("ascii")
