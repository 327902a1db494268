"""Conditions of an endpoint's routing rules: on what, how compared, and which values fulfil them (P31).

Every condition is a span of one ordered value: so it can be told whether one leaves room for another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.errors import InvalidInput

OPERATORS = ("lt", "lte", "gt", "gte", "eq", "between")
SWITCHES = ("has_output_schema", "has_input_schema", "streaming")
TIME = "time_of_day"
MOST = {"input_tokens": 10_000_000, "messages_count": 10_000, "monthly_spend_pct": 1_000}
FIELDS = (*MOST, *SWITCHES, TIME)
CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
DAY = 24 * 60
Span = tuple[int, int]  # both included


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one fact. `value`: a whole number, a switch, a time as HH:MM, or two for `between`."""

    field: str
    operator: str
    value: Any

    @property
    def spans(self) -> tuple[Span, ...]:
        """Return the values that fulfil it; a time of day may run over midnight, and is then two spans."""
        most = DAY - 1 if self.field == TIME else 1 if self.field in SWITCHES else NO_END
        if self.operator != "between":
            number = number_of(self.field, self.value)
            low, high = BOUNDS[self.operator](number, most)
            return ((low, high),) if low <= high else ()
        low, high = (number_of(self.field, each) for each in self.value)
        if self.field != TIME:
            return ((low, high),)
        high -= 1  # until 06:00 ends before it
        return ((low, high),) if low <= high else tuple(s for s in ((low, most), (0, high)) if s[0] <= s[1])

    def holds(self, fact: int | None) -> bool:
        """Say whether a fact fulfils it; one that is not known does not."""
        return fact is not None and any(low <= fact <= high for low, high in self.spans)

    def covers(self, other: Condition) -> bool:
        """Say whether whatever fulfils the other fulfils this one, too."""
        return all(any(low <= a and b <= high for low, high in self.spans) for a, b in other.spans)

    def as_json(self) -> Any:
        """Return it as it stands in a file: a switch plain, anything else under its operator."""
        if self.field in SWITCHES:
            return self.value
        return {self.operator: list(self.value) if self.operator == "between" else self.value}


NO_END = 10**12
BOUNDS = {
    "lt": lambda number, _: (0, number - 1),
    "lte": lambda number, _: (0, number),
    "gt": lambda number, most: (number + 1, most),
    "gte": lambda number, most: (number, most),
    "eq": lambda number, _: (number, number),
}


def number_of(field: str, value: Any) -> int:
    """Return a value as the number that is compared: minutes of the day, or 0 and 1 for a switch."""
    if field == TIME:
        return int(value[:2]) * 60 + int(value[3:])
    return int(value)


def parse_conditions(raw: Any, name: str) -> tuple[Condition, ...]:
    """Check a rule's `when`; raise InvalidInput, naming the condition."""
    if raw is None:
        return ()
    if not isinstance(raw, Mapping):
        raise InvalidInput("Write conditions as names and comparisons.", param=name)
    found: list[Condition] = []
    for field, comparisons in raw.items():
        where = f"{name}.{field}"
        if field not in FIELDS:
            raise InvalidInput(f"There is no such condition. There are: {', '.join(FIELDS)}.", param=where)
        found += conditions_of(field, comparisons, where)
    return tuple(sorted(found, key=lambda each: (FIELDS.index(each.field), OPERATORS.index(each.operator))))


def conditions_of(field: str, comparisons: Any, where: str) -> list[Condition]:
    """Return the comparisons of one fact; a bare value means that it is equal."""
    given = comparisons if isinstance(comparisons, Mapping) else {"eq": comparisons}
    if not given or any(operator not in OPERATORS for operator in given):
        raise InvalidInput(f"Compare it with one of: {', '.join(OPERATORS)}.", param=where)
    if field in SWITCHES and set(given) != {"eq"}:
        raise InvalidInput("Must be true or false.", param=where)
    return [condition_of(field, operator, value, where) for operator, value in given.items()]


def condition_of(field: str, operator: str, value: Any, where: str) -> Condition:
    """Return one comparison; raise InvalidInput where nothing could ever fulfil it."""
    if operator != "between":
        condition = Condition(field, operator, checked(field, value, where))
    else:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise InvalidInput("Give two values, from and to.", param=where)
        condition = Condition(field, operator, tuple(checked(field, each, where) for each in value))
    spans = condition.spans
    if not spans or any(low > high for low, high in spans):
        raise InvalidInput("No value fits this.", param=where)
    return condition


def checked(field: str, value: Any, where: str) -> Any:
    """Return one value of a fact."""
    if field == TIME:
        if not isinstance(value, str) or CLOCK.fullmatch(value) is None:
            raise InvalidInput("Write a time of day as HH:MM, for example 22:00.", param=where)
        return value
    if field in SWITCHES:
        if not isinstance(value, bool):
            raise InvalidInput("Must be true or false.", param=where)
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST[field]:
        raise InvalidInput(f"Must be a whole number from 0 to {MOST[field]:,}.", param=where)
    return value
