"""Runs the whole product: starts its processes in order, keeps them running, drains and ends them."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

from run import embedded, options
from run.places import PYTHON, ROOT, CannotGoOn, one_line_errors, say
from run.processes import Child, adopt_orphans, bury_orphans, end_orphans
from run.startup import Plan, hold_data_directory, make_plan

POLL_SECONDS = 0.1
START_SECONDS = 120.0
DRAIN_SECONDS = 45.0  # gunicorn's own grace period is 40


class StopRequested(BaseException):
    """A signal asked for the end."""


class Supervisor:
    """The children, in the order of their start; they end in the order web, worker, scheduler, Valkey."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.children: list[Child] = []
        self.stopping = False
        self.hurry = False

    def run(self) -> None:
        """Start everything and stay until a signal comes; raise CannotGoOn where it cannot be kept up."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self.on_signal)
        try:
            self.start_all()
            while not self.stopping:  # what a signal raises inside a hook of Python's own is lost
                self.keep_up()
                time.sleep(POLL_SECONDS)
            raise StopRequested
        except StopRequested:
            say("Stopping; calls in flight have 40 s to finish. Once more to stop at once.")
        finally:
            self.stopping = True
            self.stop_all()
        say("Stopped.")

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.stopping:
            self.hurry = True
        else:
            self.stopping = True
            raise StopRequested

    def start_all(self) -> None:
        if self.plan.settings.embedded_redis:
            valkey = self.start("Valkey", embedded.valkey_command(self.plan.settings), grace_seconds=20)
            self.wait_until(lambda: embedded.answers(self.plan.settings), valkey)
        self.command("migrate")
        web = self.start("The web server", web_command(self.plan), grace_seconds=DRAIN_SECONDS)
        link = self.command("setup-link")
        self.wait_until(lambda: serves(self.plan), web)
        self.start("The job worker", [*APP, "worker"], grace_seconds=20)
        self.start("The scheduler", [str(PYTHON), "-P", "-m", "run.scheduler"], grace_seconds=5)
        say(f"Sluice runs at {self.plan.local_url}")
        if link:
            say(f"Make the first admin here (works once): {link}")
        say("Ctrl-C stops it.")

    def start(self, name: str, command: list[str], grace_seconds: float) -> Child:
        child = Child(name, command, grace_seconds)
        self.children.append(child)
        child.start(self.plan.environ)
        return child

    def wait_until(self, ready: Callable[[], bool], child: Child) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if child.has_ended() or time.monotonic() > deadline:
                raise CannotGoOn(f"{child.name} did not start.")
            time.sleep(POLL_SECONDS)

    def command(self, name: str) -> str:
        """Run one command of the app and return what it printed."""
        result = subprocess.run(
            [*APP, name],
            cwd=ROOT,
            env=self.plan.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
        )
        if result.returncode != 0:
            sys.stderr.write(result.stderr)
            raise CannotGoOn(f"`bin/sluice {name}` failed.")
        return result.stdout.strip()

    def keep_up(self) -> None:
        """Start again what ended; raise CannotGoOn where that does not help."""
        bury_orphans({child.process.pid for child in self.children if child.process})
        for child in self.children:
            if child.has_ended():
                self.restart_later(child)
            elif child.start_at is not None and time.monotonic() >= child.start_at:
                child.start(self.plan.environ)

    def restart_later(self, child: Child) -> None:
        code = child.process.returncode if child.process else None
        pause = child.plan_restart()
        if pause is None:
            raise CannotGoOn(f"{child.name} ended again and again (last exit code {code}); giving up.")
        sys.stderr.write(f"sluice: {child.name} ended (exit code {code}); it starts again in {pause:g} s.\n")

    def stop_all(self) -> None:
        """End web first, so that its calls can still use the rest; Valkey last, so that it saves all."""
        valkey = [child for child in self.children if child.name == "Valkey"]
        for child in [*(one for one in self.children if one not in valkey), *valkey]:
            self.stop(child)
        end_orphans()

    def stop(self, child: Child) -> None:
        if child.process is None or child.has_ended():
            return
        child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + child.grace_seconds
        while not child.has_ended():
            if time.monotonic() > deadline or (self.hurry and child.name != "Valkey"):
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
            time.sleep(POLL_SECONDS / 2)


APP = [str(PYTHON), "-P", "-m", "run.command"]


def web_command(plan: Plan) -> list[str]:
    gunicorn = [str(PYTHON), "-P", "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py")]
    return [*gunicorn, "--bind", plan.address, "--workers", str(plan.workers)]


def serves(plan: Plan) -> bool:
    connection = http.client.HTTPConnection(plan.local_host, plan.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> None:
    with one_line_errors():
        plan = make_plan(options.parse(sys.argv[1:]))
        os.umask(0o077)
        if plan.is_embedded:
            hold_data_directory(plan.settings.data_dir)
        adopt_orphans()
        Supervisor(plan).run()


if __name__ == "__main__":
    main()
