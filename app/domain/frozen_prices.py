"""The prices with which a call was computed, as its row keeps them: later edits change no history (O28)."""

from __future__ import annotations

from typing import Any

from app.domain.calls import Usage
from app.domain.records import Record

NAMES = ("input", "output", "cache_read", "cache_write")
COMPARED = "compared_nano_usd"  # what a call in shadow would have cost


def frozen_price(record: Record) -> dict[str, Any] | None:
    """Return the prices per million tokens and the multipliers; None where no price is known."""
    price = record.price_for(record.usage or Usage())
    if price is None:
        return None
    frozen: dict[str, Any] = {name: getattr(price, f"{name}_nano_usd_per_million") for name in NAMES}
    more: dict[str, Any] = {"paid_elsewhere": True} if record.paid_elsewhere else {}
    if record.compared_nano_usd is not None:
        more[COMPARED] = record.compared_nano_usd
    return {**frozen, "multipliers_ppm": list(record.multipliers()), **more}
