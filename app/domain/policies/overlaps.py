"""Rules of a policy that fit the same calls and do different things: no error, since the first decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.domain.policies.conditions import Fact
from app.domain.policies.reach import Reach, Unsure
from app.domain.policies.rules import PolicyConfig, PolicyRule


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two rules by their numbers from 0: `later` fits a call, too, that `earlier` decides, such as `call`."""

    later: int
    earlier: int
    call: Mapping[str, Fact]
    is_exception: bool  # the earlier one is for some of the later one's calls: how exceptions are written


def overlaps(config: PolicyConfig) -> list[Overlap]:
    """Return such pairs, exceptions last; a rule without conditions is for every other call, and in none."""
    found: list[Overlap] = []
    try:
        reach = Reach([rule.when for rule in config.rules])
        for overlap in pairs(config.rules, reach):
            found.append(overlap)
    except Unsure:
        pass  # what was found till then is true
    return sorted(found, key=lambda each: each.is_exception)


def pairs(rules: tuple[PolicyRule, ...], reach: Reach) -> Iterator[Overlap]:
    """Yield the overlaps of all rules, each with a call that the earlier one decides."""
    for later, rule in enumerate(rules):
        for earlier, first in enumerate(rules[:later] if rule.when else ()):
            if what(first) == what(rule):
                continue
            call = reach.find(1 << later | 1 << earlier, (1 << earlier) - 1)
            if call is not None:
                yield Overlap(later, earlier, call, is_exception=rule.hides(first))


def what(rule: PolicyRule) -> tuple[object, ...]:
    """Return what a rule does, whatever it is called and whoever it is for."""
    return rule.action, rule.models, rule.bounds, rule.prompt, rule.message
