"""The tables of a comparison: a gateway a column, a figure a row, the goal beside it, and the ratios."""

from __future__ import annotations

from run.bench.figures import DIRECT, FIGURES, Figure, Results, ratio, reached, value
from run.bench.steps import Steps
from run.bench.tables import Rows, number

SIGNS = {True: "reached", False: "missed", None: ""}


def measured(results: Results) -> list[Figure]:
    """Return the figures that at least one gateway has."""
    return [one for one in FIGURES if any(value(one, name, results) is not None for name in results)]


def medians(results: Results, product: str) -> Rows:
    """Return the table of medians; goal and verdict are the product's."""
    rows = [["median", *results, "goal", ""]]
    for figure in measured(results):
        found = {name: value(figure, name, results) for name in results}
        sign = SIGNS[reached(figure, found[product])]
        rows.append([figure.title, *map(number, found.values()), wanted(figure), sign])
    return rows


def wanted(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    return f"{'≥' if figure.higher else '≤'} {figure.goal:,g}"


def ratios(results: Results, product: str) -> Rows:
    """Return how many times better the product is than each other gateway."""
    others = [name for name in results if name not in (product, DIRECT)]
    rows = [[f"{product}, times better than", *others]]
    for figure in measured(results):
        own = value(figure, product, results)
        found = [ratio(figure, own, value(figure, name, results)) for name in others]
        if any(one is not None for one in found):
            rows.append([figure.title, *map(number, found)])
    return rows


def steps(profile: dict[str, Steps]) -> Rows:
    """Return the steps of each route in milliseconds; `client` is the whole as its client saw it."""
    names = list(dict.fromkeys(name for found in profile.values() for name in found))
    rows = [["milliseconds", *profile]]
    rows += [[name, *(number(found.get(name)) for found in profile.values())] for name in names]
    return rows
