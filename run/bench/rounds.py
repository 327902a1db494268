"""Rounds: every scenario of every gateway, one after the other, then all of it again."""

from __future__ import annotations

import time
from collections.abc import Iterable

from run.bench import scenarios
from run.bench.figures import DIRECT, Results
from run.bench.product import Gateway
from run.bench.program import Program
from run.bench.scenarios import Scenario
from run.bench.settings import Call
from run.places import CannotGoOn, say

PAUSE_SECONDS = 0.5  # lets a gateway finish what the last measurement left behind
WARM_UP_TRIES, WARM_CALLS = 20, 20


def direct(program: Program) -> Gateway:
    """Return the mock provider as if it were a gateway: what the machine does without one."""
    return Gateway(DIRECT, program.base_url, {"endpoint": Call("/v1/chat/completions", "mock-model")}, 0)


def run(
    gateways: list[Gateway], wanted: Iterable[str], program: Program, rounds: int, seconds: float
) -> Results:
    """Measure all of it; what fails is said, and missing from the results."""
    results: Results = {gateway.name: {} for gateway in gateways}
    chosen = [scenario for scenario in scenarios.ALL if scenario.name in set(wanted)]
    warm_up(gateways, program, {scenario.call for scenario in chosen})
    for number in range(rounds):
        for scenario in chosen:
            if scenario.once and number > 0:
                continue
            say(f"round {number + 1} of {rounds}: {scenario.name}")
            for gateway in gateways:
                if applies(scenario, gateway):
                    measure(scenario, gateway, program, seconds, results)
    return results


def applies(scenario: Scenario, gateway: Gateway) -> bool:
    if gateway.name == DIRECT:
        return scenario.direct and scenario.command == "load"
    return scenario.for_all or scenario.call in gateway.calls


def measure(scenario: Scenario, gateway: Gateway, program: Program, seconds: float, results: Results) -> None:
    time.sleep(PAUSE_SECONDS)
    try:
        found = scenarios.measure(scenario, gateway, program, seconds)
    except CannotGoOn as error:
        say(f"  {gateway.name}: {error}")
        return
    results[gateway.name].setdefault(scenario.name, []).append(found)


def warm_up(gateways: list[Gateway], program: Program, kinds: set[str]) -> None:
    """Let every gateway make its first calls of these kinds; one that answers none is named."""
    program.answer_with()
    for gateway in gateways:
        for call in (call for kind, call in gateway.calls.items() if kind in kinds):
            arguments = scenarios.target(gateway, call)
            for _ in range(WARM_UP_TRIES):  # some load half of themselves with the first calls
                found = program.run("load", *arguments, "-c", "4", "-d", "0.5s", "-w", "0s")
                if found["n"] >= WARM_CALLS:
                    break
            if not found["n"]:
                say(f"  {gateway.name} gives no good answer: {found.get('last_error')}")
