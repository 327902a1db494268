"""The rules about an answer, made ready: what is searched for in a stream, and what needs its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from app.domain.guardrails.automaton import Automaton
from app.domain.guardrails.masks import PLACEHOLDER
from app.domain.guardrails.rules import Rule
from app.domain.guardrails.screens import Screen, as_of, screen
from app.domain.guardrails.shapes import Unreadable

# What a placeholder looks like: wherever one may be under way, the text waits.
PLACEHOLDERS = Automaton([PLACEHOLDER.pattern])


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """The rules of one side, in order. `automaton`: None where a pattern needs the whole text.

    `acting` blocks and masks, `watching` only tells; `wholes` look at the whole answer, `lengths` count it.
    """

    rules: tuple[Rule, ...]
    acting: Screen
    watching: Screen
    wholes: tuple[Rule, ...]
    lengths: tuple[Rule, ...]
    automaton: Automaton | None

    @property
    def holds_all(self) -> bool:
        """Say whether the whole answer is held back: what closes it cannot be told from a part."""
        return self.automaton is None or any(rule.closes for rule in self.wholes)


@lru_cache(maxsize=256)
def plan_of(rules: tuple[Rule, ...], key_prefix: str) -> AnswerPlan:
    """Return the plan of the rules about answers among `rules`."""
    ours = tuple(as_of(rule, "output") for rule in rules if rule.covers("output"))
    found = tuple(rule for rule in ours if not rule.is_whole)
    acting = screen(tuple(rule for rule in found if rule.closes), "output", key_prefix)
    return AnswerPlan(
        rules=ours,
        acting=acting,
        watching=screen(tuple(rule for rule in found if not rule.closes), "output", key_prefix),
        wholes=tuple(rule for rule in ours if rule.is_whole and rule.kind != "length"),
        lengths=tuple(rule for rule in ours if rule.kind == "length"),
        automaton=automaton_of(acting),
    )


def automaton_of(searching: Screen) -> Automaton | None:
    """Return what knows whether a match of a screen may be under way; None where nothing can know it."""
    detectors = [armed.detector for armed in searching.armed]
    patterns: Iterable[str] = (source for each in detectors for source in each.sources)
    try:
        return Automaton(patterns, (word for each in detectors for word in each.literals))
    except Unreadable:
        return None
