"""The prices with which a call was computed, as its row keeps them: later edits change no history (O28)."""

from __future__ import annotations

from typing import Any

from app.domain.calls import Usage
from app.domain.records import Record

NAMES = ("input", "output", "cache_read", "cache_write")


def frozen_price(record: Record) -> dict[str, Any] | None:
    """Return the prices per million tokens and the multipliers; None where no price is known."""
    price = record.price_for(record.usage or Usage())
    if price is None:
        return None
    frozen: dict[str, Any] = {name: getattr(price, f"{name}_nano_usd_per_million") for name in NAMES}
    elsewhere = {"paid_elsewhere": True} if record.paid_elsewhere else {}
    return {**frozen, "multipliers_ppm": list(record.multipliers()), **elsewhere}
