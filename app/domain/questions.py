"""What a form asks the callers of an endpoint: its variables, or the fields of a simple input schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.domain.endpoint_schemas import speaks_of_body
from app.domain.endpoints import EndpointConfig
from app.domain.schema_fields import SchemaField, from_schema
from app.domain.templates import INPUT, names_in
from app.domain.variables import MOST_LENGTH, Variable

TYPES = {
    "text": "text", "number": "float", "whole": "int", "yes_no": "bool", "date": "date", "choice": "enum",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Questions:
    """The fields of a form. `place`: where their values go in the body: `variables` or `message`.

    `takes_text`: it asks for the caller's own text, too.
    """

    fields: tuple[Variable, ...] = ()
    place: str = "variables"
    takes_text: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        fields = [field.as_dict() for field in self.fields]
        return {"fields": fields, "place": self.place, "takes_text": self.takes_text}


def questions_of(config: EndpointConfig) -> Questions:
    """Return what a form for the endpoint asks."""
    if config.variables:
        template = config.user_prompt_template
        return Questions(config.variables, takes_text=not template or INPUT in names_in(template))
    schema = config.input_schema
    if schema is None or speaks_of_body(schema):
        return Questions()
    found = from_schema(schema)
    if not found or any(field.kind not in TYPES for field in found):
        return Questions()
    return Questions(tuple(map(asked, found)), "message", takes_text=False)


def asked(field: SchemaField) -> Variable:
    """Return a schema's field as a form asks for it."""
    return Variable(
        field.name,
        TYPES[field.kind],
        help=field.description,
        required=field.required,
        options=field.options,
        max_length=MOST_LENGTH if field.kind == "text" else None,
    )
