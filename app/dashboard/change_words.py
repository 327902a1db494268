"""What differs between two versions, in the words of the forms: `Personal data → What happens: stops it`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext as _

from app.dashboard import guardrail_words, route_rules
from app.dashboard.sections.session import duration
from app.dashboard.sections.variables import type_words
from app.domain.endpoints import EndpointConfig
from app.domain.guardrails.kind_fields import LANGUAGES
from app.domain.guardrails.secrets import secret_kinds
from app.domain.version_diffs import FieldChange, differences


def changes(before: EndpointConfig, after: EndpointConfig) -> list[FieldChange]:
    """Return the fields that differ; the lines of what has parts are in words."""
    return differences(before, after, told)


def told(name: str, value: Any) -> Any:
    """Return a field's value with the words of its form in place of the names of files."""
    return WORDS[name](value) if value and name in WORDS else value


def guardrails(rules: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return rules under their titles."""
    titles = guardrail_words.TITLES
    return {str(titles.get(kind, kind)): rule_of(rule) for kind, rule in rules.items()}


def rule_of(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return one guardrail's fields under their labels."""
    labels = {
        "action": _("What happens"),
        "on": _("Where it looks"),
        "locked": _("Nobody below may change it"),
        "allow": _("Addresses"),
        "from": _("From"),
        "to": _("To"),
        "days": _("Days"),
        "most_characters": _("At most, characters"),
        "words": _("Words and phrases"),
        "kinds": _("What to look for"),
        "names": _("Names to look for"),
        "patterns": _("Patterns"),
        "allowed": _("Languages to let through"),
        "rule": _("Your rule"),
        "model": _("Model that decides"),
    }
    return {labels.get(name, name): part(name, value) for name, value in rule.items()}


def part(name: str, value: Any) -> Any:
    """Return the value of one field of a guardrail."""
    if name == "patterns":
        labels = {"pattern": _("Pattern"), "action": _("What happens")}
        return [
            {labels.get(key, key): part(key, inner) for key, inner in pattern.items()} for pattern in value
        ]
    known: dict[str, Mapping[str, Any]] = {
        "action": guardrail_words.SHORT,
        "on": guardrail_words.SIDES,
        "days": guardrail_words.DAYS,
        "kinds": {**secret_kinds(), **guardrail_words.PII},
        "allowed": LANGUAGES,
    }
    words = known.get(name, {})
    if isinstance(value, list):
        return [str(words.get(each, each)) for each in value]
    return str(words.get(value, value)) if words else value


def variables(rows: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return variables with the labels of their form; each keeps its name, which tells them apart."""
    labels = {
        "name": "name",
        "type": _("Kind"),
        "options": _("To choose from"),
        "label": _("Question in forms"),
        "required": _("Must be filled in"),
        "default": _("If left empty"),
        "help": _("Help in forms"),
        "min": _("Smallest"),
        "max": _("Largest"),
        "max_length": _("Most characters"),
    }
    return [
        {labels.get(key, key): type_words(value) if key == "type" else value for key, value in row.items()}
        for row in rows
    ]


def session(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return how conversations are kept."""
    labels = {
        "ttl_seconds": _("Forgotten after"),
        "max_messages": _("Most messages"),
        "max_tokens": _("Most tokens"),
    }
    return {
        labels.get(key, key): duration(value) if key == "ttl_seconds" else value
        for key, value in settings.items()
    }


def routing(rules: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return routing rules, their conditions as sentences."""
    return [
        {
            "label": rule["label"],
            str(_("When")): [route_rules.sentence(clause) for clause in row.clauses],
            str(_("The model that answers first")): rule["model"],
            **({str(_("If it fails")): row.failover} if row.failover else {}),
        }
        for rule, row in zip(rules, route_rules.rows_of(rules), strict=True)
    ]


WORDS: dict[str, Callable[[Any], Any]] = {
    "guardrails": guardrails,
    "variables": variables,
    "session": session,
    "routing": routing,
    "cache_seconds": duration,
}
