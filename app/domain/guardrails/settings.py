"""Guardrails as people set them, at four levels: workspace, project, endpoint, key (P24, C25).

Per field, the narrowest level that says something wins.
Stored and merged as plain JSON: `{kind: {field: value}}`. An absent field is inherited; lists replace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, texts

ACTIONS = ("block", "mask", "redact", "flag", "shadow", "off")
SIDES = ("input", "output", "both")
COMMON = frozenset({"action", "on", "locked"})
# The order is the order in which they are evaluated.
KINDS: Mapping[str, frozenset[str]] = {
    "addresses": frozenset({"allow"}),  # 403 when the key is checked
    "hours": frozenset({"from", "to", "days"}),  # 403 when the key is checked
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
    refuse_unknown(value, frozenset(KINDS))
    collect = Collector()
    found: Settings = {}
    for kind, fields in value.items():
        refuse_unknown(fields, KINDS[kind])
        found[kind] = dict(fields)
        if kind == "keywords" and "words" in fields:
            found[kind]["words"] = list(collect.take(texts, fields, "words", most=5_000) or ())
    collect.finish()
    return found


def merged(layers: Sequence[Settings]) -> Settings:
    """Return what holds when each layer may say more of a field than those before it; a locked rule stays."""
    found: Settings = {}
    for layer in layers:
        for kind, fields in layer.items():
            if not found.get(kind, {}).get("locked"):
                found[kind] = {**found.get(kind, {}), **fields}
    return found
