"""What is measured of each gateway: how the mock provider answers, and who calls how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from run.bench.product import Gateway
from run.bench.program import Program
from run.bench.settings import Call

STREAM = "-stream"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of load. `arguments` are gwbench's; `call` is made as that kind of call."""

    name: str
    meaning: str
    command: str = "load"
    arguments: tuple[str, ...] = ()
    answers: dict[str, int] = field(default_factory=dict)
    call: str = "endpoint"
    direct: bool = True  # measured also without a gateway, to tell what the gateway adds
    once: bool = False  # in the first round alone

    @property
    def for_all(self) -> bool:
        """Whether every gateway knows this kind of call."""
        return self.call == "endpoint"


def closed_loop(name: str, meaning: str, call: str = "endpoint") -> Scenario:
    return Scenario(name, meaning, arguments=("-c", "64", "-w", "1.5s"), call=call, direct=call == "endpoint")


ALL = (
    closed_loop("rps", "64 connections call as fast as they get answers; bodies of 1 KB"),
    Scenario("lat", "50 calls a second", arguments=("-c", "16", "-rate", "50")),
    Scenario(
        "ttft",
        "20 streams a second begin, 20 chunks each, 5 ms apart",
        arguments=(STREAM, "-c", "16", "-rate", "20"),
        answers={"chunks": 20, "delay_ms": 5},
    ),
    Scenario(
        "burst",
        "32 streams at a time, 100 chunks each, without a pause",
        arguments=(STREAM, "-c", "32", "-w", "1.5s", "-transit=false"),
        answers={"chunks": 100},
    ),
    Scenario(
        "paced",
        "200 streams of 100 chunks a second each",
        arguments=(STREAM, "-c", "200", "-w", "3s"),
        answers={"chunks": 1_000, "delay_ms": 10},
        direct=False,
    ),
    Scenario(
        "hold",
        "1,000 streams stay open, a chunk a second each",
        "hold",
        ("-c", "1000", "-ramp", "5s", "-settle", "3s", "-max", "20s"),
        {"chunks": 60, "delay_ms": 1_000},
        direct=False,
        once=True,
    ),
    closed_loop("money", "as rps, a prepaid workspace: each call's money is held and settled", "money"),
    closed_loop("guarded", "as rps, an endpoint with five kinds of guardrails on both ways", "guarded"),
    closed_loop("v1", "as rps, on /v1 with the model's name", "v1"),
    closed_loop("policy", "as rps, on /runtime/proxy with a policy of four rules", "policy"),
    Scenario(
        "abort",
        "clients hang up in the middle of a stream; when the provider sees it",
        "abort",
        ("-n", "5"),
        {"chunks": 200, "delay_ms": 20},
        once=True,
    ),
)


def measure(scenario: Scenario, gateway: Gateway, program: Program, seconds: float) -> dict[str, Any]:
    """Run the scenario once against this gateway; return what the load generator found."""
    program.answer_with(**scenario.answers)
    arguments = [*target(gateway, gateway.calls[scenario.call]), *scenario.arguments]
    if scenario.command == "load":
        arguments += ["-d", f"{seconds}s"]
    if scenario.command == "abort":
        arguments += ["-mock", f"127.0.0.1:{program.port}"]
    return program.run(scenario.command, *arguments)


def target(gateway: Gateway, call: Call) -> list[str]:
    """Return gwbench's arguments for calling this gateway so."""
    found = ["-url", gateway.base_url + call.path, "-model", call.model]
    for header in call.headers:
        found += ["-H", header]
    return [*found, "-pid", str(gateway.process), "-all", str(gateway.everything)]
