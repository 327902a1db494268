"""Models in words: price, context, state and the names of an endpoint's fields, for the templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _

from app.dashboard import limit_fields
from app.domain.bills import factor
from app.domain.catalog import Model
from app.domain.pricing import MILLION, format_usd
from app.domain.version_diffs import FieldChange
from app.services.price_list import ModelView

TONES = {"ready": "ok", "off": "off", "paused": "paused", "no_key": "warn", "missing": "error"}


def state(name: str) -> str:
    """Return how ready a provider is."""
    words = {
        "ready": _("Ready"),
        "off": _("Provider is switched off"),
        "paused": _("Provider is paused"),
        "no_key": _("Provider has no API key"),
        "missing": _("No such provider here"),
    }
    return str(words[name])


def tone(name: str) -> str:
    """Return the look of a state."""
    return TONES[name]


def price(facts: Model | None) -> str:
    """Return the price per million tokens."""
    if facts is None or facts.price is None:
        return str(_("price not known"))
    if facts.free:
        return str(_("free"))
    given = format_usd(facts.price.input_nano_usd_per_million)
    sold = format_usd(facts.price.output_nano_usd_per_million)
    return str(_("%(given)s in, %(sold)s out per million tokens", given=given, sold=sold))


def amount(facts: Model, side: str) -> str:
    """Return one side's price per million tokens, for a column."""
    if facts.price is None:
        return "?"
    return format_usd(getattr(facts.price, f"{side}_nano_usd_per_million"))


def factors(found: ModelView) -> str:
    """Return what the price of this model is multiplied by, in words; "" when by nothing."""
    ppm = found.multipliers_ppm[1]
    return str(_("× %(rate)s for this model", rate=factor(ppm))) if ppm != MILLION else ""


def account_factor(models: Sequence[ModelView]) -> str:
    """Return what every price is multiplied by for the account, as a sentence; "" when by nothing."""
    ppm = models[0].account_ppm if models else MILLION
    if ppm == MILLION:
        return ""
    return str(_("“You pay” is the price times %(rate)s, the account's rate.", rate=factor(ppm)))


def tokens(number: int | None) -> str:
    """Return a number of tokens, short: 128k, 1M."""
    if number is None:
        return ""
    if number >= 1_000_000:
        return f"{number / 1_000_000:.1f}".removesuffix(".0") + "M"
    return f"{number // 1000}k" if number >= 10_000 else f"{number:,}"


def takes_sampling(facts: Model | None) -> bool:
    """Say whether temperature and top p reach the model; unknown models get them."""
    return facts is None or "sampling" in facts.features


def feature(name: str) -> str:
    """Return an ability."""
    words = {
        "json_schema": _("JSON"),
        "reasoning": _("reasons"),
        "tools": _("tools"),
        "vision": _("images"),
    }
    return str(words.get(name, ""))


def field(name: str) -> str:
    """Return the name of an endpoint's field."""
    words = {
        "model": _("Model"),
        "failover": _("Fallbacks"),
        "prompt": _("Prompt"),
        "user_prompt_template": _("User template"),
        "temperature": _("Temperature"),
        "top_p": _("Top p"),
        "max_output_tokens": _("Longest answer"),
        "streaming_enabled": _("Streaming"),
        "description": _("Description"),
        "limits": _("Limits"),
        "variables": _("Variables"),
        "guardrails": _("Guardrails"),
        "input_schema": _("Input schema"),
        "output_schema": _("Output schema"),
        "session": _("Conversations"),
        "routing": _("Routing rules"),
        "cache_seconds": _("Cache"),
    }
    return str(words.get(name, name))


def fields(changes: Sequence[FieldChange]) -> str:
    """Return the names of the fields that differ, in one line."""
    return ", ".join(field(change.field) for change in changes)


def value(content: Any) -> str:
    """Return a field's value in a short line."""
    if content is None or content in ("", [], {}):
        return str(_("not set"))
    if isinstance(content, bool):
        return str(_("on") if content else _("off"))
    if isinstance(content, dict):
        return limit_fields.told(content)
    if isinstance(content, list):
        return " → ".join(str(item) for item in content)
    return f"{content:g}" if isinstance(content, float) else str(content)
