"""Alert rules: which number they watch, of what, and when it is worth telling. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.errors import InvalidInput
from app.domain.fields import Collector, number, refuse_unknown, switch, text, texts, whole
from app.domain.pricing import format_usd, nano_to_usd, usd_to_nano
from app.domain.timespans import midnight

METRICS = {  # what each one is counted in
    "spend": "usd",
    "savings": "usd",
    "average_cost": "usd",
    "calls": "count",
    "tokens": "count",
    "blocked": "count",
    "guardrail_hits": "count",
    "error_rate": "percent",
    "p95_latency": "ms",
    "reported_spend": "usd",
    "reported_calls": "count",
}
RATES = ("average_cost", "error_rate", "p95_latency")  # say little about few calls
REPORTED = ("reported_spend", "reported_calls")
NOT_BY_HOUR = ("p95_latency", "guardrail_hits")  # are in no sum by hour
WINDOWS = ("5m", "1h", "day", "month")
KINDS = ("threshold", "anomaly")
DIRECTIONS = ("over", "under")
WHERE = ("project", "policy", "endpoint", "key", "model", "provider", "end_user", "plan", "region")
BY = ("mail", "webhook")
CONFIG = frozenset({"metric", "where", "window", "kind", "direction", "bound", "least_calls", "by"})
FIELDS = CONFIG | {"name", "active"}
FEW_CALLS = 5

STEP = timedelta(minutes=5)
COMPARED = timedelta(days=7)
SETTLED = timedelta(minutes=1)  # so long after its end a window's calls are written down
SPREADS = 3.5
LEAST_WINDOWS = 6
LEAST_CALLS = 5
Number = int | float


@dataclass(frozen=True, slots=True)
class RuleConfig:
    """What a rule watches. `bound` is in nano-dollars, per cent, milliseconds or a count; None: an anomaly.

    `where` names what is counted; keys and endpoints by their ids.
    """

    metric: str
    where: Mapping[str, str]
    window: str = "day"
    kind: str = "threshold"
    direction: str = "over"
    bound: Number | None = None
    least_calls: int = FEW_CALLS
    by: tuple[str, ...] = BY

    @property
    def unit(self) -> str:
        return METRICS[self.metric]

    def as_fields(self) -> dict[str, Any]:
        """Return it as a form or file writes it."""
        fields: dict[str, Any] = {
            "metric": self.metric,
            "where": dict(self.where),
            "kind": self.kind,
            "by": list(self.by),
        }
        if self.metric in RATES:
            fields["least_calls"] = self.least_calls
        if self.kind == "anomaly":
            return fields
        bound = nano_to_usd(int(self.bound or 0)) if self.unit == "usd" else self.bound
        return {**fields, "window": self.window, "direction": self.direction, "bound": bound}


@dataclass(frozen=True, slots=True)
class Measured:
    """A number and how many calls it is of; a value of None: there was nothing to measure."""

    calls: int
    value: Number | None


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured in a window of five minutes."""

    starts_at: datetime
    calls: int
    value: Number


@dataclass(frozen=True, slots=True)
class Unusual:
    """How a window stands to those before it: above `bound` it is far from what is usual."""

    median: Number
    bound: Number
    windows: int


def parse_rule(fields: Mapping[str, Any]) -> tuple[str, bool, RuleConfig]:
    """Return name, switch and what the rule watches; raise InvalidFields with all that is wrong."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    name = collect.take(text, fields, "name", most=200, required=True)
    active = collect.take(switch, fields, "active", True)
    metric = collect.take(choice, fields, "metric", tuple(METRICS))
    kind = collect.take(choice, fields, "kind", KINDS, "threshold")
    window = collect.take(choice, fields, "window", WINDOWS, "day")
    direction = collect.take(choice, fields, "direction", DIRECTIONS, "over")
    where = collect.take(parse_where, fields)
    few = collect.take(whole, fields, "least_calls", 1, 1_000_000) or FEW_CALLS
    by = collect.take(parse_by, fields)
    is_anomaly = kind == "anomaly"
    bound = None if is_anomaly or metric is None else collect.take(parse_bound, fields, metric)
    if metric in NOT_BY_HOUR and not is_anomaly and window in ("day", "month"):
        collect.errors["window"] = "This is measured over 5 minutes or an hour: choose 5m or 1h."
    collect.finish()
    window, direction = ("5m", "over") if is_anomaly else (window, direction)
    return name, active, RuleConfig(metric, where, window, kind, direction, bound, few, by)


def stored_rule(config: Mapping[str, Any]) -> RuleConfig:
    """Return what a row's config says."""
    return parse_rule({"name": "stored", **config})[2]


def choice(fields: Mapping[str, Any], name: str, known: Sequence[str], default: str = "") -> str:
    """Return one of the known words."""
    value = text(fields, name, most=40, required=not default) or default
    if value not in known:
        raise InvalidInput(f"Choose from: {', '.join(known)}.", param=name)
    return value


def parse_where(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return what the rule counts, in the usual order; empty: everything."""
    raw = fields.get("where") or {}
    if not isinstance(raw, Mapping):
        raise InvalidInput("Must be an object with fields.", param="where")
    unknown = [str(name) for name in raw if name not in WHERE]
    if unknown:
        known = f"There is no such field: {unknown[0]}. Choose from: {', '.join(WHERE)}."
        raise InvalidInput(known, param="where")
    try:
        found = {name: text(raw, name, most=200) for name in WHERE}
    except InvalidInput as error:
        raise InvalidInput(f"{error.param}: {error.message}", param="where") from None
    return {name: value for name, value in found.items() if value}


def parse_by(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return how people are told; none: only in the dashboard."""
    if fields.get("by") is None:
        return BY
    named = texts(fields, "by", most=len(BY))
    if set(named) - set(BY):
        raise InvalidInput(f"Choose from: {', '.join(BY)}.", param="by")
    return tuple(way for way in BY if way in named)


def parse_bound(fields: Mapping[str, Any], metric: str) -> Number:
    """Return the number that the metric is compared with."""
    unit = METRICS[metric]
    if unit == "usd":
        return dollars(fields)
    value = number(fields, "bound", 0, 100 if unit == "percent" else 1e15)
    if value is None:
        raise InvalidInput("Please fill this in.", param="bound")
    return int(value) if value.is_integer() else value


def dollars(fields: Mapping[str, Any]) -> int:
    """Return an amount in nano-dollars."""
    if isinstance(fields.get("bound"), float):
        raise InvalidInput(
            'Write the amount as text, like "20.50": a number may not be exact.', param="bound"
        )
    given = {"bound": str(fields["bound"])} if type(fields.get("bound")) is int else fields
    written = text(given, "bound", most=30, required=True).removeprefix("$").replace(",", "")
    try:
        return usd_to_nano(written)
    except ValueError as error:
        raise InvalidInput(str(error), param="bound") from None


def span(config: RuleConfig, now: datetime, timezone: str) -> tuple[datetime, datetime]:
    """Return from when to when a threshold's number is measured now.

    Days and months are the workspace's own, and so far as they have gone; what must not stay under a bound is
    only known of the last whole one.
    """
    if config.window in ("5m", "1h"):
        length = STEP if config.window == "5m" else timedelta(hours=1)
        return now - length, now
    today = now.astimezone(ZoneInfo(timezone)).date()
    first = today if config.window == "day" else today.replace(day=1)
    if config.direction == "over":
        return midnight(first, timezone), now
    before = first - timedelta(days=1)
    return midnight(before if config.window == "day" else before.replace(day=1), timezone), midnight(
        first, timezone
    )


def passes(config: RuleConfig, measured: Measured) -> bool:
    """Say whether a threshold is passed."""
    if measured.value is None or config.bound is None:
        return False
    if config.metric in RATES and measured.calls < config.least_calls:
        return False
    over = measured.value > config.bound
    return over if config.direction == "over" else measured.value < config.bound


def last_window(now: datetime) -> datetime:
    """Return the start of the last window of five minutes whose calls are written down."""
    seconds = int((now - SETTLED - STEP).timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(STEP.total_seconds()), UTC)


def is_unusual(current: Sample, before: Sequence[Sample]) -> Unusual | None:
    """Return what is usual where a window is far above it: over median + 3.5 × MAD of those before it (P33).

    Windows without calls count for nothing. Where the MAD is 0, a tenth of the median stands in for it;
    where that is 0 too, the window must be above everything before.
    """
    values = [sample.value for sample in before if sample.starts_at < current.starts_at]
    if current.calls < LEAST_CALLS or len(values) < LEAST_WINDOWS:
        return None
    middle = median(values)
    spread = median(abs(value - middle) for value in values) or abs(middle) / 10
    bound = middle + SPREADS * spread if spread else max(values)
    return Unusual(middle, bound, len(values)) if current.value > bound else None


def unusual_windows(samples: Sequence[Sample], since: datetime) -> list[datetime]:
    """Return the windows since a moment of which the rule would have told, each by the days before it."""
    starts = [sample.starts_at for sample in samples]
    found = []
    for place in range(bisect_left(starts, since), len(samples)):
        before = samples[bisect_left(starts, starts[place] - COMPARED) : place]
        if is_unusual(samples[place], before) is not None:
            found.append(starts[place])
    return found


def written(value: Number | None, unit: str) -> str:
    """Return a number as people read it, its unit as a sign."""
    if value is None:
        return "–"
    if unit == "usd":
        return format_usd(round(value))
    if unit == "percent":
        return f"{value:,.1f}".removesuffix(".0") + " %"
    return f"{value:,.0f}" + (" ms" if unit == "ms" else "")
