"""Validators of JSON Schemas, drafts 7 and 2020-12: nothing is fetched, no check takes long (F5, F6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from app.domain.bodies import too_deep
from app.domain.schema_bounds import MOST_DEPTH, TooMuch, check_schema
from app.domain.schema_effort import Effort

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2020_12 = "https://json-schema.org/draft/2020-12/schema"
PATTERNS = jsonschema_rs.RegexOptions(size_limit=256 * 1024, dfa_size_limit=256 * 1024)
LONGEST_COMPLAINT = 300
LONGEST_PART = 40  # of a place's path
NAMING = (
    "additionalProperties",
    "additionalItems",
    "unevaluatedProperties",
    "unevaluatedItems",
)  # their texts repeat names


class Unusable(Exception):
    """A schema, or a value, that cannot be checked; the text says why."""


@dataclass(frozen=True, slots=True)
class Checker:
    """A compiled schema. Its texts about a value repeat nothing of the value."""

    validator: jsonschema_rs.Validator
    effort: Effort

    def complaint(self, value: Any, size: int) -> jsonschema_rs.ValidationError | None:
        """Return the first thing that is wrong with a value, JSON of `size` bytes; raise Unusable."""
        if too_deep(value, MOST_DEPTH):
            raise Unusable(f"it is nested deeper than {MOST_DEPTH} levels")
        if not self.effort.covers(value, size):
            raise Unusable("it is too large to be checked")
        try:
            self.validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            return error
        return None


def compile_schema(schema: Any) -> Checker:
    """Return a schema's checker; raise Unusable, which says in plain words what is wrong with the schema."""
    try:
        effort = check_schema(schema)
        for pattern in effort.patterns:
            check_pattern(pattern)
        return Checker(validator_of(schema), effort)
    except TooMuch as error:
        raise Unusable(str(error)) from None
    except jsonschema_rs.ValidationError as error:
        raise Unusable(f"it is not a valid JSON Schema{told(error)}") from None
    except (ValueError, TypeError):
        raise Unusable("it is not a valid JSON Schema") from None


def check_pattern(pattern: str) -> None:
    """Raise Unusable for a pattern that needs more than one pass over a text, or that is too large."""
    try:
        jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=PATTERNS)
    except (ValueError, jsonschema_rs.ValidationError):
        text = (
            "cannot be used: look-ahead, look-behind, back-references and very long repeats are not followed"
        )
        raise Unusable(f"the pattern {pattern[:60]} {text}") from None


def validator_of(schema: Any) -> jsonschema_rs.Validator:
    """Return the validator of the draft that the schema names; 2020-12 where it names none."""
    return jsonschema_rs.validator_for(
        schema,
        retriever=refuse,
        pattern_options=PATTERNS,
        validate_formats=False,
        mask="the value",
    )


def refuse(uri: str) -> Any:
    """Fetch nothing."""
    raise ValueError("References to other documents are not followed.")


def told(error: jsonschema_rs.ValidationError) -> str:
    """Return where a value breaks which rule, as the end of a sentence: ": at /a/b, …"."""
    return f": {sentence(error)} (at {place(error)})"


def sentence(error: jsonschema_rs.ValidationError) -> str:
    """Return what is wrong, without anything of the value."""
    rule = rule_of(error)
    if rule in NAMING:
        return f"there is something that '{rule}' does not allow"
    if "propertyNames" in error.schema_path:
        return f"a name breaks the rule '{rule}' of 'propertyNames'"
    return str(error.message)[:LONGEST_COMPLAINT]


def rule_of(error: jsonschema_rs.ValidationError) -> str:
    """Return the keyword that a value breaks."""
    return next((part for part in reversed(error.schema_path) if isinstance(part, str)), "schema")[:40]


def place(error: jsonschema_rs.ValidationError) -> str:
    """Return where in the value it is, as a JSON pointer."""
    return "/" + "/".join(str(part)[:LONGEST_PART] for part in error.instance_path)
