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
    frozen: dict[str, Any] = {
        "input": price.input_nano_usd_per_million,
        "output": price.output_nano_usd_per_million,
        "cache_read": price.cache_read_nano_usd_per_million,
        "cache_write": price.cache_write_nano_usd_per_million,
        "multipliers_ppm": record.multipliers(),
    }
    if record.paid_elsewhere:
        frozen["paid_elsewhere"] = True
    if record.compared_nano_usd is not None:
        frozen[COMPARED] = record.compared_nano_usd
    return frozen
