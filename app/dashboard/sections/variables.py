"""The section of an endpoint's variables: what callers fill into its prompts."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.dashboard import forms
from app.dashboard.sections.section import Section
from app.domain.endpoints import EndpointConfig
from app.domain.templates import INPUT, names_in
from app.domain.variables import NUMBERS, TYPES, Variable
from app.models import Project
from app.services.endpoints import EndpointView

COLUMNS = ("name", "type", "label", "help", "default", "options", "min", "max", "max_length")
MOST_NAMES = 8  # in the overview
YES = frozenset({"yes", "true", "1", "on"})
NO = frozenset({"no", "false", "0", "off"})


def read() -> dict[str, Any]:
    """Return the form as the service takes it; rows without a name and label do not count."""
    return {"variables": [given(row) for row in rows() if row["name"] or row["label"]]}


def rows() -> list[dict[str, Any]]:
    """Return the typed rows."""
    columns = {column: forms.many(f"v_{column}") for column in COLUMNS}
    required = set(forms.many("v_required"))
    count = len(columns["name"])
    return [
        {column: (cells[row] if row < len(cells) else "").strip() for column, cells in columns.items()}
        | {"required": str(row) in required}
        for row in range(count)
    ]


def given(row: dict[str, Any]) -> dict[str, Any]:
    """Return one row as the service takes it: of what does not concern its type, nothing."""
    kind = row["type"]
    found = {name: row[name] for name in ("name", "type", "label", "help", "required")}
    if kind == "enum":
        found["options"] = [part.strip() for part in row["options"].split(",")]
    if kind in NUMBERS:
        found |= {name: number(row[name]) for name in ("min", "max")}
    if kind in ("string", "text"):
        found["max_length"] = number(row["max_length"])
    found["default"] = default(kind, row["default"])
    return {name: value for name, value in found.items() if value is not None}


def number(typed: str) -> float | int | str | None:
    """Return a number, None when left empty, or the text when it is none."""
    try:
        value = float(forms.with_point(typed))
    except ValueError:
        return typed or None
    return int(value) if value.is_integer() else value


def default(kind: str, typed: str) -> Any:
    """Return a typed default in its variable's type; None when left empty."""
    if not typed:
        return None
    if kind == "bool":
        return True if typed.lower() in YES else False if typed.lower() in NO else typed
    return number(typed) if kind in NUMBERS else typed


def values(view: EndpointView) -> dict[str, Any]:
    """Return what the form shows."""
    return {"rows": [shown(variable) for variable in view.working_config.variables] or [blank()]}


def shown(variable: Variable) -> dict[str, Any]:
    """Return one row of the form."""
    row = {column: getattr(variable, column) for column in COLUMNS}
    row["options"] = ", ".join(variable.options)
    if variable.type == "bool" and variable.default is not None:
        row["default"] = str(_("yes") if variable.default else _("no"))
    return {**row, "required": variable.required}


def blank(name: str = "") -> dict[str, Any]:
    """Return an empty row."""
    return shown(Variable(name))


def typed() -> dict[str, Any]:
    """Return what was typed, after what a pressed button does to it."""
    found, (act, _dash, rest) = rows(), forms.text("act").partition("-")
    focus = None
    if act == "add":
        found.append(blank(rest))
        focus = len(found) - 1
    if act == "remove" and rest.isdecimal():
        found = [row for place, row in enumerate(found) if place != int(rest)]
    if len(found) > 1 and act == "add" and rest:
        found = [row for row in found if row["name"] or row["label"]]
        focus = len(found) - 1
    return {"rows": found or [blank()], "note": forms.text("note"), "focus": focus}


def more(view: EndpointView, project: Project) -> dict[str, Any]:
    """Return the types to choose from, names that nobody has defined, and variables that nothing uses."""
    config = view.working_config
    types = [(kind, type_words(kind)) for kind in TYPES]
    return {"types": types, "missing": missing(config), "unused": unused(config)}


def missing(config: EndpointConfig) -> list[str]:
    """Return the names that stand in the prompts and are no variables."""
    known = {INPUT, *(variable.name for variable in config.variables)}
    return [name for name in used(config) if name not in known]


def unused(config: EndpointConfig) -> list[str]:
    """Return the variables that stand in no prompt."""
    names = used(config)
    return [variable.name for variable in config.variables if variable.name not in names]


def used(config: EndpointConfig) -> tuple[str, ...]:
    """Return the names that stand in the prompts, each once."""
    return names_in(f"{config.prompt}\n{config.user_prompt_template}")


def type_words(kind: str) -> str:
    """Return a variable's type."""
    words = {
        "string": _("Short text"),
        "text": _("Long text"),
        "int": _("Whole number"),
        "float": _("Number"),
        "bool": _("Yes or no"),
        "date": _("Date"),
        "enum": _("One of a few"),
    }
    return str(words[kind])


def summary(view: EndpointView) -> str:
    """Return the section in a line."""
    names = [variable.name for variable in view.working_config.variables]
    first = ", ".join(names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        return str(_("%(first)s and %(more)d more", first=first, more=len(names) - MOST_NAMES))
    return first or str(_("None: callers send a text"))


section = Section(
    name="variables",
    label=_l("Variables"),
    hint=_l("What callers fill in: each stands as {{name}} in the prompt or the user template."),
    icon="braces",
    fields=frozenset({"variables"}),
    read=read,
    typed=typed,
    values=values,
    more=more,
    summary=summary,
)
