"""The bill of one call: tokens times price, spelled out as arithmetic from what was frozen with the call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.frozen_prices import COMPARED
from app.domain.pricing import MILLION, nano_to_usd
from app.domain.sentences import Sentence

UNITS_PER_USD = 10**15  # tokens times nano-dollars per million tokens are counted in these


class Billed(Protocol):
    """What the bill reads of a stored record."""

    outcome: Any
    input_tokens: Any
    output_tokens: Any
    cache_read_tokens: Any
    cache_write_tokens: Any
    reasoning_tokens: Any
    cost_nano_usd: Any
    shortfall_nano_usd: Any
    overage_nano_usd: Any
    price: Any
    cached: Any
    extras: Any


@dataclass(frozen=True, slots=True)
class CostLine:
    """Tokens of one kind times their price; amounts are exact dollars as text."""

    label: Sentence
    tokens: int
    usd_per_million: str
    usd: str


@dataclass(frozen=True, slots=True)
class Factor:
    """What the lines' sum is multiplied by, as a plain decimal."""

    label: Sentence
    times: str


# in the order in which domain.records freezes them
FACTORS = (Sentence("The account's rate"), Sentence("The model's rate"))


@dataclass(frozen=True, slots=True)
class Extra:
    """What is added to the product or taken off it, in exact dollars. `sign`: + or −."""

    label: Sentence
    sign: str
    usd: str


@dataclass(frozen=True, slots=True)
class Cost:
    """The bill: its lines, what follows them, and the total; None when the price is not known."""

    lines: tuple[CostLine, ...]
    multipliers: tuple[Factor, ...]
    extras: tuple[Extra, ...]
    total_usd: str | None
    note: Sentence | None


def cost(row: Billed) -> Cost:
    """Spell the bill out; it is added up from the prices that were frozen with the call."""
    total = None if row.cost_nano_usd is None else nano_to_usd(row.cost_nano_usd)
    if row.price is None or row.price.get("paid_elsewhere") or row.cached:
        return Cost((), (), tuple(extras(row)), total, why_no_lines(row))
    frozen = zip(FACTORS, row.price.get("multipliers_ppm", ()), strict=False)  # older rows know one only
    factors = tuple(Factor(label, factor(ppm)) for label, ppm in frozen if ppm != MILLION)
    return Cost(cost_lines(row, row.price), factors, tuple(extras(row)), total, None)


def extras(row: Billed) -> Iterator[Extra]:
    """Yield what else the answer needed, what a plan adds for tokens over its included ones, and what was
    not charged beyond the hold.
    """
    for each in row.extras or ():
        if each["kind"] != "plugin":  # what plugins found costs nothing
            yield Extra(extra_label(each), "+", nano_to_usd(each["nano_usd"]))
    if row.overage_nano_usd:
        label = Sentence("Tokens over the plan's included ones")
        yield Extra(label, "+", nano_to_usd(row.overage_nano_usd))
    if row.shortfall_nano_usd:
        label = Sentence("More than was held, not charged")
        yield Extra(label, "−", nano_to_usd(row.shortfall_nano_usd))
    if spared := (row.price or {}).get(COMPARED):
        yield Extra(Sentence("Not charged: the call ran in shadow"), "−", nano_to_usd(spared))


def extra_label(extra: Mapping[str, Any]) -> Sentence:
    """Say what was paid for beside the answer."""
    if extra["kind"] == "round":
        counts = {name: f"{extra[f'{name}_tokens']:,}" for name in ("input", "output")}
        text = "A round before it, which called %(what)s: %(input)s tokens in, %(output)s out"
        return Sentence(text, {"what": extra["label"], **counts})
    if extra["kind"] == "judge":
        counts = {name: f"{extra[f'{name}_tokens']:,}" for name in ("input", "output")}
        text = "The judge of a guardrail, %(what)s: %(input)s tokens in, %(output)s out"
        return Sentence(text, {"what": extra["label"], **counts})
    if extra["kind"] == "image":
        return Sentence("A picture")
    return Sentence("%(what)s", {"what": extra["label"]})


def why_no_lines(row: Billed) -> Sentence:
    """Say why there is nothing to add up."""
    if row.outcome in ("refused", "failed"):
        return Sentence("A call that no model answered costs nothing.")
    if row.outcome == "replayed":
        return Sentence("The stored answer of an earlier call was given again, which costs nothing.")
    if row.cached:
        return Sentence("The answer came from the project's cache: nobody was asked, so it costs nothing.")
    if row.price is not None:
        return Sentence("A key of the customer's own was used: it is paid at the provider, not here.")
    if row.cost_nano_usd is None:
        return Sentence(
            "The price of this model is not known here, so neither is the cost. "
            "Set its price under Models; later calls are then priced."
        )
    return Sentence("There is nothing to add up.")


def cost_lines(row: Billed, price: Mapping[str, Any]) -> tuple[CostLine, ...]:
    """Return a line for each kind of token; counts that contradict each other are cut as in the bill."""
    read = min(row.cache_read_tokens, row.input_tokens)
    write = min(row.cache_write_tokens, row.input_tokens - read)
    cached = bool(read or write)
    kinds = (
        (
            Sentence("Input, not cached") if cached else Sentence("Input"),
            row.input_tokens - read - write,
            "input",
        ),
        (Sentence("Input, read from the cache"), read, "cache_read"),
        (Sentence("Input, written to the cache"), write, "cache_write"),
        (output_label(row.reasoning_tokens), row.output_tokens, "output"),
    )
    return tuple(
        cost_line(label, tokens, price_of(price, kind))
        for label, tokens, kind in kinds
        if tokens or kind in ("input", "output")
    )


def output_label(reasoning_tokens: int) -> Sentence:
    """Name the output, with how much of it was thinking."""
    if reasoning_tokens:
        return Sentence("Output, %(count)s of it reasoning", {"count": f"{reasoning_tokens:,}"})
    return Sentence("Output")


def price_of(price: Mapping[str, Any], kind: str) -> int:
    """Return nano-dollars per million tokens; cache tokens without a price cost what plain input costs."""
    value = price.get(kind)
    return int(price["input"] if value is None else value)


def cost_line(label: Sentence, tokens: int, nano_usd_per_million: int) -> CostLine:
    """Return one product with its exact amount."""
    usd = exact_usd(tokens * nano_usd_per_million)
    return CostLine(label, tokens, nano_to_usd(nano_usd_per_million), usd)


def exact_usd(units: int) -> str:
    """Write an amount in units of 10^-15 dollars, exactly, with at least two decimals."""
    whole, rest = divmod(units, UNITS_PER_USD)
    return f"{whole}.{f'{rest:015d}'.rstrip('0').ljust(2, '0')}"


def factor(parts_per_million: int) -> str:
    """Write a multiplier as a plain decimal."""
    whole, rest = divmod(parts_per_million, MILLION)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
