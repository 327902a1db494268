"""Money is exact: one rounding per call, strict text in, exact text out."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calls import Usage
from app.domain.pricing import (
    FREE,
    MAX_NANO_USD,
    Price,
    cost_nano_usd,
    format_usd,
    nano_to_usd,
    usd_to_nano,
)

GPT_4O_MINI = Price(150_000_000, 600_000_000, 75_000_000, None)

tokens = st.integers(0, 10_000_000)
prices = st.builds(
    Price,
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.none() | st.integers(0, 10**12),
    st.none() | st.integers(0, 10**12),
)
multipliers = st.lists(st.integers(0, 10_000_000), max_size=3).map(tuple)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    read, write, plain = draw(tokens), draw(tokens), draw(tokens)
    return Usage(read + write + plain, draw(tokens), read, write)


def exact_cost(usage: Usage, price: Price, multipliers_ppm: tuple[int, ...]) -> Fraction:
    """The same sum written out with fractions: the truth to compare with."""
    input_price = price.input_nano_usd_per_million
    read_price = price.cache_read_nano_usd_per_million
    write_price = price.cache_write_nano_usd_per_million
    plain = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    cost = Fraction(plain) * input_price / 10**6
    cost += Fraction(usage.cache_read_tokens) * (input_price if read_price is None else read_price) / 10**6
    cost += Fraction(usage.cache_write_tokens) * (input_price if write_price is None else write_price) / 10**6
    cost += Fraction(usage.output_tokens) * price.output_nano_usd_per_million / 10**6
    for multiplier in multipliers_ppm:
        cost *= Fraction(multiplier, 10**6)
    return cost


def test_a_call_costs_its_tokens_times_the_price() -> None:
    assert cost_nano_usd(Usage(input_tokens=1000, output_tokens=500), GPT_4O_MINI) == 450_000


def test_cached_input_is_priced_apart_where_a_price_exists() -> None:
    usage = Usage(input_tokens=1000, cache_read_tokens=600, cache_write_tokens=100)
    assert cost_nano_usd(usage, GPT_4O_MINI) == 300 * 150 + 600 * 75 + 100 * 150


def test_a_free_model_costs_nothing() -> None:
    assert cost_nano_usd(Usage(10**9, 10**9, 5, 5), FREE) == 0


def test_half_a_nano_rounds_up() -> None:
    assert cost_nano_usd(Usage(input_tokens=1), Price(500_000, 0)) == 1
    assert cost_nano_usd(Usage(input_tokens=1), Price(499_999, 0)) == 0


def test_two_half_nanos_in_one_call_are_rounded_once() -> None:
    assert cost_nano_usd(Usage(input_tokens=1, output_tokens=1), Price(500_000, 500_000)) == 1


def test_multipliers_multiply_before_the_rounding() -> None:
    assert cost_nano_usd(Usage(input_tokens=1), Price(1_000_000, 0), (1_500_000, 1_000_000)) == 2
    assert cost_nano_usd(Usage(input_tokens=1), Price(1_000_000, 0), (1_500_000, 900_000)) == 1


def test_a_negative_multiplier_is_refused() -> None:
    with pytest.raises(ValueError, match="multiplier"):
        cost_nano_usd(Usage(1), FREE, (-1,))


@given(usages(), prices, multipliers)
def test_the_cost_is_within_half_a_nano_of_the_truth(
    usage: Usage, price: Price, multipliers_ppm: tuple[int, ...]
) -> None:
    error = cost_nano_usd(usage, price, multipliers_ppm) - exact_cost(usage, price, multipliers_ppm)
    assert Fraction(-1, 2) < error <= Fraction(1, 2)


@given(st.builds(Usage, *[st.integers(-(10**9), 10**9)] * 4), prices)
def test_no_usage_makes_a_negative_cost(usage: Usage, price: Price) -> None:
    assert cost_nano_usd(usage, price) >= 0


def test_more_cached_tokens_than_input_cannot_raise_the_input() -> None:
    assert cost_nano_usd(Usage(10, 0, 999, 999), Price(1_000_000, 0)) == 10


@pytest.mark.parametrize(
    ("text", "nano_usd"),
    [
        ("0", 0),
        ("0.15", 150_000_000),
        ("25.00", 25 * 10**9),
        ("0.000000001", 1),
        ("9223372036", 9223372036 * 10**9),
    ],
)
def test_plain_dollar_amounts_are_read(text: str, nano_usd: int) -> None:
    assert usd_to_nano(text) == nano_usd


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "-1",
        "+1",
        ".5",
        "5.",
        "1,5",
        "1e3",
        "$1",
        "0.0000000001",
        "NaN",
        "inf",
        "0x1",
        "1_0",
        "١",
        "1\n",
    ],
)
def test_anything_but_a_plain_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="dollars"):
        usd_to_nano(text)


def test_an_amount_no_column_can_hold_is_refused() -> None:
    assert usd_to_nano("9223372036.854775807") == MAX_NANO_USD
    with pytest.raises(ValueError, match="too large"):
        usd_to_nano("9223372036.854775808")


@pytest.mark.parametrize(
    ("nano_usd", "text"),
    [(0, "0.00"), (1, "0.000000001"), (150_000_000, "0.15"), (25 * 10**9, "25.00"), (-5 * 10**8, "-0.50")],
)
def test_amounts_are_written_exactly(nano_usd: int, text: str) -> None:
    assert nano_to_usd(nano_usd) == text


@given(st.integers(0, MAX_NANO_USD))
def test_an_amount_written_and_read_is_the_same(nano_usd: int) -> None:
    assert usd_to_nano(nano_to_usd(nano_usd)) == nano_usd


@pytest.mark.parametrize(
    ("nano_usd", "text"),
    [
        (0, "$0.00"),
        (1, "<$0.000001"),
        (499, "<$0.000001"),
        (500, "$0.000001"),
        (27_000, "$0.000027"),
        (27_499, "$0.000027"),
        (1_234_567, "$0.00123"),
        (12_345_678, "$0.0123"),
        (150_000_000, "$0.15"),
        (123_456_789, "$0.123"),
        (999_999_999, "$1.00"),
        (1_200_000_000, "$1.20"),
        (1_005_000_000, "$1.01"),
        (1_234_567_891_000_000, "$1,234,567.89"),
        (-1_200_000_000, "-$1.20"),
        (-1, ">-$0.000001"),
    ],
)
def test_amounts_read_well(nano_usd: int, text: str) -> None:
    assert format_usd(nano_usd) == text


@given(st.integers(500, MAX_NANO_USD))
def test_a_shown_amount_is_never_zero_nor_longer_than_six_decimals(nano_usd: int) -> None:
    shown = format_usd(nano_usd)
    assert float(shown.lstrip("$").replace(",", "")) > 0
    assert len(shown.rpartition(".")[2]) <= 6
