"""What a policy's rule may ask of a call: words that the client said, or spans of a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any

from app.domain import route_conditions
from app.domain.errors import InvalidInput
from app.domain.policies.contexts import TRIAL_STATUSES
from app.domain.routing.words import CATEGORIES

WORDS = (
    "plan", "region", "country", "locale", "platform", "cohort", "feature", "trial_status", "user",
    "task_type", "model",
)  # fmt: skip
NUMBERS = ("input_tokens", "monthly_spend_pct", "time_of_day", "streaming")
FIELDS = (*WORDS, *NUMBERS)
EXACT = frozenset({"user"})  # upper and lower case differ
MOST_VALUES, LONGEST_VALUE = 100, 200
TASK_TYPES = (*CATEGORIES, "chat")
Fact = str | int | None


@dataclass(frozen=True, slots=True)
class Words:
    """One of some values, or (`negated`) none of them. `en` means `en-gb`, too; `openai/*` all its models."""

    field: str
    values: tuple[str, ...]
    negated: bool = False
    is_exact: bool = attribute(init=False, compare=False)  # each value means itself alone

    def __post_init__(self) -> None:
        is_exact = self.field != "locale" and not any(value.endswith("*") for value in self.values)
        object.__setattr__(self, "is_exact", is_exact)

    def holds(self, fact: Fact) -> bool:
        """Say whether a fact fulfils it; one that was not said fulfils only a negated one."""
        told = "" if fact is None else str(fact)
        if self.is_exact or told in self.values:
            return (told in self.values) != self.negated
        return any(self.fits(value, told) for value in self.values) != self.negated

    def fits(self, value: str, told: str) -> bool:
        """Say whether what was told is this value; what all of another value's facts are, too, if that is."""
        if value.endswith("*"):
            return bool(told) and told.startswith(value[:-1])
        is_within = self.field == "locale" and told.startswith((f"{value}-", f"{value}_"))
        return told == value or is_within

    def covers(self, other: Words) -> bool:
        """Say whether whatever fulfils the other one fulfils this one, too."""
        if self.negated and other.negated:
            return other.contains(self)
        if self.negated:
            return not self.meets(other)
        return not other.negated and self.contains(other)

    def excludes(self, other: Words) -> bool:
        """Say whether no call can fulfil both."""
        if self.negated and other.negated:
            return False
        if other.negated:
            return other.contains(self)
        return self.contains(other) if self.negated else not self.meets(other)

    def contains(self, other: Words) -> bool:
        """Say whether each of the other's values is within one of these; negated or not."""
        return all(any(self.fits(mine, theirs) for mine in self.values) for theirs in other.values)

    def meets(self, other: Words) -> bool:
        """Say whether some fact is one of these values and of the other's: one is then within the other."""
        pairs = ((mine, theirs) for mine in self.values for theirs in other.values)
        return any(self.fits(mine, theirs) or self.fits(theirs, mine) for mine, theirs in pairs)

    def as_json(self) -> Any:
        """Return it as it stands in a file."""
        values = list(self.values) if len(self.values) > 1 else self.values[0]
        return {"not": values} if self.negated else values


Condition = Words | route_conditions.Condition


def excludes(one: Condition, other: Condition) -> bool:
    """Say whether no call can fulfil both conditions, which are about the same fact."""
    if isinstance(one, Words) and isinstance(other, Words):
        return one.excludes(other)
    assert not isinstance(one, Words) and not isinstance(other, Words)
    return not any(low <= end and start <= high for low, high in one.spans for start, end in other.spans)


def parse_when(raw: Any, name: str = "when") -> tuple[Condition, ...]:
    """Check a rule's `when`; raise InvalidInput, naming the condition."""
    if raw is None:
        return ()
    if not isinstance(raw, Mapping):
        raise InvalidInput("Write conditions as names and values.", param=name)
    found: list[Condition] = []
    for field, value in raw.items():
        where = f"{name}.{field}"
        if field in WORDS:
            found.append(words_of(field, value, where))
        elif field in NUMBERS:
            found += route_conditions.conditions_of(field, value, where)
        else:
            raise InvalidInput(f"There is no such condition. There are: {', '.join(FIELDS)}.", param=where)
    return tuple(sorted(found, key=place))


def place(condition: Condition) -> tuple[int, int]:
    """Return where a condition stands, however the file orders them."""
    if isinstance(condition, Words):
        return FIELDS.index(condition.field), 0
    return FIELDS.index(condition.field), route_conditions.OPERATORS.index(condition.operator)


def words_of(field: str, raw: Any, where: str) -> Words:
    """Return a condition on words: one value, a list of them, or either under `not`."""
    negated = isinstance(raw, Mapping)
    if negated and set(raw) != {"not"}:
        raise InvalidInput("Write a value, a list of values, or `not` with either.", param=where)
    given = raw["not"] if negated else raw
    values = given if isinstance(given, list | tuple) else [given]
    if not values or len(values) > MOST_VALUES:
        raise InvalidInput(f"Give 1 to {MOST_VALUES} values.", param=where)
    return Words(field, tuple(dict.fromkeys(checked(field, value, where) for value in values)), negated)


def checked(field: str, value: Any, where: str) -> str:
    """Return one value, in the case in which it is compared."""
    if (
        not isinstance(value, str)
        or not value.strip()
        or not value.isprintable()
        or len(value) > LONGEST_VALUE
    ):
        raise InvalidInput("Each value must be one line of text.", param=where)
    text = value.strip()
    text = text if field in EXACT else text.upper() if field == "trial_status" else text.lower()
    among = {"trial_status": TRIAL_STATUSES, "task_type": TASK_TYPES}.get(field)
    if among is not None and text not in among:
        raise InvalidInput(f"Choose from: {', '.join(among)}.", param=where)
    return text


def when_as_json(when: tuple[Condition, ...]) -> dict[str, Any]:
    """Return conditions as they stand in a file."""
    told: dict[str, Any] = {}
    for each in when:
        value = each.as_json()
        is_span = not isinstance(each, Words) and isinstance(value, dict)
        told[each.field] = {**told.get(each.field, {}), **value} if is_span else value
    return told
