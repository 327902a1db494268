"""Guardrail rules in force for one call, with every default filled in, in the order of evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.guardrails import personal
from app.domain.guardrails.secrets import secret_kinds
from app.domain.guardrails.settings import KINDS, Settings

DEFAULT_SIDES = {"injection": "input", "json_only": "output"}
WHOLE = frozenset({"length", "language", "json_only", "judge"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One guardrail as it is carried out. Of the last fields only those of its kind are set."""

    kind: str
    name: str  # the kind; of a pattern of one's own: pattern:order-number
    action: str  # block | mask | redact | flag | shadow
    on: str  # input | output | both
    locked: bool = False
    most_characters: int = 0
    words: tuple[str, ...] = ()  # keywords
    kinds: tuple[str, ...] = ()  # of secrets or personal data
    names: tuple[str, ...] = ()  # personal data: the names to find
    pattern: str = ""
    allowed: tuple[str, ...] = ()  # languages
    rule: str = ""  # what the judge decides by
    model: str = ""  # the judge's

    @property
    def is_whole(self) -> bool:
        """Say whether it needs the whole text: it cannot look at a stream piece by piece."""
        return self.kind in WHOLE

    @property
    def masks(self) -> bool:
        """Say whether what it finds is replaced."""
        return self.action in ("mask", "redact")

    @property
    def closes(self) -> bool:
        """Say whether nothing may pass when it cannot run."""
        return self.action in ("block", "mask", "redact")

    def covers(self, side: str) -> bool:
        """Say whether it looks at `side`: input or output."""
        return self.on in (side, "both")


def effective(settings: Settings) -> tuple[Rule, ...]:
    """Return the rules that merged settings make, without those that are off or have nothing to do.

    The kinds `addresses` and `hours` are no rules here: they are checked with the key.
    """
    found = (rule for kind in KINDS if kind in settings for rule in rules_of(kind, settings[kind]))
    return tuple(rule for rule in found if rule.action != "off")


def rules_of(kind: str, fields: Mapping[str, Any]) -> Iterator[Rule]:
    """Yield the rule of one kind, or one for each pattern."""
    common: dict[str, Any] = {
        "kind": kind,
        "action": fields.get("action") or "block",
        "on": fields.get("on") or DEFAULT_SIDES.get(kind, "both"),
        "locked": bool(fields.get("locked")),
    }
    if kind == "patterns":
        for entry in fields.get("patterns") or ():
            action = entry.get("action") or common["action"]
            if common["action"] == "off":
                action = "off"
            yield Rule(
                **common | {"name": f"pattern:{entry['name']}", "action": action, "pattern": entry["pattern"]}
            )
    elif (own := own_fields(kind, fields)) is not None:
        yield Rule(**common, name=kind, **own)


def own_fields(kind: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what only this kind has, or None when it has nothing to do."""
    if kind in ("injection", "json_only"):
        return {}
    if kind == "secrets":
        kinds = fields.get("kinds")
        return {"kinds": tuple(secret_kinds() if kinds is None else kinds)} if kinds != [] else None
    if kind == "pii":
        kinds = fields.get("kinds")
        found = {
            "kinds": tuple(personal.KINDS if kinds is None else kinds),
            "names": tuple(fields.get("names") or ()),
        }
        return found if any(found.values()) else None
    if kind == "judge":
        return (
            {name: fields[name] for name in ("rule", "model") if name in fields}
            if fields.get("rule")
            else None
        )
    name = {"length": "most_characters", "keywords": "words", "language": "allowed"}.get(kind)
    if name is None or not (value := fields.get(name)):
        return None
    return {name: tuple(value) if isinstance(value, list) else value}
