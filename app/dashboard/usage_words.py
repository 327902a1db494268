"""Usage in words and drawings: names of what it is grouped by, comparisons, and the chart's bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import gettext as _

from app.dashboard.usage_filters import Asked
from app.domain.ids import is_uuid
from app.domain.pricing import format_usd
from app.domain.timespans import Timespan
from app.domain.usage_sums import Totals
from app.services.usage_hours import COLLECTED, ERASED, OTHER
from app.services.usage_reports import LISTED, Line, Report

OTHERS_TONE = 8
STEPS = (2, 4, 6, 8, 10, 12, 16, 20, 24, 30, 40, 50, 60, 80)


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing drawn in every bar: its size there, and the same in words."""

    name: str
    tone: int
    sizes: tuple[int, ...]
    told: tuple[str, ...]
    told_sum: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of layers; `top` is the height of the drawing, `scale` what stands beside it."""

    title: str
    description: str
    labels: tuple[str, ...]
    layers: tuple[Layer, ...]
    told_sums: tuple[str, ...]
    top: int
    scale: tuple[str, str, str]


def groups() -> list[tuple[str, str]]:
    """Return what usage can be told apart by."""
    return [
        ("model", _("Model")),
        ("provider", _("Provider")),
        ("project", _("Project")),
        ("endpoint", _("Endpoint")),
        ("key", _("Key")),
        ("account", _("Account")),
        ("end_user", _("End user")),
        ("policy", _("Policy")),
        ("plan", _("Plan of the end user")),
        ("region", _("Region")),
    ]


def measures() -> list[tuple[str, str]]:
    """Return what the chart can show."""
    return [("spend", _("Spend")), ("calls", _("Calls")), ("tokens", _("Tokens"))]


def ranges() -> list[tuple[str, str]]:
    """Return the stretches of time to choose from."""
    return [
        ("24h", _("Last 24 hours")),
        ("7d", _("Last 7 days")),
        ("30d", _("Last 30 days")),
        ("90d", _("Last 90 days")),
        ("custom", _("From … to …")),
    ]


def name(report: Report, group: str, value: str) -> str:
    """Name one line."""
    return named(report.names, group, value)


def named(names: Mapping[str, str], group: str, value: str) -> str:
    """Name what a value stands for."""
    if value == OTHER:
        return str(_("further names"))
    if value == ERASED:
        return str(_("erased on request"))
    if value in names:
        return names[value]
    if value == "":
        return nobody(group)
    return str(_("deleted (%(id)s)", id=value[:8])) if is_uuid(value) else value


def nobody(group: str) -> str:
    """Name the calls that belong to none."""
    words = {
        "model": _("No model named"),
        "provider": _("No provider answered"),
        "endpoint": _("Without an endpoint"),
        "key": _("Try it (without a key)"),
        "end_user": _("Not named"),
        "policy": _("Without a policy"),
        "plan": _("Not named"),
        "region": _("Not named"),
    }
    return str(words.get(group, _("None")))


def requests_link(line: Line, asked: Asked) -> str:
    """Return the link to the requests behind a line; empty where no filter finds them."""
    value = line.value
    filters: dict[str, dict[str, Any]] = {
        "model": {"exact_model": value},
        "provider": {"provider": value},
        "project": {"project": value},
        "endpoint": {"endpoint_id": value},
        "key": {"who": f"key:{value}"} if value else {"source": "dashboard"},
        "end_user": {"end_user": value},
    }
    found = filters.get(asked.group)
    if found is None or value in COLLECTED or not (value or asked.group == "key"):
        return ""
    found |= {"since": f"{asked.span.starts_at:%Y-%m-%dT%H:%M}"}
    if asked.range == "custom":
        found |= {"until": f"{asked.span.ends_at:%Y-%m-%dT%H:%M}"}
    return url_for("requests.index", **found)


def told(measure: str, number: int) -> str:
    """Write a number of a measure for people."""
    return format_usd(number) if measure == "spend" else f"{number:,}"


def compare(now: int, before: int) -> str:
    """Say how a number moved against the stretch of time before."""
    if now == before:
        return str(_("as in the time before"))
    if before == 0:
        return str(_("none in the time before"))
    share = round(100 * (now - before) / before)
    if share > 999:
        return str(_("%(times)d times the time before", times=round(now / before)))
    return str(_("%(share)+d %% on the time before", share=share))


def share_of(part: int, whole: int) -> str:
    """Write a share in percent."""
    share = 100 * part / whole if whole else 0
    return f"{share:.1f} %" if 0 < share < 10 else f"{share:.0f} %"


def stretch(span: Timespan) -> str:
    """Say which days are shown."""
    first, last = (f"{day:%d %b %Y}" for day in span.days)
    days = first if first == last else f"{first} – {last}"
    return str(_("%(days)s, %(zone)s time", days=days, zone=span.timezone))


def chart(report: Report, asked: Asked) -> Chart:
    """Return the drawing: the largest as layers of their own, the rest as one."""
    of = asked.measure
    layers = [layer(report, asked, number) for number in range(len(report.parts))]
    sums = [totals.of(of) for totals in report.by_part]
    top = ceiling(max(sums, default=0), 2_000 if of == "spend" else 2)
    titles = {"spend": _("Spend over time"), "calls": _("Calls over time"), "tokens": _("Tokens over time")}
    units = {"hour": _("by hour"), "day": _("by day"), "week": _("by week, from Monday on")}
    return Chart(
        title=str(titles[of]),
        description=str(units[asked.span.unit]),
        labels=tuple(label(start, asked.span) for start in asked.span.starts),
        layers=tuple(each for each in layers if each.tone != OTHERS_TONE or any(each.sizes)),
        told_sums=tuple(told(of, size) for size in sums),
        top=top,
        scale=(short(of, top), short(of, top // 2), short(of, 0)),
    )


def money_by_day(title: str, description: str, points: Sequence[tuple[date, int]]) -> Chart:
    """Return the drawing of one amount for each day."""
    sizes = tuple(amount for _day, amount in points)
    shown, top = tuple(map(format_usd, sizes)), ceiling(max(sizes, default=0), 2_000)
    return Chart(
        title=title,
        description=description,
        labels=tuple(f"{day:%d %b}" for day, _amount in points),
        layers=(Layer(title, 1, sizes, shown, format_usd(sum(sizes))),),
        told_sums=shown,
        top=top,
        scale=(short("spend", top), short("spend", top // 2), short("spend", 0)),
    )


def layer(report: Report, asked: Asked, number: int) -> Layer:
    """Return one layer; the last one is all others together."""
    of, is_rest = asked.measure, number == len(report.drawn)
    sizes = tuple(totals.of(of) for totals in report.parts[number])
    return Layer(
        name=str(_("all others")) if is_rest else name(report, asked.group, report.drawn[number]),
        tone=OTHERS_TONE if is_rest else number + 1,
        sizes=sizes,
        told=tuple(told(of, size) for size in sizes),
        told_sum=told(of, sum(sizes)),
    )


def label(start: datetime, span: Timespan) -> str:
    """Write the start of a part of the time."""
    local = start.astimezone(ZoneInfo(span.timezone))
    if span.unit != "hour":
        return f"{local:%d %b}"
    return f"{local:%H:%M}" if len(span.starts) <= 25 else f"{local:%d %b %H:%M}"


def ceiling(highest: int, least: int) -> int:
    """Return a round number that is not below: the top of a scale."""
    factor = 1
    while STEPS[-1] * factor < highest:
        factor *= 10
    return max(least, next(step * factor for step in STEPS if step * factor >= highest))


def short(measure: str, number: int) -> str:
    """Write a number of the scale shortly."""
    if measure == "spend":
        return format_usd(number) if number else "$0"
    for unit, sign in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= unit:
            return f"{number / unit:g}{sign}"
    return str(number)


def others(report: Report) -> tuple[int, Totals] | None:
    """Return how many lines are not listed, and their sum."""
    return report.others if report.others[0] > 0 and len(report.lines) == LISTED else None
