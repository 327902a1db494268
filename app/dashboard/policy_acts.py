"""What the buttons in the form of a policy do that do not save: rules are added, copied, moved, taken out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import g, request
from flask_babel import gettext as _

from app.dashboard import forms, pages, policy_form, policy_overlaps
from app.dashboard.auth import actor
from app.dashboard.policy_form import Row
from app.domain import strict_yaml
from app.domain.errors import InvalidInput
from app.domain.policies.rules import MOST_RULES, parse_rule
from app.services import policies


def typed() -> dict[str, Any]:
    """Return what was submitted, to show it again."""
    names = ("name", "key", "project", "note")
    return {name: forms.text(name) for name in names} | {
        "as_yaml": "rules_yaml" in request.form,
        "rules_yaml": forms.text("rules_yaml"),
        "rows": [row for row in policy_form.typed_rows() if not row.is_blank],
    }


def pressed(project_id: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the form after what its pressed button does to it, and what is wrong; nothing is saved."""
    act, _dot, number = forms.text("act").partition(".")
    if act == "check":
        return checked(project_id)
    values = {**typed(), "rows": policy_form.typed_rows()}
    errors: dict[str, str] = {}
    if act in SWITCHES_OF_VIEW:
        errors = SWITCHES_OF_VIEW[act](values)
    elif act in ACTS:
        ACTS[act](values["rows"], int(number) if number.isdecimal() else 0)
        values["focus"] = "add" if act == "remove" else ""
    return values, errors


def checked(project_id: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the form with what is wrong with its rules, or which of them fit the same calls."""
    try:
        config = policies.check(actor(), g.workspace.id, project_id, policy_form.read())
    except InvalidInput as error:
        return typed(), pages.errors_of(error)
    return {**typed(), "checked": True, "overlaps": policy_overlaps.told(config)}, {}


def add(rows: list[Row], _number: int) -> None:
    """Add a rule at the end."""
    if len(rows) < MOST_RULES:
        rows.append(Row(focus="label"))


def copy(rows: list[Row], number: int) -> None:
    """Add a copy of a rule after it."""
    if number < len(rows) < MOST_RULES:
        rows.insert(number + 1, replace(rows[number], label="", focus="label"))


def remove(rows: list[Row], number: int) -> None:
    """Take a rule out."""
    if number < len(rows):
        del rows[number]


def up(rows: list[Row], number: int) -> None:
    """Move a rule before the one that comes before it."""
    if 0 < number < len(rows):
        rows.insert(number - 1, rows.pop(number))
        rows[number - 1].focus = "up"


def down(rows: list[Row], number: int) -> None:
    """Move a rule after the one that comes after it."""
    if number < len(rows) - 1:
        rows.insert(number + 1, rows.pop(number))
        rows[number + 1].focus = "down"


def more(rows: list[Row], number: int) -> None:
    """Give a rule room for one more condition and model: every form has one free of each."""
    if number < len(rows):
        rows[number].focus = "clause"


def to_yaml(values: dict[str, Any]) -> dict[str, str]:
    """Go on as YAML."""
    rules = [as_written(row) for row in values["rows"] if not row.is_blank]
    values |= {"as_yaml": True, "rules_yaml": strict_yaml.dump(rules) if rules else ""}
    return {}


def as_written(row: Row) -> dict[str, Any]:
    """Return a rule as a file writes it; as it was typed while something is wrong with it."""
    try:
        return parse_rule(row.as_json(), "").as_dict()
    except InvalidInput:
        return row.as_json()


def to_sentences(values: dict[str, Any]) -> dict[str, str]:
    """Go on as sentences; YAML that has no such form stays what it is."""
    try:
        values |= {"rows": policy_form.rows_of(policy_form.read_yaml(values["rules_yaml"])), "as_yaml": False}
    except InvalidInput as error:
        return {"rules_yaml": error.message}
    except (AttributeError, KeyError, TypeError):
        return {"rules_yaml": str(_("This cannot be shown as sentences."))}
    return {}


ACTS: dict[str, Callable[[list[Row], int], None]] = {
    "add": add,
    "copy": copy,
    "remove": remove,
    "up": up,
    "down": down,
    "more": more,
}
SWITCHES_OF_VIEW = {"yaml": to_yaml, "sentences": to_sentences}
