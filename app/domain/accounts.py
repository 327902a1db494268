"""Accounts: who pays and how. A root account holds plan, billing and balance; a sub-account has a name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, switch, text
from app.domain.ledger import usd
from app.domain.pricing import MILLION, nano_to_usd

BILLINGS = ("metered", "prepaid")
MOST_MULTIPLIER_PPM = 1_000 * MILLION
OPERATOR_FIELDS = frozenset({"billing", "plan", "rate_multiplier"})
THRESHOLDS = frozenset({"spend_alert_usd_per_day", "low_balance_usd"})
FIELDS = OPERATOR_FIELDS | THRESHOLDS
SUB_FIELDS = frozenset({"name", "external_ref", "active"})
_MULTIPLIER = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,6}))?")


def parse_account(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields of a root account; `plan` stays a slug, "" for none."""
    refuse_unknown(raw, FIELDS)
    collect = Collector()
    values = {
        "billing": collect.take(billing, raw),
        "plan": collect.take(text, raw, "plan", most=64),
        "rate_multiplier_ppm": collect.take(multiplier_ppm, raw, "rate_multiplier"),
        "spend_alert_nano_usd_per_day": collect.take(usd, raw, "spend_alert_usd_per_day"),
        "low_balance_nano_usd": collect.take(usd, raw, "low_balance_usd"),
    }
    collect.finish()
    return values


def parse_sub_account(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields of a sub-account."""
    refuse_unknown(raw, SUB_FIELDS)
    collect = Collector()
    values = {
        "name": collect.take(text, raw, "name", most=100, required=True),
        "external_ref": collect.take(text, raw, "external_ref", most=200) or None,
        "active": collect.take(switch, raw, "active", True),
    }
    collect.finish()
    return values


def billing(raw: Mapping[str, Any]) -> str:
    """Return how the account pays; metered when nothing is said."""
    chosen = text(raw, "billing", most=16) or "metered"
    if chosen not in BILLINGS:
        raise InvalidInput(f"Choose from: {', '.join(BILLINGS)}.", param="billing")
    return chosen


def multiplier_ppm(raw: Mapping[str, Any], name: str) -> int:
    """Return a factor in parts per million, above zero and at most 1000; 1 when nothing is said."""
    match = _MULTIPLIER.fullmatch(text(raw, name, most=20) or "1")
    ppm = int(match[1]) * MILLION + int((match[2] or "").ljust(6, "0")) if match else 0
    if not 0 < ppm <= MOST_MULTIPLIER_PPM:
        raise InvalidInput("Write a factor above 0, like 1.25; at most 1000, with 6 decimals.", param=name)
    return ppm


def write_multiplier(ppm: int) -> str:
    """Write a factor as it is typed: 1.25."""
    whole, rest = divmod(ppm, MILLION)
    return f"{whole}.{f'{rest:06d}'.rstrip('0') or '0'}"


def write_usd(nano_usd: int | None) -> str:
    """Write an amount as it is typed; empty for none."""
    return "" if nano_usd is None else nano_to_usd(nano_usd)
