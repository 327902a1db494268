"""Typed variables of an endpoint: what a caller fills into its prompts (P12).

Texts about a value never hold the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.domain.bodies import encoded
from app.domain.errors import InvalidInput
from app.domain.fields import refuse_unknown, switch, text, texts

FIELD = "variables"
TYPES = ("string", "text", "int", "float", "bool", "date", "enum")
TEXTS = ("string", "text")
NUMBERS = ("int", "float")
FIELDS = frozenset(
    {"name", "type", "label", "help", "required", "default", "options", "min", "max", "max_length"}
)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
RESERVED = frozenset({"input"})
MOST_VARIABLES = 50
MOST_OPTIONS = 200
MOST_LENGTH = 100_000
USUAL_LENGTH = {"string": 1_000, "text": 20_000}
LARGEST = 10**15  # of numbers: beyond it floats are no longer exact
MOST_TOLD = 5  # errors in one answer
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `name` stands as {{name}} in both prompts; `options` are an enum's values.

    `min` and `max` bound numbers; `max_length` bounds texts, None: as long as is usual.
    """

    name: str
    type: str = "string"
    label: str = ""
    help: str = ""
    required: bool = False
    default: Any = None
    options: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    max_length: int | None = None

    @property
    def title(self) -> str:
        """Return how a form calls it."""
        return self.label or self.name.replace("_", " ").capitalize()

    @property
    def longest(self) -> int:
        """Return how many characters a text may have."""
        return self.max_length or USUAL_LENGTH.get(self.type, 0)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values: name, type, and what else is set."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values["options"] = list(self.options)
        return {name: value for name, value in values.items() if is_set(name, value)}


def is_set(name: str, value: Any) -> bool:
    """Say whether a field says anything; a default or a bound of 0 does."""
    if name in ("name", "type", "default"):
        return value is not None
    return value is not None and value is not False and value not in ("", [])


def parse_variables(raw: Mapping[str, Any], name: str = FIELD) -> tuple[Variable, ...]:
    """Check the field `name`; raise InvalidInput, which says which variable is wrong."""
    value = raw.get(name) or []
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        raise InvalidInput("Must be a list of objects.", param=name)
    if len(value) > MOST_VARIABLES:
        raise InvalidInput(f"Must be at most {MOST_VARIABLES} variables.", param=name)
    found: list[Variable] = []
    for number, item in enumerate(value, 1):
        try:
            found.append(parse_variable(item, {variable.name for variable in found}))
        except InvalidInput as error:
            called = item.get("name") or f"number {number}"
            raise InvalidInput(f"Variable {str(called)[:64]}: {error.message}", param=name) from None
    return tuple(found)


def parse_variable(raw: Mapping[str, Any], taken: set[str]) -> Variable:
    """Return one variable; raise InvalidInput."""
    refuse_unknown(raw, FIELDS)
    kind = text(raw, "type", most=20) or "string"
    if kind not in TYPES:
        raise InvalidInput(f"The type must be one of: {', '.join(TYPES)}.")
    options = texts(raw, "options", most=MOST_OPTIONS)
    if (kind == "enum") != bool(options):
        words = "List the values to choose from." if kind == "enum" else "Only “one of” has options."
        raise InvalidInput(words)
    variable = Variable(
        name=free_name(raw, taken),
        type=kind,
        label=text(raw, "label", most=100),
        help=text(raw, "help", most=500),
        required=switch(raw, "required"),
        options=options,
        min=bound(raw, "min", kind),
        max=bound(raw, "max", kind),
        max_length=length(raw, kind),
    )
    if variable.min is not None and variable.max is not None and variable.min > variable.max:
        raise InvalidInput("The smallest value is above the largest.")
    return with_default(variable, raw.get("default"))


def free_name(raw: Mapping[str, Any], taken: set[str]) -> str:
    """Return the variable's name: an identifier that nothing else has."""
    name = text(raw, "name", most=64, required=True)
    if not NAME.fullmatch(name):
        raise InvalidInput("A name has letters, digits and underscores, and begins with no digit.")
    if name in RESERVED:
        raise InvalidInput("{{input}} is the caller's own text. Pick another name.")
    if name in taken:
        raise InvalidInput("There are two of this name.")
    return name


def bound(raw: Mapping[str, Any], name: str, kind: str) -> float | None:
    """Return a bound of a number, whole where the number is."""
    value = raw.get(name)
    if value is None:
        return None
    if kind not in NUMBERS:
        raise InvalidInput(f"Only numbers have “{name}”.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise InvalidInput(f"“{name}” must be a number.")
    if kind == "int" and value != int(value):
        raise InvalidInput(f"“{name}” must be a whole number.")
    return int(value) if value == int(value) else float(value)


def length(raw: Mapping[str, Any], kind: str) -> int | None:
    """Return how long a text may be."""
    value = raw.get("max_length")
    if value is None:
        return None
    if kind not in TEXTS:
        raise InvalidInput("Only texts have a greatest length.")
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_LENGTH:
        raise InvalidInput(f"The greatest length must be a whole number from 1 to {MOST_LENGTH:,}.")
    return value


def with_default(variable: Variable, default: Any) -> Variable:
    """Return the variable with its default, which must be one of its values."""
    if default is None:
        return variable
    if variable.required:
        raise InvalidInput("What is required needs no default.")
    try:
        value = checked(variable, default)
    except InvalidInput as error:
        raise InvalidInput(f"The default {error.message}") from None
    plain = {name: getattr(variable, name) for name in variable.__slots__}
    return Variable(**{**plain, "default": value})


def check_values(variables: Sequence[Variable], given: Any) -> dict[str, Any]:
    """Return what fills the prompts, defaults included; raise InvalidInput without naming any value."""
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise InvalidInput(f"'{FIELD}' must be an object: a value for each name.", param=FIELD)
    known = {variable.name: variable for variable in variables}
    errors = [(name, unknown(name, known)) for name in given if name not in known]
    values: dict[str, Any] = {}
    for name, variable in known.items():
        try:
            values[name] = value_of(variable, given.get(name))
        except InvalidInput as error:
            errors.append((name, f"'{FIELD}.{name}' {error.message}"))
    if errors:
        param = f"{FIELD}.{errors[0][0]}" if errors[0][0] in known else FIELD
        raise InvalidInput(" ".join(words for _, words in errors[:MOST_TOLD]), param=param)
    return values


def unknown(name: str, known: Mapping[str, Variable]) -> str:
    """Say that there is no such variable; what is no name at all is not repeated."""
    called = f"no variable '{name}'" if NAME.fullmatch(name) else "a variable here that does not exist"
    names = f"It takes: {', '.join(known)}." if known else "It takes none."
    start = "This endpoint has" if NAME.fullmatch(name) else "There is"
    return f"{start} {called}. {names}"


def value_of(variable: Variable, given: Any) -> Any:
    """Return a variable's value for one call: what was given, else its default."""
    if given is None:
        if variable.required:
            raise InvalidInput("is required.")
        return variable.default
    return checked(variable, given)


def checked(variable: Variable, value: Any) -> Any:
    """Return the value if it is of the variable's type and within its bounds; raise InvalidInput."""
    if variable.type in TEXTS:
        return check_text(variable, value)
    if variable.type in NUMBERS:
        return check_number(variable, value)
    if variable.type == "bool":
        if not isinstance(value, bool):
            raise InvalidInput("must be true or false.")
        return value
    if variable.type == "date":
        return check_date(value)
    if value not in variable.options:
        raise InvalidInput(f"must be one of: {', '.join(variable.options)}.")
    return value


def check_text(variable: Variable, value: Any) -> str:
    """Return a text of allowed length; a required one is not empty."""
    if not isinstance(value, str):
        raise InvalidInput("must be a text.")
    if len(value) > variable.longest:
        raise InvalidInput(f"must have at most {variable.longest:,} characters.")
    if variable.required and not value.strip():
        raise InvalidInput("is required.")
    return value


def check_number(variable: Variable, value: Any) -> int | float:
    """Return a number within its bounds; 2.0 is a whole number as JSON has them."""
    kind = "a whole number" if variable.type == "int" else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise InvalidInput(f"must be {kind}.")
    if variable.type == "int":
        if value != int(value):
            raise InvalidInput(f"must be {kind}.")
        number: int | float = int(value)
    else:
        number = value
    if variable.min is not None and number < variable.min:
        raise InvalidInput(f"must be {kind} of at least {variable.min:,}.")
    if variable.max is not None and number > variable.max:
        raise InvalidInput(f"must be {kind} of at most {variable.max:,}.")
    return number


def check_date(value: Any) -> str:
    """Return a day as 2026-01-31."""
    try:
        if isinstance(value, str) and DAY.fullmatch(value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise InvalidInput("must be a day of the calendar, written 2026-01-31.")


def as_text(value: Any) -> str:
    """Return how a value stands in a prompt; what is no value of any type is as long as it was sent."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return encoded(value).decode()
