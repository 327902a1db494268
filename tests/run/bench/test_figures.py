"""Figures are medians over the rounds; what a gateway adds is told round by round; ratios say who is best."""

from __future__ import annotations

import pytest

from run.bench import figures, report, tables
from run.bench.figures import Figure, Results

RATE = Figure("calls/s", "rps", "rps", higher=True, goal=100)
ADDED = Figure("p50+ ms", "lat", "p50_us", 0.001, added=True, goal=1.2)


def results() -> Results:
    return {
        "direct": {"rps": [{"rps": 900.0}], "lat": [{"p50_us": 100}, {"p50_us": 900}, {"p50_us": 200}]},
        "own": {
            "rps": [{"rps": 90.0}, {"rps": 300.0}, {"rps": 110.0}],
            "lat": [{"p50_us": 1100}, {"p50_us": 2000}, {"p50_us": 1300}],
        },
        "other": {"rps": [{"rps": 10.0}, {"n": 0}], "lat": []},
    }


def test_a_figure_is_the_median_of_the_rounds_that_have_it() -> None:
    assert figures.value(RATE, "own", results()) == 110
    assert figures.value(RATE, "other", results()) == 10


def test_what_is_added_is_taken_round_by_round_and_in_the_figures_unit() -> None:
    assert figures.value(ADDED, "own", results()) == pytest.approx(1.1)  # of 1.0, 1.1 and 1.1
    assert figures.value(ADDED, "direct", results()) is None
    assert figures.value(ADDED, "other", results()) is None


def test_a_ratio_says_how_many_times_better_whatever_better_is() -> None:
    assert figures.ratio(RATE, 110, 10) == 11
    assert figures.ratio(ADDED, 1.0, 4.0) == 4
    assert figures.ratio(ADDED, 0.0, 4.0) is None
    assert figures.ratio(RATE, None, 4.0) is None


@pytest.mark.parametrize(
    ("figure", "found", "verdict"),
    [(RATE, 110, True), (RATE, 99, False), (ADDED, 1.2, True), (ADDED, 1.3, False), (RATE, None, None)],
)
def test_a_goal_is_reached_or_missed(figure: Figure, found: float | None, verdict: bool | None) -> None:
    assert figures.reached(figure, found) is verdict


def test_calls_that_failed_are_told() -> None:
    bad: Results = {"own": {"rps": [{"errors": 1, "non200": 2, "last_error": "status 503"}, {"errors": 0}]}}
    assert figures.faults(bad) == ["own, rps: 3 calls failed (status 503)"]


def test_the_tables_have_a_column_for_each_gateway_and_the_goal() -> None:
    head, *rows = report.medians(results(), "own")
    assert head == ["median", "direct", "own", "other", "goal", ""]
    assert ["calls/s", "900", "110", "10.0", "≥ 4,500", "missed"] in rows
    assert ["own, times better than", "other"] == report.ratios(results(), "own")[0]


def test_tables_are_markdown_or_aligned_columns() -> None:
    rows = [["name", "a"], ["long name", "1,000"]]
    assert tables.markdown(rows).splitlines()[1] == "| --- | ---: |"
    assert tables.plain(rows).splitlines() == ["name           a", "long name  1,000"]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23")]
)
def test_numbers_have_about_three_digits(value: float | None, text: str) -> None:
    assert tables.number(value) == text
