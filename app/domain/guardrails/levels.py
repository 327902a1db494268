"""Guardrails at four levels: what stands below a locked rule, and what a made key may not weaken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.domain.errors import InvalidFields
from app.domain.guardrails.patterns import check_speed
from app.domain.guardrails.settings import Settings, merged, parse_guardrails

Rule = Mapping[str, Any]
Level = tuple[str, Settings]  # whose it is, in words: the workspace; and what it says

STRENGTH = {"off": 0, "shadow": 1, "flag": 2, "redact": 3, "mask": 4, "block": 5}
SIDES = {"input": {"input"}, "output": {"output"}, "both": {"input", "output"}}
AT_THE_DOOR = ("addresses", "hours")


def given(fields: Mapping[str, Any]) -> Settings:
    """Return the guardrails among the fields of what they are set on; an error's field says so."""
    try:
        found = parse_guardrails(fields)
        check_speed(found)
        return found
    except InvalidFields as error:
        raise InvalidFields({f"guardrails.{name}": text for name, text in error.errors.items()}) from None


def locked_by(above: Sequence[Level], kind: str) -> str:
    """Return who locked a rule; empty where it is free."""
    return next((whose for whose, settings in above if settings.get(kind, {}).get("locked")), "")


def check_locks(above: Sequence[Level], before: Settings, after: Settings) -> None:
    """Raise InvalidFields where a level changes what it says of a rule that is locked above it."""
    errors = {}
    for kind in sorted(after.keys() | before.keys()):
        whose = locked_by(above, kind)
        if whose and after.get(kind, {}) and after.get(kind) != before.get(kind):
            errors[f"guardrails.{kind}"] = f"This rule is locked by {whose}: it cannot be changed here."
    if errors:
        raise InvalidFields(errors)


def effective(shared: Sequence[Settings], minted: Sequence[Settings] = ()) -> Settings:
    """Return what holds; keys that were made by a key add to it, and take nothing away."""
    found = merged(shared)
    for layer in minted:
        loose = weakened(found, layer)
        found = merged([found, {kind: fields for kind, fields in layer.items() if kind not in loose}])
    return found


def weakened(above: Settings, layer: Settings) -> list[str]:
    """Return the rules of `above` that a further level would make weaker."""
    found = []
    for kind in layer.keys() & above.keys():
        before, after = above[kind], {**above[kind], **layer[kind]}
        if (before.get("locked") and after != before) or is_weaker(kind, before, after):
            found.append(kind)
    return sorted(found)


def is_weaker(kind: str, before: Rule, after: Rule) -> bool:
    """Say whether a rule stops less than it did."""
    if kind not in AT_THE_DOOR and strength(before) == 0:
        return False
    if strength(after) < strength(before) or not sides(before) <= sides(after):
        return True
    return any(not check(before.get(name), after.get(name)) for name, check in KEEPS.get(kind, {}).items())


def strength(rule: Rule) -> int:
    """Return how much a rule does; one that says nothing of it blocks."""
    return STRENGTH.get(rule.get("action") or "block", STRENGTH["block"])


def sides(rule: Rule) -> set[str]:
    """Return on which sides it looks; both where it does not say."""
    return SIDES.get(rule.get("on") or "both", SIDES["both"])


def at_least(before: Any, after: Any) -> bool:
    """Say whether a list holds all that it held; one that is not set holds what is usual."""
    return before == after or (bool(before) and set(before) <= set(after or ()))


def grown(before: Any, after: Any) -> bool:
    """Say whether a list of words still holds every one of them."""
    return set(before or ()) <= set(after or ())


def narrowed(before: Any, after: Any) -> bool:
    """Say whether an allow-list allows no more than it did; an empty one allows all."""
    return not before or (bool(after) and set(after) <= set(before))


def lowered(before: Any, after: Any) -> bool:
    """Say whether a bound is no higher than it was."""
    return before is None or (after is not None and after <= before)


def same(before: Any, after: Any) -> bool:
    """Say whether nothing changed."""
    return before is None or before == after


def all_kept(before: Any, after: Any) -> bool:
    """Say whether every pattern is still there as it was."""
    return all(pattern in (after or ()) for pattern in before or ())


KEEPS: Mapping[str, Mapping[str, Callable[[Any, Any], bool]]] = {
    "addresses": {"allow": narrowed},
    "hours": {"from": same, "to": same, "days": narrowed},
    "length": {"most_characters": lowered},
    "keywords": {"words": grown},
    "secrets": {"kinds": at_least},
    "pii": {"kinds": at_least, "names": grown},
    "patterns": {"patterns": all_kept},
    "language": {"allowed": narrowed},
    "judge": {"rule": same, "model": same},
}
