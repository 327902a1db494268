"""Shows what a long set-up is doing: steps, and one moving line (or plain lines) under each."""

from __future__ import annotations

import re
import subprocess
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from run.places import CannotGoOn

WORTH_SHOWING = re.compile(r"(?:Collecting|Get:\d+|Unpacking|Setting up) (.*)|(Installing collected)")
KEPT_LINES = 15


class Progress:
    """Writes to `output`: on a terminal one line that changes, elsewhere plain lines."""

    def __init__(self, output: TextIO) -> None:
        self.output = output
        self.moving = output.isatty()

    def step(self, text: str) -> None:
        self.output.write(f"{text} …\n")
        self.output.flush()

    def run(
        self,
        command: list[str],
        problem: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run `command`; where it fails show its last lines and raise CannotGoOn(problem)."""
        last: deque[str] = deque(maxlen=KEPT_LINES)
        with subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                last.append(line)
                self.show(line.strip())
        self.clear()
        if process.returncode != 0:
            self.output.writelines(last)
            raise CannotGoOn(f"{problem} ({command[0]} ended with {process.returncode}).")

    def show(self, line: str) -> None:
        match = WORTH_SHOWING.match(line)
        if not match:
            return
        text = (match[1] or match[2]).split(" (from ")[0][:70]
        self.output.write(f"\r\033[K  {text}" if self.moving else f"  {text}\n")
        self.output.flush()

    def clear(self) -> None:
        if self.moving:
            self.output.write("\r\033[K")
            self.output.flush()
