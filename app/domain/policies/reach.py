"""Which calls get to which rule: one call of every kind that the rules tell apart is tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain import route_conditions
from app.domain.policies.conditions import FIELDS, WORDS, Condition, Fact, Words

OTHER = "\0"  # no value contains it: alone, what no rule names; after a prefix, anything that begins so
UNKNOWN = "monthly_spend_pct"  # the one number that a call may have none of
MOST_KINDS, MOST_STEPS = 200, 200_000
When = Sequence[Condition]


class Unsure(Exception):
    """There are too many kinds of calls to try them all."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One fact for all that the rules treat alike. Bit n of `fits`: what rule n asks of this fact holds."""

    fact: Fact
    fits: int


class Reach:
    """Rules by their conditions, in order; each is asked for by its number from 0."""

    def __init__(self, whens: Sequence[When]) -> None:
        """Find the kinds of facts that the rules tell apart; raise Unsure where there are too many."""
        self.count = len(whens)
        asked = {each.field for when in whens for each in when}
        self.fields = tuple(field for field in FIELDS if field in asked)
        self.kinds = {field: kinds_of(field, whens) for field in self.fields}
        self.asking = {field: mask_of(whens, field) for field in self.fields}
        self.steps = MOST_STEPS

    def find(self, wanted: int, shunned: int) -> dict[str, Fact] | None:
        """Return a call that all wanted rules are for, and none of the shunned; None: there is none.

        Both are bits by the rules' numbers. Raise Unsure after too many tries.
        """
        fields = tuple(field for field in self.fields if self.asking[field] & (wanted | shunned))
        return self.search(fields, wanted, shunned, set())

    def search(
        self, fields: tuple[str, ...], wanted: int, left: int, failed: set[tuple[int, int]]
    ) -> dict[str, Fact] | None:
        """Return facts that keep off the shunned rules that are left; `failed`: what was tried in vain."""
        if not fields:
            return None if left else {}
        later = self.asked_of(fields[1:])
        for kind in self.kinds[fields[0]]:
            self.spend()
            after = left & kind.fits
            place = len(fields), after
            if kind.fits & wanted != wanted or after & ~later or place in failed:
                continue
            found = self.search(fields[1:], wanted, after, failed)
            if found is not None:
                return {fields[0]: kind.fact, **found}
            failed.add(place)
        return None

    def asked_of(self, fields: tuple[str, ...]) -> int:
        """Return the rules that ask for any of these facts."""
        rules = 0
        for field in fields:
            rules |= self.asking[field]
        return rules

    def spend(self) -> None:
        """Count a try; raise Unsure after too many."""
        self.steps -= 1
        if self.steps < 0:
            raise Unsure

    def hiding(self, number: int) -> tuple[int, ...] | None:
        """Return the earlier rules that together take every call that a rule is for, none in vain.

        None: some call gets to it. Nothing in it: no call fulfils the rule at all.
        """
        taken = (1 << number) - 1
        if self.find(1 << number, taken) is not None:
            return None
        for earlier in reversed(range(number)):
            fewer = taken & ~(1 << earlier)
            if self.find(1 << number, fewer) is None:
                taken = fewer
        return tuple(place for place in range(number) if taken >> place & 1)


def mask_of(whens: Sequence[When], field: str) -> int:
    """Return the rules that ask for a fact."""
    return sum(1 << number for number, when in enumerate(whens) if any(each.field == field for each in when))


def kinds_of(field: str, whens: Sequence[When]) -> list[Kind]:
    """Return one fact of every kind that the rules tell apart, those that they name first."""
    asked = [[each for each in when if each.field == field] for when in whens]
    conditions = [each for when in asked for each in when]
    facts = told(field, conditions) if field in WORDS else counted(field, conditions)
    if len(facts) > MOST_KINDS:
        raise Unsure
    kinds: dict[int, Fact] = {}
    for fact in facts:
        kinds.setdefault(fitting(asked, fact), fact)
    return [Kind(fact, fits) for fits, fact in kinds.items()]


def fitting(asked: Sequence[When], fact: Fact) -> int:
    """Return the rules whose conditions on a fact hold."""
    rules = 0
    for number, when in enumerate(asked):
        if all(each.holds(fact) for each in when):  # type: ignore[arg-type]
            rules |= 1 << number
    return rules


def told(field: str, conditions: Sequence[Condition]) -> list[Fact]:
    """Return a word of every kind: each that is named, what begins like one, what no rule names, nothing."""
    named = dict.fromkeys(value for each in conditions if isinstance(each, Words) for value in each.values)
    exact = [value for value in named if not value.endswith("*")]
    starts = [value[:-1] for value in named if value.endswith("*")]
    if field == "locale":
        starts += [f"{value}{mark}" for value in exact for mark in "-_"]
    return list(dict.fromkeys([*exact, *(f"{start}{OTHER}" for start in starts), OTHER, ""]))


def counted(field: str, conditions: Sequence[Condition]) -> list[Fact]:
    """Return a number of every kind: where each span begins, and where something else begins after it."""
    most = {route_conditions.TIME: route_conditions.DAY - 1, "streaming": 1}.get(
        field, route_conditions.NO_END
    )
    spans = [span for each in conditions if not isinstance(each, Words) for span in each.spans]
    ends = {0, *(low for low, _ in spans), *(high + 1 for _, high in spans)}
    numbers: list[Fact] = [number for number in sorted(ends) if 0 <= number <= most]
    return [*numbers, None] if field == UNKNOWN else numbers
