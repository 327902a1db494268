"""Words and drawings of rollouts: what happens now, how both sides compare, when it goes on, why it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from flask_babel import ngettext

from app.dashboard import model_words, receipt_words
from app.domain.pricing import format_usd
from app.domain.rollout_plans import RolloutPlan, percent_of
from app.domain.rollouts import FULL
from app.domain.sequential import SHARES, TOO_FEW, WORSE, Comparison, Estimate
from app.models import Rollout
from app.models.columns import utc_now
from app.services.rollout_guard import GUARD, Standing

LEAST_TOP = {"errors": 0.05, "guardrails": 0.05}  # scales begin with so much: a point is not a mountain
TONES = {"worse": "error", "not_worse": "ok", "too_few": "neutral"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One side of a metric as it is drawn: where in per cent of the width, and in words."""

    side: str
    told: str
    start: float
    wide: float
    at: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of both sides. `limit`: beyond it, in per cent of the width, the new one is too bad."""

    name: str
    tone: str
    verdict: str
    detail: str
    bars: tuple[Bar, Bar]
    limit: float | None


def metric(name: str) -> str:
    """Return what people call a metric."""
    names = {
        "errors": _("Errors"),
        "guardrails": _("Stopped by guardrails"),
        "latency_p50": _("Time of a usual call"),
        "latency_p90": _("Time of the slowest tenth"),
        "cost_p50": _("Cost of a usual call"),
        "cost_p90": _("Cost of the dearest tenth"),
    }
    return str(names.get(name, name))


def percent(share: int) -> str:
    """Return a share of 10,000 as people read it."""
    return f"{percent_of(share)} %"


def amount(name: str, value: float | None) -> str:
    """Return one value of a metric."""
    if value is None:
        return "–"
    if name in SHARES:
        return f"{100 * value:.1f}".removesuffix(".0") + " %"
    if name.startswith("latency"):
        return receipt_words.milliseconds(round(value))
    return format_usd(round(value))


def short(tokens: int) -> str:
    """Return a number of tokens where there is little room."""
    return model_words.tokens(tokens)


def between(name: str, estimate: Estimate) -> str:
    """Return between what a value lies."""
    if not estimate.calls:
        return str(_("not known yet"))
    if estimate.high is None:
        return str(_("at least %(low)s", low=amount(name, estimate.low)))
    low, high = amount(name, estimate.low), amount(name, estimate.high)
    number, _space, unit = low.partition(" ")
    return f"{number if unit and high.endswith(unit) else low} – {high}"


def bound(name: str, most: int) -> str:
    """Return by how much the new version may be worse."""
    if name in SHARES:
        return str(ngettext("%(num)d point more is allowed", "%(num)d points more are allowed", most))
    return str(_("%(most)d %% more is allowed", most=most))


def verdict(found: Comparison) -> str:
    """Return what a comparison comes to, in two or three words."""
    words = {TOO_FEW: _("Too few calls to tell"), WORSE: _("Worse")}
    return str(words.get(found.verdict) or _("Not worse so far"))


def detail(found: Comparison) -> str:
    """Return what the verdict rests on: both ranges, and how much worse is allowed."""
    if found.verdict == TOO_FEW:
        return ""
    after, before = between(found.metric, found.new), between(found.metric, found.old)
    limit = bound(found.metric, found.bound)
    return str(_("%(new)s against %(old)s; %(bound)s", new=after, old=before, bound=limit))


def lines(standing: Standing) -> list[Line]:
    """Return every metric as it is drawn."""
    return [line(found, standing) for found in standing.comparisons]


def line(found: Comparison, standing: Standing) -> Line:
    """Return one metric as it is drawn."""
    limit = limit_of(found)
    known = [found.old.high, found.new.high, found.old.value, found.new.value, limit]
    highest = max([LEAST_TOP.get(found.metric, 0.0), *(each for each in known if each is not None)])
    top = 1.05 * highest or 1.0
    row = standing.row
    bars = bar(found, found.old, row.old_number, top), bar(found, found.new, row.new_number, top)
    at = None if limit is None or limit >= top else 100 * limit / top
    return Line(metric(found.metric), TONES[found.verdict], verdict(found), detail(found), bars, at)


def limit_of(found: Comparison) -> float | None:
    """Return beyond which value the new version is worse by more than it may be."""
    if found.old.high is None:
        return None
    if found.metric in SHARES:
        return min(1.0, found.old.high + found.bound / 100)
    return found.old.high * (100 + found.bound) / 100


def bar(found: Comparison, estimate: Estimate, number: int, top: float) -> Bar:
    """Return one side as it is drawn; without an upper bound it reaches to the edge."""
    start = 100 * estimate.low / top if estimate.calls else 0.0
    high = 100.0 if estimate.high is None else 100 * estimate.high / top
    told = f"{amount(found.metric, estimate.value)} ({between(found.metric, estimate)})"
    at = None if estimate.value is None else min(100.0, 100 * estimate.value / top)
    wide = max(0.6, min(100.0, high) - start) if estimate.calls else 0.0
    side = str(_("Version %(number)d", number=number))
    return Bar(side, told if estimate.calls else str(_("no calls yet")), min(start, 99.4), wide, at)


def overall(standing: Standing) -> tuple[str, str]:
    """Return the tone and the sentence of how the new version does."""
    row, worst, fewest = standing.row, standing.worst, min(standing.old.calls, standing.new.calls)
    if worst is not None:
        return "error", str(
            _("Version %(number)d is worse: %(what)s.", number=row.new_number, what=why(worst))
        )
    if row.state == FULL and not standing.old.calls:
        told = _("There is nobody left to compare version %(number)d with.", number=row.new_number)
        return "warn", f"{told} " + str(_("Nobody rolls it back but you."))
    if fewest < standing.plan.least_calls:
        texts = {"new": standing.new.calls, "old": standing.old.calls, "least": standing.plan.least_calls}
        told = _("Too few calls to tell: %(new)d with the new version, %(old)d with the old one.", **texts)
        return "info", f"{told} " + str(_("Each needs %(least)d.", **texts))
    return "ok", str(_("Version %(number)d is not worse so far.", number=row.new_number))


def why(worst: Comparison) -> str:
    """Name the metric by which a version is worse, with both values."""
    name, old, new = worst.metric, worst.old.value, worst.new.value
    return f"{metric(name)} {amount(name, new)} " + str(_("against %(old)s", old=amount(name, old)))


def going_on(standing: Standing) -> str:
    """Say when the next step begins, and what it waits for."""
    row, plan = standing.row, standing.plan
    if standing.worst is not None:
        return str(_("It does not go on by itself while it is worse."))
    following = plan.after(row.share)
    named = _("Then %(share)s of your end users get it.", share=percent(following or 0))
    if following is None:
        named = _("Then it is live for good.")
    if not plan.step_minutes:
        return str(_("The next step begins when somebody says so.")) + f" {named}"
    parts = [waits_for_time(row, plan), waits_for_calls(standing)]
    waiting = f" {_('and')} ".join(part for part in parts if part)
    if not waiting:
        return str(_("The next step begins within a minute, if nothing gets worse.")) + f" {named}"
    return str(_("Next step %(waiting)s, if nothing gets worse.", waiting=waiting)) + f" {named}"


def waits_for_time(row: Rollout, plan: RolloutPlan) -> str:
    """Say how long the step still lasts; empty when its time is over."""
    left = row.step_at + timedelta(minutes=plan.step_minutes) - utc_now()
    if left <= timedelta():
        return ""
    return str(_("in %(time)s", time=lasting(left)))


def waits_for_calls(standing: Standing) -> str:
    """Say how many calls are missing; empty when there are enough."""
    plan = standing.plan
    least = max(plan.step_calls, plan.least_calls if plan.guarded else 0)
    missing = least - standing.new.calls
    if missing <= 0:
        return ""
    return str(ngettext("after %(num)d more call", "after %(num)d more calls", missing))


def lasting(left: timedelta) -> str:
    """Write a stretch of time in its largest units."""
    minutes = max(1, round(left.total_seconds() / 60))
    if minutes < 90:
        return str(ngettext("%(num)d minute", "%(num)d minutes", minutes))
    hours = round(minutes / 60)
    if hours < 48:
        return str(ngettext("%(num)d hour", "%(num)d hours", hours))
    return str(ngettext("%(num)d day", "%(num)d days", round(hours / 24)))


def plan(found: RolloutPlan) -> str:
    """Return a plan as one sentence."""
    steps = " → ".join(_("shadow") if step == 0 else percent(step) for step in found.steps)
    if not found.step_minutes:
        return str(_("%(steps)s, each step begun by hand", steps=steps))
    stretch = lasting(timedelta(minutes=found.step_minutes))
    return str(_("%(steps)s, each step at least %(stretch)s", steps=steps, stretch=stretch))


def ended(row: Rollout) -> tuple[str, str]:
    """Return the tone and the sentence of how a rollout ended."""
    texts = {"old": row.old_number, "new": row.new_number}
    if row.outcome == "promoted":
        return "ok", str(_("Version %(new)d went live for everybody.", **texts))
    if row.outcome == "rolled_back":
        return "error", str(_("Rolled back: everybody gets version %(old)d again.", **texts))
    if row.outcome == "undone":
        return "warn", str(
            _("Version %(new)d was live, until somebody went back to version %(old)d.", **texts)
        )
    return "warn", str(_("Stopped: everybody gets version %(old)d.", **texts))


def reason(row: Rollout) -> str:
    """Return why a rollout ended, and by whom."""
    told = row.reason or {}
    name, by = told.get("metric"), told.get("by", "")
    if name:
        texts = {"calls": told.get("calls", 0), "what": metric(name), "bound": bound(name, told["bound"])}
        values = {"old": amount(name, told.get("old")), "new": amount(name, told.get("new"))}
        counted = _("By itself, after %(calls)d calls of the new version.", **texts)
        return f"{counted} " + str(_("%(what)s: %(new)s against %(old)s; %(bound)s.", **texts, **values))
    if by == GUARD.label:
        return str(_("By itself: its time was over, and it was not worse."))
    note = told.get("note") or ""
    named = str(_("By %(who)s", who=by)) if by else ""
    return f"{named}: {note}" if note else named


def outcome(row: Rollout) -> tuple[str, str]:
    """Return the tone and the one word for where a rollout stands."""
    words = {"promoted": ("ok", _("Live")), "rolled_back": ("error", _("Rolled back"))}
    words["undone"] = ("warn", _("Undone"))
    if row.outcome is None:
        return "info", str(_("Under way"))
    tone, text = words.get(row.outcome, ("neutral", _("Stopped")))
    return tone, str(text)


def since(at: datetime) -> str:
    """Return how long ago something began."""
    return lasting(utc_now() - at)
