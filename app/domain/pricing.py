"""Money: what a call costs, and amounts as text. Integer nano-dollars (10^-9 USD) throughout, no floats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from app.domain.calls import Usage

NANO_PER_USD = 1_000_000_000
MILLION = 1_000_000
MOST_OF_ONE_CALL = 10**17  # a hundred million dollars: absurd prices must not overflow the sums either
MAX_NANO_USD = 2**63 - 1  # what a BIGINT column holds: about 9.2 billion dollars
_DECIMAL = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,9}))?")


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars per million tokens. A cache price of None: those tokens cost what plain input costs."""

    input_nano_usd_per_million: int
    output_nano_usd_per_million: int
    cache_read_nano_usd_per_million: int | None = None
    cache_write_nano_usd_per_million: int | None = None


FREE = Price(0, 0)


def cost_nano_usd(usage: Usage, price: Price, multipliers_ppm: tuple[int, ...] = ()) -> int:
    """Return what these tokens cost, rounded half up once, at the very end; no more than MOST_OF_ONE_CALL.

    A multiplier is in parts per million: 1_500_000 means times 1.5.
    """
    if multipliers_ppm and min(multipliers_ppm) < 0:
        raise ValueError("A multiplier is not negative.")
    total, divisor = _per_million(usage, price), MILLION
    for multiplier in multipliers_ppm:
        if multiplier != MILLION:
            total *= multiplier
            divisor *= MILLION
    return min(_divide_half_up(total, divisor), MOST_OF_ONE_CALL)


def effective_nano_usd(nano_usd: int, multipliers_ppm: Iterable[int]) -> int:
    """Return a price times its multipliers, rounded half up: for people; a bill multiplies the sum."""
    total, divisor = nano_usd, 1
    for multiplier in multipliers_ppm:
        total *= multiplier
        divisor *= MILLION
    return _divide_half_up(total, divisor)


def _per_million(usage: Usage, price: Price) -> int:
    """Sum tokens times price. Counts that contradict each other are cut to what input can hold."""
    plain = max(0, usage.input_tokens)
    if not usage.cache_read_tokens and not usage.cache_write_tokens:
        made = max(0, usage.output_tokens)
        return plain * price.input_nano_usd_per_million + made * price.output_nano_usd_per_million
    read = min(max(0, usage.cache_read_tokens), plain)
    write = min(max(0, usage.cache_write_tokens), plain - read)
    return (
        (plain - read - write) * price.input_nano_usd_per_million
        + read * _or_input(price.cache_read_nano_usd_per_million, price)
        + write * _or_input(price.cache_write_nano_usd_per_million, price)
        + max(0, usage.output_tokens) * price.output_nano_usd_per_million
    )


def _or_input(cache_price: int | None, price: Price) -> int:
    return price.input_nano_usd_per_million if cache_price is None else cache_price


def _divide_half_up(dividend: int, divisor: int) -> int:
    return (2 * dividend + divisor) // (2 * divisor)


def usd_to_nano(text: str) -> int:
    """Read a plain decimal amount in dollars ("0.15"). ValueError: not plain, too fine, too large."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError("Write the amount in dollars, like 0.15, with at most 9 decimals.")
    nano_usd = int(match[1]) * NANO_PER_USD + int((match[2] or "").ljust(9, "0"))
    if nano_usd > MAX_NANO_USD:
        raise ValueError("The amount is too large.")
    return nano_usd


@lru_cache(maxsize=1024)  # an answer tells its cost twice
def nano_to_usd(nano_usd: int) -> str:
    """Write the exact amount in dollars: at least two decimals, no exponent, no sign of currency."""
    whole, nano = divmod(abs(nano_usd), NANO_PER_USD)
    decimals = f"{nano:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano_usd < 0 else ''}{whole}.{decimals}"


def format_usd(nano_usd: int) -> str:
    """Write an amount for people: cents from one dollar on, below it three digits that count.

    Never more than 6 decimals; what is smaller still, but not nothing, reads "<$0.000001".
    """
    if 0 < abs(nano_usd) < 500:
        return "<$0.000001" if nano_usd > 0 else ">-$0.000001"
    unit = 10 ** (9 - _decimals(abs(nano_usd)))
    exact = nano_to_usd(_divide_half_up(abs(nano_usd), unit) * unit)
    whole, decimals = exact.split(".")
    return f"{'-' if nano_usd < 0 else ''}${int(whole):,}.{decimals}"


def _decimals(nano_usd: int) -> int:
    """Return how many decimals show three significant digits, between 2 and 6."""
    if nano_usd >= NANO_PER_USD:
        return 2
    leading_zeros = 9 - len(str(nano_usd))
    return min(6, max(2, leading_zeros + 3))
