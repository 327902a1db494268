"""What a key may be that another key made: in nothing more than its maker (O23)."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.key_rules import KeyRules

MOST_GENERATIONS = 5
NOTHING = ("",)  # a list that no name is on; an empty one would mean all


def tightest(one: KeyRules, other: KeyRules) -> KeyRules:
    """Return the rules that hold where both do."""
    return KeyRules(
        models=shared_patterns(one.models, other.models),
        allowed_providers=shared(one.allowed_providers, other.allowed_providers),
        excluded_providers=tuple(dict.fromkeys((*one.excluded_providers, *other.excluded_providers))),
        min_quality=max((q for q in (one.min_quality, other.min_quality) if q is not None), default=None),
        max_cost_nano_usd_per_request=least(
            one.max_cost_nano_usd_per_request, other.max_cost_nano_usd_per_request
        ),
    )


def beyond(asked: KeyRules, most: KeyRules) -> list[str]:
    """Return the names of the rules that allow more than `most` does."""
    cap, most_cost = asked.max_cost_nano_usd_per_request, most.max_cost_nano_usd_per_request
    checks = {
        "models": covers(most.models, asked.models),
        "allowed_providers": not most.allowed_providers
        or (bool(asked.allowed_providers) and set(asked.allowed_providers) <= set(most.allowed_providers)),
        "excluded_providers": set(most.excluded_providers) <= set(asked.excluded_providers),
        "min_quality": (asked.min_quality or 0) >= (most.min_quality or 0),
        "max_cost_usd_per_request": most_cost is None or (cap is not None and cap <= most_cost),
    }
    return [name for name, holds in checks.items() if not holds]


def covers(most: tuple[str, ...], asked: tuple[str, ...]) -> bool:
    """Say whether every model on one list is on the other; an empty list holds all."""
    return not most or (bool(asked) and all(any(includes(q, p) for q in most) for p in asked))


def shared_patterns(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns of models that are on both lists; an empty list holds all."""
    if not one or not other:
        return one or other
    narrower = [p for p in one if any(includes(q, p) for q in other)]
    narrower += [q for q in other if any(includes(p, q) for p in one)]
    return tuple(dict.fromkeys(narrower)) or NOTHING


def includes(wide: str, narrow: str) -> bool:
    """Say whether every name that fits one pattern fits the other; only a `*` at the end is understood."""
    if wide == narrow or wide == "*":
        return True
    head = wide[:-1]
    return wide.endswith("*") and not any(sign in head for sign in "*?[") and narrow.startswith(head)


def shared(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is on both lists; an empty list holds all."""
    if not one or not other:
        return one or other
    return tuple(item for item in one if item in other) or NOTHING


def least(*amounts: int | None) -> int | None:
    """Return the smallest of the limits that are set."""
    return min((amount for amount in amounts if amount is not None), default=None)


def both(one: Iterable[str] | None, other: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return what two lists share, where None holds all and an empty list nothing."""
    if one is None or other is None:
        found = other if one is None else one
        return None if found is None else tuple(found)
    kept = set(other)
    return tuple(item for item in one if item in kept)
