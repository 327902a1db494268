"""The form of a saved example: what is sent and what is expected, as the service takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from flask_babel import gettext as _

from app.dashboard import forms
from app.domain.errors import InvalidFields
from app.domain.examples import ANY_GUARDRAIL, BLOCKING, BODY_FIELDS
from app.domain.variables import Variable

TEXT_LISTS = ("contains", "not_contains")
SWITCHES = ("match_case", "fits_output_schema")
NUMBERS = ("most_output_tokens", "most_milliseconds")
VARIABLE = "variable."


def fields(variables: Iterable[Variable]) -> dict[str, Any]:
    """Return the form as the service takes it; raise InvalidFields for what is no JSON."""
    errors: dict[str, str] = {}
    body: dict[str, Any] = {"message": forms.text("message") or None}
    if forms.text("messages").strip():
        body = {"messages": read_json("messages", errors)}
    given = read_variables(variables)
    if given:
        body["variables"] = given
    expected = read_expected(errors)
    if errors:
        raise InvalidFields(errors)
    return {"name": forms.text("name"), "body": body, "expected": expected}


def read_expected(errors: dict[str, str]) -> dict[str, Any]:
    """Return what is expected, as far as the form says anything."""
    found: dict[str, Any] = {name: forms.text(name).splitlines() for name in TEXT_LISTS}
    found |= {name: forms.switch(name) for name in SWITCHES}
    found |= {name: forms.whole(name) for name in NUMBERS}
    found["most_cost_usd"] = forms.amount("most_cost_usd")
    found["blocked_by"] = forms.text("blocked_by")
    if forms.text("json_schema").strip():
        found["json_schema"] = read_json("json_schema", errors)
    return {name: value for name, value in found.items() if value not in (None, "", [], False)}


def read_json(name: str, errors: dict[str, str]) -> Any:
    """Return the JSON of a field; note what is wrong with it."""
    try:
        return orjson.loads(forms.text(name))
    except ValueError as error:
        errors[name] = _("This is not JSON: %(reason)s", reason=str(error))
        return None


def tried() -> dict[str, Any]:
    """Return the request that was just tried, as an example keeps it; empty when it cannot be read."""
    try:
        sent = orjson.loads(forms.text("body"))
    except ValueError:
        return {}
    return {name: sent[name] for name in BODY_FIELDS if sent.get(name)} if isinstance(sent, dict) else {}


def read_variables(variables: Iterable[Variable]) -> dict[str, Any]:
    """Return the variables that were filled in, by their types; what does not fit is the call's to refuse."""
    typed = {variable: forms.text(VARIABLE + variable.name).strip() for variable in variables}
    return {variable.name: value_of(variable, text) for variable, text in typed.items() if text}


def value_of(variable: Variable, typed: str) -> Any:
    """Return a typed text as the variable's type."""
    if variable.type == "bool":
        return typed == "true"
    try:
        if variable.type == "int":
            return int(typed)
        return float(typed) if variable.type == "float" else typed
    except ValueError:
        return typed


def values_of(example: Mapping[str, Any]) -> dict[str, Any]:
    """Return an example as the form shows it."""
    body, expected = example["body"], dict(example["expected"])
    values: dict[str, Any] = {"name": example["name"], "message": body.get("message", "")}
    if "messages" in body:
        values["messages"] = pretty(body["messages"])
    for name, value in body.get("variables", {}).items():
        values[VARIABLE + name] = str(value).lower() if isinstance(value, bool) else value
    for name in TEXT_LISTS:
        expected[name] = "\n".join(expected.get(name, ()))
    if "json_schema" in expected:
        expected["json_schema"] = pretty(expected["json_schema"])
    return {**values, **expected}


def options_of(variable: Variable) -> list[tuple[str, str]]:
    """Return an enum's values to choose from."""
    return [("", _("left out")), *((option, option) for option in variable.options)]


def pretty(value: Any) -> str:
    """Return JSON as people write it."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def errors_of(errors: Mapping[str, str]) -> dict[str, str]:
    """Return the service's errors under the names of the form's fields."""
    return {
        ("message" if name == "body" else name.removeprefix("expected.")): e for name, e in errors.items()
    }


def guardrails() -> list[tuple[str, str]]:
    """Return what an example can expect to be blocked by."""
    words = {
        "length": _("Content length"),
        "keywords": _("Keywords"),
        "secrets": _("Secrets"),
        "pii": _("Personal data"),
        "patterns": _("Patterns of your own"),
        "injection": _("Prompt injection"),
        "language": _("Language"),
        "json_only": _("JSON only"),
        "judge": _("A judging model"),
    }
    kinds = [(kind, str(words.get(kind, kind))) for kind in BLOCKING]
    return [("", _("It is to be answered")), (ANY_GUARDRAIL, _("Any guardrail")), *kinds]
