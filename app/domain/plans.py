"""Plans: what an account may use, by name (R12). An empty limit is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, switch, text, texts, whole
from app.domain.ids import is_slug
from app.domain.ledger import usd
from app.domain.limits import MOST
from app.domain.plugins import BY_NAME

MOST_TOKENS = 10**15
FIELDS = frozenset(
    {
        "slug", "name", "price_usd_per_month", "requests_per_minute", "burst_per_second", "included_tokens",
        "overage_usd_per_million", "hard_cap", "trial_credit_usd", "plugins",
    }
)  # fmt: skip
USD_COLUMNS = {
    "price_usd_per_month": "price_nano_usd_per_month",
    "overage_usd_per_million": "overage_nano_usd_per_million",
    "trial_credit_usd": "trial_credit_nano_usd",
}


def parse_plan(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan's columns; `plugins` of None allows every plugin, a list only those."""
    refuse_unknown(raw, FIELDS)
    collect = Collector()
    slug = collect.take(plan_slug, raw)
    values = {
        "slug": slug,
        "name": collect.take(text, raw, "name", most=100) or slug,
        "requests_per_minute": collect.take(whole, raw, "requests_per_minute", 1, MOST),
        "burst_per_second": collect.take(whole, raw, "burst_per_second", 1, MOST),
        "included_tokens": collect.take(whole, raw, "included_tokens", 0, MOST_TOKENS),
        "hard_cap": collect.take(switch, raw, "hard_cap"),
        "plugins": collect.take(plugins, raw),
        **{column: collect.take(usd, raw, name) for name, column in USD_COLUMNS.items()},
    }
    collect.finish()
    return {**values, "trial_credit_nano_usd": values["trial_credit_nano_usd"] or 0}


def plan_slug(raw: Mapping[str, Any]) -> str:
    """Return the plan's slug."""
    slug = text(raw, "slug", most=64, required=True)
    if not is_slug(slug):
        raise InvalidInput("Use lower case letters, digits, - and _.", param="slug")
    return slug


def plugins(raw: Mapping[str, Any]) -> list[str] | None:
    """Return the names of the allowed plugins; None for all."""
    if raw.get("plugins") is None:
        return None
    names = texts(raw, "plugins", most=100, longest=64)
    if unknown := next((name for name in names if name not in BY_NAME), None):
        text = f"There is no plugin “{unknown}”. There are: {', '.join(BY_NAME)}."
        raise InvalidInput(text, param="plugins")
    return list(names)
