"""Routing rules of an endpoint: which model answers which kind of request, first match wins (P31)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.errors import InvalidFields, InvalidInput
from app.domain.fields import Collector, refuse_unknown, text, texts
from app.domain.route_conditions import SWITCHES, Condition, parse_conditions

MOST_RULES = 20
MOST_LABEL = 60
MOST_FAILOVERS = 5
FIELDS = frozenset({"label", "model", "failover", "when"})


class Chained(Protocol):
    """An endpoint's configuration, as far as it says who answers."""

    @property
    def model(self) -> str:
        """The first to be asked."""

    @property
    def failover(self) -> tuple[str, ...]:
        """Who stands in for it."""

    @property
    def routing(self) -> tuple[RouteRule, ...]:
        """The rules."""


@dataclass(frozen=True, slots=True)
class RouteRule:
    """One rule: when all conditions of `when` hold, `model` answers first. The receipt shows `label`.

    `failover`: who stands in for it; without any, the endpoint's own chain.
    """

    label: str
    model: str
    when: tuple[Condition, ...] = ()
    failover: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """Return every model that it names."""
        return (self.model, *self.failover)

    def matches(self, facts: Mapping[str, int | None]) -> bool:
        """Say whether all conditions hold."""
        return all(condition.holds(facts.get(condition.field)) for condition in self.when)

    def hides(self, other: RouteRule) -> bool:
        """Say whether every request that the other is for is taken by this one, which comes first."""
        return all(
            any(theirs.field == mine.field and mine.covers(theirs) for theirs in other.when)
            for mine in self.when
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        when: dict[str, Any] = {}
        for condition in self.when:
            value = condition.as_json()
            when[condition.field] = (
                value if condition.field in SWITCHES else (when.get(condition.field, {}) | value)
            )
        failover = {"failover": list(self.failover)} if self.failover else {}
        return {"label": self.label, "when": when, "model": self.model, **failover}


def first_match(rules: Iterable[RouteRule], facts: Mapping[str, int | None]) -> RouteRule | None:
    """Return the first rule that a request fulfils."""
    return next((rule for rule in rules if rule.matches(facts)), None)


def facts_needed(rules: Iterable[RouteRule]) -> frozenset[str]:
    """Return which facts the rules ask for."""
    return frozenset(condition.field for rule in rules for condition in rule.when)


def models_of_rules(config: Chained) -> tuple[str, ...]:
    """Return the models that only rules name, each once."""
    chain = {config.model, *config.failover}
    named = (model for rule in config.routing for model in rule.models)
    return tuple(model for model in dict.fromkeys(named) if model not in chain)


def parse_routes(raw: Mapping[str, Any], name: str = "routing") -> tuple[RouteRule, ...]:
    """Check the field `name`; raise InvalidFields, each error under `routing.<number from 0>.<field>`."""
    value = raw.get(name) or []
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        raise InvalidInput("Must be a list of rules.", param=name)
    if len(value) > MOST_RULES:
        raise InvalidInput(f"Must be at most {MOST_RULES} rules.", param=name)
    collect = Collector()
    rules = [collect.take(parse_rule, item, f"{name}.{number}") for number, item in enumerate(value)]
    collect.finish()
    check_order(rules, name)
    return tuple(rules)


def parse_rule(raw: Mapping[str, Any], where: str) -> RouteRule:
    """Return one rule; raise InvalidFields."""
    collect = Collector()
    collect.take(refuse_unknown, raw, FIELDS)
    rule = RouteRule(
        label=collect.take(label, raw) or "",
        model=collect.take(model_name, raw) or "",
        when=collect.take(parse_conditions, raw.get("when"), "when") or (),
        failover=collect.take(texts, raw, "failover", most=MOST_FAILOVERS) or (),
    )
    if any(not is_model_id(model) for model in rule.failover):
        collect.errors["failover"] = WRITE_MODEL
    if collect.errors:
        raise InvalidFields({f"{where}.{name}": error for name, error in collect.errors.items()})
    return rule


WRITE_MODEL = "Write it as provider/model, for example openai/gpt-4o-mini."


def label(raw: Mapping[str, Any]) -> str:
    """Return the rule's name, which the receipt shows."""
    value = text(raw, "label", most=MOST_LABEL, required=True)
    if not value.isprintable():
        raise InvalidInput("Must be one line of text.", param="label")
    return value


def model_name(raw: Mapping[str, Any]) -> str:
    """Return the model of a rule as provider/model."""
    value = text(raw, "model", most=200, required=True)
    if not is_model_id(value):
        raise InvalidInput(WRITE_MODEL, param="model")
    return value


def is_model_id(value: str) -> bool:
    """Say whether a text reads provider/model."""
    provider, slash, model = value.partition("/")
    return bool(slash and provider and model) and value.isprintable() and " " not in value


def check_order(rules: list[RouteRule], name: str) -> None:
    """Raise InvalidFields for rules that no request can reach, and for labels that are there twice."""
    errors: dict[str, str] = {}
    for number, rule in enumerate(rules):
        before = rules[:number]
        hiding = next((place for place, first in enumerate(before, 1) if first.hides(rule)), None)
        if contradicts(rule):
            errors[f"{name}.{number}.when"] = "No request can fulfil all of these at once."
        elif hiding is not None:
            errors[f"{name}.{number}.when"] = (
                f"No request gets here: rule {hiding} (“{rules[hiding - 1].label}”) takes all of them before."
                " Move this one up, or change one of the two."
            )
        if any(first.label == rule.label for first in before):
            errors[f"{name}.{number}.label"] = "Another rule has this name already."
    if errors:
        raise InvalidFields(errors)


def contradicts(rule: RouteRule) -> bool:
    """Say whether two conditions on the same fact leave no value."""
    for one in rule.when:
        for other in rule.when:
            if one.field == other.field and not any(
                low <= end and start <= high for low, high in one.spans for start, end in other.spans
            ):
                return True
    return False
