"""What the key API reads and tells of keys, in the words of its clients (R7, R17, R18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.errors import InvalidFields, InvalidInput
from app.domain.fields import Collector, number, refuse_unknown, whole
from app.domain.ids import is_uuid
from app.domain.key_rules import KeyRules
from app.domain.pricing import nano_to_usd

RULES = {
    "allowedModels": "models",
    "allowedProviders": "allowed_providers",
    "excludedProviders": "excluded_providers",
    "minQualityThreshold": "min_quality",
    "maxCostPerRequestUsd": "max_cost_usd_per_request",
}
WORDS = {ours: theirs for theirs, ours in RULES.items()}
SAME = frozenset({"name", "labels"})
CREATE = SAME | RULES.keys() | {
    "expires_in", "scopes", "limits", "endpoints", "budgets", "providerKeys", "guardrails",
}  # fmt: skip
UPDATE = SAME | RULES.keys() | {"providerKeys"}
ELSEWHERE = ("budgets", "providerKeys")  # kept in rows of their own
PREFIX = "key_"
MOST_SECONDS = 100 * 365 * 24 * 3600
MOST_USD = 1_000_000


def fields_of(body: Mapping[str, Any], known: frozenset[str] | set[str]) -> dict[str, Any]:
    """Return the key's own fields among those of a body; InvalidFields for unknown ones."""
    refuse_unknown(body, frozenset(known))
    return {name: value for name, value in body.items() if name not in (*RULES, *ELSEWHERE)}


def rules_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rules that a body sets, as `parse_rules` takes them; null and [] clear one."""
    collect = Collector()
    found: dict[str, Any] = {}
    for theirs, ours in RULES.items():
        if theirs in body:
            found[ours] = body[theirs]
    if found.get("min_quality") is not None:
        share = collect.take(number, body, "minQualityThreshold", 0, 1)
        found["min_quality"] = None if share is None else round(share * 100)
    if found.get("max_cost_usd_per_request") is not None:
        found["max_cost_usd_per_request"] = collect.take(dollars, body, "maxCostPerRequestUsd")
    collect.finish()
    return found


def dollars(body: Mapping[str, Any], name: str) -> str:
    """Return an amount of dollars as text; JSON has it as a number, or as text where it must be exact."""
    value = body[name]
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_USD:
        raise InvalidInput("Must be an amount of dollars above 0.", param=name)
    return f"{value:.9f}".rstrip("0").rstrip(".") or "0"


def provider_keys(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the secrets of the customer's own by provider; None forgets one."""
    given = body.get("providerKeys")
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(v, str) or v is None for v in given.values()):
        raise InvalidInput("Must be an object of providers and their keys.", param="providerKeys")
    return given


def expires_at(body: Mapping[str, Any], latest: datetime | None) -> datetime | None:
    """Return when a new key ends: after `expires_in` seconds (O22), and never after its maker."""
    seconds = whole(body, "expires_in", 1, MOST_SECONDS)
    if seconds is None:
        return latest
    asked = datetime.now(UTC) + timedelta(seconds=seconds)
    return asked if latest is None else min(asked, latest)


def plain_id(given: str) -> str:
    """Return a key's id without the `key_` that some clients put before it; empty when it is none."""
    found = given.removeprefix(PREFIX).lower()
    return found if is_uuid(found) else ""


def renamed(error: InvalidFields) -> InvalidFields:
    """Return the error with the fields as the API calls them."""
    found = {}
    for name, text in error.errors.items():
        inner = name.removeprefix("rules.")
        found[WORDS.get(inner, inner).replace("provider_keys.", "providerKeys.", 1)] = text
    return InvalidFields(found)


def told(rules: KeyRules) -> dict[str, Any]:
    """Return rules in the API's words."""
    cap, quality = rules.max_cost_nano_usd_per_request, rules.min_quality
    return {
        "maxCostPerRequestUsd": None if cap is None else float(nano_to_usd(cap)),
        "allowedProviders": list(rules.allowed_providers),
        "excludedProviders": list(rules.excluded_providers),
        "allowedModels": list(rules.models),
        "minQualityThreshold": None if quality is None else quality / 100,
    }


def written(time: datetime | None) -> str | None:
    """Return a time as the API writes it."""
    return None if time is None else time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def listed(cards: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a list of keys."""
    return {"object": "list", "data": list(cards)}
