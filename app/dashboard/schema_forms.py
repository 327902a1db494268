"""The form of one schema: fields one by one, or JSON; what its buttons do that do not save."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from flask_babel import gettext as _

from app.dashboard import forms
from app.domain import json_schemas
from app.domain.bodies import encoded
from app.domain.endpoint_schemas import parse_schema, parse_text
from app.domain.errors import InvalidInput
from app.domain.json_schemas import Unusable, compile_schema
from app.domain.schema_fields import SchemaField, from_schema, inferred, to_schema

Json = dict[str, Any]
Values = dict[str, Any]
HOWS = ("none", "fields", "json")
COLUMNS = ("kind", "description", "options", "level")
COMMA = ","


def read(side: str) -> Json | str | None:
    """Return the schema of one side, input or output, as the service takes it; raise InvalidInput."""
    how = forms.text(f"{side}_how")
    if how == "json":
        return forms.text(f"{side}_json") or None
    if how != "fields":
        return None
    try:
        return to_schema(fields(side))
    except InvalidInput as error:
        raise InvalidInput(error.message, param=f"{side}_schema") from None


def fields(side: str) -> list[SchemaField]:
    """Return the typed fields; rows that are empty do not count."""
    found = [field for field in rows(side) if field.name or field.description or field.options]
    return found


def rows(side: str) -> list[SchemaField]:
    """Return the typed rows, empty ones too."""
    names = forms.many(f"{side}_name")
    columns = {
        column: forms.many(f"{side}_{column}") for column in ("kind", "description", "options", "level")
    }
    required = set(forms.many(f"{side}_required"))

    def cell(column: str, number: int) -> str:
        return columns[column][number].strip() if number < len(columns[column]) else ""

    return [
        SchemaField(
            name=name.strip(),
            kind=cell("kind", number),
            required=str(number) in required,
            description=cell("description", number),
            options=separated(cell("options", number)) if cell("kind", number) == "choice" else (),
            level=int(cell("level", number)) if cell("level", number) in ("1", "2") else 0,
        )
        for number, name in enumerate(names)
    ]


def separated(typed: str) -> tuple[str, ...]:
    """Return what stands between commas."""
    return tuple(part.strip() for part in typed.split(COMMA) if part.strip())


def values(side: str, schema: Json | None) -> Values:
    """Return what the form shows of a schema."""
    found = from_schema(schema)
    if found is not None and any(COMMA in option for field in found for option in field.options):
        found = None
    how = "none" if schema is None else "json" if found is None else "fields"
    return {
        "how": how,
        "rows": [shown(field) for field in found or [SchemaField("")]],
        "json": pretty(schema) if schema is not None else "",
        "by_hand": schema is not None and found is None,
        "sample": "",
    }


def shown(field: SchemaField) -> Values:
    """Return one row of the form."""
    return {**asdict(field), "options": ", ".join(field.options)}


def pretty(value: Any) -> str:
    """Return JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def typed(side: str) -> Values:
    """Return what was typed, after what its pressed button does to it."""
    how = forms.text(f"{side}_how")
    found: Values = {
        "how": how if how in HOWS else "none",
        "rows": [shown(field) for field in rows(side)] or [shown(SchemaField(""))],
        "json": forms.text(f"{side}_json"),
        "sample": forms.text(f"{side}_sample"),
    }
    act, _dash, number = forms.text("act").removeprefix(f"{side}-").partition("-")
    if forms.text("act").startswith(f"{side}-") and act in ACTS:
        ACTS[act](side, found, number)
    return found


def add(side: str, found: Values, number: str) -> None:
    """Add a row, on the level of the last one."""
    level = found["rows"][-1]["level"] + (found["rows"][-1]["kind"] in ("group", "groups"))
    found["rows"].append(shown(SchemaField("", level=min(level, 2))))
    found["focus"] = len(found["rows"]) - 1


def remove(side: str, found: Values, number: str) -> None:
    """Take a row out; the last one is emptied."""
    place = int(number) if number.isdecimal() else -1
    found["rows"] = [row for index, row in enumerate(found["rows"]) if index != place]
    found["rows"] = found["rows"] or [shown(SchemaField(""))]


def example(side: str, found: Values, number: str) -> None:
    """Make the schema from the pasted example."""
    try:
        schema = inferred(parse_text(found["sample"], "sample"))
    except InvalidInput as error:
        found["told"] = (False, error.message)
        return
    found |= {name: value for name, value in values(side, schema).items() if name != "sample"}
    found["told"] = (True, str(_("This is what the example tells. Correct what it got wrong, then save.")))


def as_json(side: str, found: Values, number: str) -> None:
    """Show the fields as JSON, to go on by hand."""
    try:
        found["json"], found["how"] = pretty(to_schema(fields(side))), "json"
    except InvalidInput as error:
        found["told"] = (False, error.message)


def try_sample(side: str, found: Values, number: str) -> None:
    """Say whether the pasted JSON fits the schema as it is typed."""
    found["told"] = told(side, found["sample"])


def told(side: str, sample: str) -> tuple[bool, str]:
    """Return whether a text fits, and the words for it."""
    try:
        schema = parse_schema({"schema": read(side)}, "schema")
        value = parse_text(sample, "sample")
    except InvalidInput as error:
        return False, error.message
    if schema is None:
        return False, str(_("There is no schema yet."))
    try:
        wrong = compile_schema(schema).complaint(value, len(encoded(value)))
    except Unusable as error:
        return False, str(_("It cannot be checked: %(why)s.", why=str(error)))
    if wrong is None:
        return True, str(_("It fits."))
    why, where = json_schemas.sentence(wrong), json_schemas.place(wrong)
    return False, str(_("It does not fit: %(why)s (at %(place)s).", why=why, place=where))


ACTS = {"add": add, "remove": remove, "example": example, "json": as_json, "check": try_sample}
