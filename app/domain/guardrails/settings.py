"""Guardrails as people set them, at four levels: workspace, project, endpoint, key (P24, C25).

Per field, the narrowest level that says something wins.
Stored and merged as plain JSON: `{kind: {field: value}}`. An absent field is inherited; lists replace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.errors import InvalidFields, InvalidInput
from app.domain.guardrails import kind_fields
from app.domain.guardrails.kind_fields import COMMON, LOCK

ACTIONS = kind_fields.ACTIONS
SIDES = kind_fields.SIDES
# The order is the order in which they are evaluated.
KINDS: Mapping[str, frozenset[str]] = {
    "addresses": LOCK | {"allow"},  # 403 when the key is checked
    "hours": LOCK | {"from", "to", "days"},  # 403 when the key is checked
    "length": COMMON | {"most_characters"},
    "keywords": COMMON | {"words"},
    "secrets": COMMON | {"kinds"},
    "pii": COMMON | {"kinds", "names"},
    "patterns": COMMON | {"patterns"},  # [{name, pattern, action?}]
    "injection": COMMON,
    "language": COMMON | {"allowed"},
    "json_only": COMMON,
    "judge": COMMON | {"rule", "model"},
}
Settings = dict[str, dict[str, Any]]


def parse_guardrails(raw: Mapping[str, Any], name: str = "guardrails") -> Settings:
    """Check the field `name` and return the settings; raise InvalidFields with paths like `pii.action`."""
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput("Must be an object.", param=name)
    errors: dict[str, str] = {}
    found: Settings = {}
    for kind, fields in value.items():
        if kind not in KINDS:
            errors[str(kind)] = "There is no such guardrail."
        elif not isinstance(fields, Mapping):
            errors[kind] = "Must be an object."
        else:
            clean, wrong = checked_kind(kind, fields)
            found[kind] = clean
            errors |= {f"{kind}.{path}": text for path, text in wrong.items()}
    if errors:
        raise InvalidFields(errors)
    return {kind: found[kind] for kind in KINDS if kind in found}


def checked_kind(kind: str, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the clean fields of one kind, and what is wrong by path. Null is as good as absent."""
    clean: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, value in raw.items():
        if name not in KINDS[kind]:
            errors[str(name)] = "There is no such field."
        elif value is not None:
            try:
                clean[name] = kind_fields.checked(kind, name, value)
            except InvalidFields as error:
                errors |= error.errors
            except InvalidInput as error:
                errors[error.param or name] = error.message
    if not errors:
        errors = kind_fields.incomplete(kind, clean)
    return clean, errors


def merged(layers: Sequence[Settings]) -> Settings:
    """Return what holds when each layer may say more of a field than those before it; a locked rule stays."""
    found: Settings = {}
    for layer in layers:
        for kind, fields in layer.items():
            if not found.get(kind, {}).get("locked"):
                found[kind] = {**found.get(kind, {}), **fields}
    return found
