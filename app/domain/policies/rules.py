"""A policy's version: ordered rules, each saying when it holds, what is done and within which bounds."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import InvalidFields, InvalidInput
from app.domain.fields import Collector, refuse_unknown, text, texts, whole
from app.domain.policies.conditions import Condition, Fact, excludes, parse_when, when_as_json
from app.domain.policies.reach import Reach, Unsure
from app.domain.pricing import nano_to_usd, usd_to_nano

ALLOW, DOWNGRADE, FALLBACK, BLOCK = ACTIONS = ("ALLOW", "DOWNGRADE", "FALLBACK", "BLOCK")
WITH_MODELS = (DOWNGRADE, FALLBACK)
MOST_RULES, MOST_MODELS, MOST_LABEL, MOST_MESSAGE, MOST_PROVIDERS = 50, 5, 60, 300, 50
BOUNDS = frozenset(
    {"max_usd_per_request", "max_input_usd_per_million", "min_quality", "providers", "excluded_providers"}
)
FIELDS = frozenset({"label", "when", "action", "models", "prompt", "message"}) | BOUNDS
NOBODY = "No call can fulfil all of these at once."
PROMPT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}(?:@[1-9]\d{0,8})?")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What excludes a model by a rule; None and empty: nothing. Money in nano-dollars, quality 0 to 100."""

    max_nano_usd_per_request: int | None = None
    max_input_nano_usd_per_million: int | None = None
    min_quality: int | None = None
    providers: tuple[str, ...] = ()
    excluded_providers: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return those that are set, as a file writes them."""
        dollars = {
            "max_usd_per_request": self.max_nano_usd_per_request,
            "max_input_usd_per_million": self.max_input_nano_usd_per_million,
        }
        told: dict[str, Any] = {
            name: nano_to_usd(value) for name, value in dollars.items() if value is not None
        }
        if self.min_quality is not None:
            told["min_quality"] = self.min_quality
        lists = {"providers": self.providers, "excluded_providers": self.excluded_providers}
        return told | {name: list(value) for name, value in lists.items() if value}


NO_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """When all of `when` holds, do `action`. The receipt shows `label`.

    ALLOW: the requested model answers. DOWNGRADE: `models` answer in its place, in order. FALLBACK: the
    requested one answers, `models` stand in for it. BLOCK: nobody does, and the client reads `message`.
    `prompt`: of which endpoint of the project, and of which version: support@3; without one, the published.
    """

    label: str
    action: str = ALLOW
    when: tuple[Condition, ...] = ()
    models: tuple[str, ...] = ()
    bounds: Bounds = NO_BOUNDS
    prompt: str = ""
    message: str = ""

    def matches(self, facts: Mapping[str, Fact]) -> bool:
        """Say whether all conditions hold."""
        return all(condition.holds(facts.get(condition.field)) for condition in self.when)  # type: ignore[arg-type]

    def hides(self, other: PolicyRule) -> bool:
        """Say whether every call that the other is for is taken by this one, which comes first."""
        return all(
            any(theirs.field == mine.field and mine.covers(theirs) for theirs in other.when)  # type: ignore[arg-type]
            for mine in self.when
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without what is not set."""
        told: dict[str, Any] = {"label": self.label, "when": when_as_json(self.when), "action": self.action}
        more = {"models": list(self.models), "prompt": self.prompt, "message": self.message}
        return told | {name: value for name, value in more.items() if value} | self.bounds.as_dict()


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """What a version of a policy says. Where no rule holds, the requested model answers."""

    rules: tuple[PolicyRule, ...] = ()
    needs: frozenset[str] = field(init=False, compare=False)  # which facts the rules ask for

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", frozenset(part.field for rule in self.rules for part in rule.when))

    def first_match(self, facts: Mapping[str, Fact]) -> PolicyRule | None:
        """Return the first rule that a call fulfils."""
        return next((rule for rule in self.rules if rule.matches(facts)), None)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"rules": [rule.as_dict() for rule in self.rules]}


def parse_policy(raw: Mapping[str, Any], *, stored: bool = False) -> PolicyConfig:
    """Check a version; raise InvalidFields, each error under `rules.<number from 0>.<field>`.

    The order of rules that are `stored` was checked when they were saved.
    """
    refuse_unknown(raw, frozenset({"rules"}))
    value = raw.get("rules") or []
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        raise InvalidInput("Must be a list of rules.", param="rules")
    if len(value) > MOST_RULES:
        raise InvalidInput(f"Must be at most {MOST_RULES} rules.", param="rules")
    collect = Collector()
    rules = [collect.take(parse_rule, item, f"rules.{number}") for number, item in enumerate(value)]
    collect.finish()
    if not stored:
        check_order(rules)
    return PolicyConfig(tuple(rules))


def parse_rule(raw: Mapping[str, Any], where: str) -> PolicyRule:
    """Return one rule; raise InvalidFields."""
    collect = Collector()
    collect.take(refuse_unknown, raw, FIELDS)
    rule = PolicyRule(
        label=collect.take(one_line, raw, "label", MOST_LABEL, needed=True) or "",
        action=collect.take(action, raw) or ALLOW,
        when=collect.take(parse_when, raw.get("when")) or (),
        models=collect.take(texts, raw, "models", most=MOST_MODELS) or (),
        bounds=bounds_of(raw, collect),
        prompt=collect.take(prompt, raw) or "",
        message=collect.take(one_line, raw, "message", MOST_MESSAGE) or "",
    )
    if not collect.errors:
        collect.errors |= contradictions(rule)
    if collect.errors:
        raise InvalidFields({f"{where}.{name}": error for name, error in collect.errors.items()})
    return rule


def bounds_of(raw: Mapping[str, Any], collect: Collector) -> Bounds:
    """Return a rule's bounds, noting what is wrong with them."""
    return Bounds(
        max_nano_usd_per_request=collect.take(dollars, raw, "max_usd_per_request"),
        max_input_nano_usd_per_million=collect.take(dollars, raw, "max_input_usd_per_million"),
        min_quality=collect.take(whole, raw, "min_quality", 0, 100),
        providers=collect.take(slugs, raw, "providers") or (),
        excluded_providers=collect.take(slugs, raw, "excluded_providers") or (),
    )


def slugs(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return names of providers, in lower case (C28)."""
    given = texts(raw, name, most=MOST_PROVIDERS, longest=64)
    return tuple(dict.fromkeys(slug.lower() for slug in given))


def dollars(raw: Mapping[str, Any], name: str) -> int | None:
    """Return an amount in nano-dollars; None when it is not set."""
    written = text(raw, name, most=40)
    if not written:
        return None
    try:
        return usd_to_nano(written)
    except ValueError as error:
        raise InvalidInput(str(error), param=name) from None


def one_line(raw: Mapping[str, Any], name: str, most: int, *, needed: bool = False) -> str:
    """Return a text of one line."""
    value = text(raw, name, most=most, required=needed)
    if not value.isprintable():
        raise InvalidInput("Must be one line of text.", param=name)
    return value


def action(raw: Mapping[str, Any]) -> str:
    """Return what is done, in any case; ALLOW when it is left out."""
    value = text(raw, "action", most=16).upper() or ALLOW
    if value not in ACTIONS:
        raise InvalidInput(f"Choose from: {', '.join(ACTIONS)}.", param="action")
    return value


def prompt(raw: Mapping[str, Any]) -> str:
    """Return of which endpoint the prompt is, perhaps with a version."""
    value = text(raw, "prompt", most=80)
    if value and not PROMPT.fullmatch(value):
        raise InvalidInput(
            "Write an endpoint's address, or one of its versions as address@3.", param="prompt"
        )
    return value


def contradictions(rule: PolicyRule) -> dict[str, str]:
    """Return what of a rule cannot be meant together, by field."""
    errors: dict[str, str] = {}
    if rule.models and rule.action not in WITH_MODELS:
        errors["models"] = (
            f"{rule.action} takes no models: choose {DOWNGRADE} or {FALLBACK}, or leave them out."
        )
    if not rule.models and rule.action in WITH_MODELS:
        errors["models"] = f"Name at least one model: {rule.action} needs it."
    if rule.message and rule.action != BLOCK:
        errors["message"] = f"Only {BLOCK} says something to the client."
    if rule.action == BLOCK and (rule.bounds != NO_BOUNDS or rule.prompt):
        errors["action"] = f"{BLOCK} asks no model, so bounds and a prompt mean nothing here."
    if set(rule.bounds.providers) & set(rule.bounds.excluded_providers):
        errors["excluded_providers"] = "A provider cannot be both asked for and excluded."
    if any(a.field == b.field and excludes(a, b) for a in rule.when for b in rule.when):
        errors["when"] = NOBODY
    return errors


def check_order(rules: Sequence[PolicyRule]) -> None:
    """Raise InvalidFields for rules that no call can reach, and for labels that are there twice."""
    errors: dict[str, str] = {}
    for number, rule in enumerate(rules):
        before = rules[:number]
        hiding = next((place for place, first in enumerate(before) if first.hides(rule)), None)
        if hiding is not None:
            errors[f"rules.{number}.when"] = unreachable(hiding + 1, before[hiding], rule)
        if any(first.label == rule.label for first in before):
            errors[f"rules.{number}.label"] = "Another rule has this name already."
    errors = hidden_by_several(rules, errors) | errors
    if errors:
        raise InvalidFields(errors)


def hidden_by_several(rules: Sequence[PolicyRule], known: Container[str]) -> dict[str, str]:
    """Return what is wrong with rules whose calls several earlier ones take; nothing where that is unsure."""
    errors: dict[str, str] = {}
    try:
        reach = Reach([rule.when for rule in rules])
        for number in range(len(rules)):
            where = f"rules.{number}.when"
            hiding = None if where in known else reach.hiding(number)
            if hiding is not None:
                errors[where] = taken_by([(place + 1, rules[place].label) for place in hiding])
    except Unsure:
        pass
    return errors


def taken_by(rules: Sequence[tuple[int, str]]) -> str:
    """Say which rules together take every call before it gets to one."""
    if not rules:
        return NOBODY
    *most, last = [f"{place} (“{label}”)" for place, label in rules]
    names = f"rules {', '.join(most)} and {last} together take" if most else f"rule {last} takes"
    return f"No call gets here: {names} all of them before. Move this one up, or change what takes its calls."


def unreachable(place: int, first: PolicyRule, rule: PolicyRule) -> str:
    """Say why no call gets to a rule."""
    what = (
        "does the same"
        if first.action == rule.action
        else f"says {first.action} where this says {rule.action}"
    )
    return (
        f"No call gets here: rule {place} (“{first.label}”) takes all of them before, and {what}."
        " Move this one up, or change one of the two."
    )


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a policy says of one call: which rule held, what is done, and which models may answer."""

    action: str
    rule: str  # its label; empty: none held
    models: tuple[str, ...]
    bounds: Bounds = NO_BOUNDS
    prompt: str = ""
    message: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)  # those that the rules asked for

    @property
    def names_models(self) -> bool:
        """Say whether the rule says which models answer, and in which order."""
        return self.action in WITH_MODELS


def rule_on(config: PolicyConfig, requested: tuple[str, ...], facts: Mapping[str, Fact]) -> Ruling:
    """Return what a version says of a call that asks for these models. Proxy and light mode both ask this."""
    rule = config.first_match(facts)
    if rule is None:
        return Ruling(ALLOW, "", requested, facts=facts)
    models = {DOWNGRADE: rule.models, FALLBACK: (*requested, *rule.models), BLOCK: ()}
    chain = tuple(dict.fromkeys(models.get(rule.action, requested)))
    return Ruling(rule.action, rule.label, chain, rule.bounds, rule.prompt, rule.message, facts)
