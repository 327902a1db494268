"""Routing rules as a form of plain sentences, and as YAML beside it: the same data both ways."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from app.dashboard import forms
from app.domain import strict_yaml
from app.domain.endpoint_routes import MOST_RULES
from app.domain.errors import InvalidInput
from app.domain.route_conditions import SWITCHES

LEAST_CONDITIONS = 3  # of each rule, that the form has room for
BLANK_RULES = 2
BETWEEN = re.compile(r"\s*(?:-|–|—|\band\b|\bto\b|,)\s*")


@dataclass(slots=True)
class Clause:
    """One condition of a rule as the form has it."""

    fact: str = ""
    operator: str = ""
    value: str = ""


@dataclass(slots=True)
class Row:
    """One rule as the form has it. `errors`: what is wrong with it, by the field's name."""

    label: str = ""
    model: str = ""
    failover: str = ""
    clauses: list[Clause] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Say whether nothing was filled in."""
        texts = (self.label, self.model, self.failover, *(each.fact for each in self.clauses))
        return not any(text.strip() for text in texts)

    def as_json(self) -> dict[str, Any]:
        """Return the rule as a file has it; what cannot be read stays for the service to refuse."""
        others = [model.strip() for model in self.failover.split(",") if model.strip()]
        rule = {"label": self.label, "when": when_of(self.clauses), "model": self.model}
        return {**rule, "failover": others} if others else rule


def facts() -> list[tuple[str, str]]:
    """Return what a condition can be about."""
    return [
        ("", _("…")),
        ("input_tokens", _("the request’s length in tokens")),
        ("messages_count", _("the number of messages")),
        ("time_of_day", _("the time of day")),
        ("monthly_spend_pct", _("the percentage of the monthly budget that is spent")),
        ("streaming:yes", _("the answer is streamed")),
        ("streaming:no", _("the answer is not streamed")),
        ("has_output_schema:yes", _("the answer must fit a schema")),
        ("has_output_schema:no", _("the answer need not fit a schema")),
        ("has_input_schema:yes", _("the request is checked by a schema")),
        ("has_input_schema:no", _("the request is not checked by a schema")),
    ]


def operators() -> list[tuple[str, str]]:
    """Return how it can be compared."""
    return [
        ("gt", _("is above")),
        ("gte", _("is at least")),
        ("lt", _("is below")),
        ("lte", _("is at most")),
        ("eq", _("is exactly")),
        ("between", _("is between")),
    ]


def sentence(clause: Clause) -> str:
    """Return one condition as the form reads."""
    fact = dict(facts()).get(clause.fact, clause.fact)
    compares = dict(operators()).get(clause.operator, "")
    return " ".join(filter(None, (str(fact), str(compares), clause.value)))


def when_of(clauses: Iterable[Clause]) -> dict[str, Any]:
    """Return the conditions as a file has them."""
    when: dict[str, Any] = {}
    for clause in clauses:
        name, switch, answer = clause.fact.partition(":")
        if switch:
            when[name] = answer == "yes"
        elif name:
            when.setdefault(name, {})[clause.operator] = value_of(clause)
    return when


def value_of(clause: Clause) -> Any:
    """Return what is compared with."""
    if clause.operator != "between":
        return number(clause.value)
    return [number(part) for part in BETWEEN.split(clause.value.strip()) if part]


def number(typed: str) -> int | str:
    """Return a whole number, or the text when it is none."""
    text = typed.strip()
    return int(text) if text.isdecimal() and text.isascii() else text


def rows_of(routing: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return stored rules as the form has them."""
    return [
        Row(
            label=rule["label"],
            model=rule["model"],
            failover=", ".join(rule.get("failover", ())),
            clauses=[clause for name, value in rule["when"].items() for clause in clauses_of(name, value)],
        )
        for rule in routing
    ]


def clauses_of(name: str, value: Any) -> list[Clause]:
    """Return the conditions on one fact."""
    if name in SWITCHES:
        return [Clause(f"{name}:{'yes' if value else 'no'}")]
    return [Clause(name, operator, written(given)) for operator, given in value.items()]


def written(value: Any) -> str:
    """Return a value as it is typed."""
    return " - ".join(map(str, value)) if isinstance(value, list) else str(value)


def typed_rows() -> list[Row]:
    """Return the submitted rules in their order, without blank ones."""
    labels = forms.many("rule_label")
    names, models, failovers = forms.many("rule_place"), forms.many("rule_model"), forms.many("rule_failover")
    each = [forms.many(f"rule_{part}") for part in ("fact", "operator", "value")]
    room = len(each[0]) // len(labels) if labels else 0
    rows = []
    for index, (label, model, failover) in enumerate(zip(labels, models, failovers, strict=False)):
        parts = zip(*(column[index * room : (index + 1) * room] for column in each), strict=False)
        clauses = [Clause(*part) for part in parts]
        rows.append(Row(label, model, failover, [clause for clause in clauses if clause.fact]))
    order = sorted(range(len(rows)), key=lambda index: place_of(names, index))
    return [rows[index] for index in order if not rows[index].is_blank]


def place_of(places: list[str], index: int) -> tuple[int, int]:
    """Return where a rule stands: by its number, then as it came."""
    typed = places[index].strip() if index < len(places) else ""
    return (int(typed) if typed.isdecimal() and typed.isascii() else MOST_RULES + 1), index


def padded(rows: list[Row]) -> list[Row]:
    """Return the rules with room for more, and each with room for more conditions."""
    blank = [Row() for _ in range(min(BLANK_RULES, max(0, MOST_RULES - len(rows))))]
    room = max([LEAST_CONDITIONS, *(len(row.clauses) for row in rows)])
    for row in (*rows, *blank):
        row.clauses += [Clause() for _ in range(room - len(row.clauses))]
    return [*rows, *blank]


def yaml_of(routing: list[dict[str, Any]]) -> str:
    """Return rules as YAML."""
    return strict_yaml.dump(routing) if routing else ""


def read_yaml(text: str) -> Any:
    """Return rules written as YAML; raise InvalidInput."""
    try:
        return strict_yaml.load(text) or []
    except strict_yaml.YamlError as error:
        raise InvalidInput(str(error), param="rules_yaml") from None
