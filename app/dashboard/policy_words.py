"""Policies in plain words: each rule as a sentence, what two versions say differently, states and actions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask_babel import LazyString, gettext, ngettext
from flask_babel import lazy_gettext as _

from app.dashboard import route_rules
from app.domain import rollouts
from app.domain.policies.conditions import Condition, Fact, Words
from app.domain.policies.rules import (
    ALLOW,
    BLOCK,
    DOWNGRADE,
    FALLBACK,
    Bounds,
    PolicyConfig,
    PolicyRule,
    Ruling,
)
from app.domain.pricing import format_usd
from app.services.policy_versions import PolicyView

FACTS: dict[str, LazyString] = {
    "plan": _("the plan"),
    "region": _("the region"),
    "country": _("the country"),
    "locale": _("the language"),
    "platform": _("the platform"),
    "cohort": _("the cohort"),
    "feature": _("the feature"),
    "trial_status": _("the trial"),
    "user": _("the end user"),
    "task_type": _("the task"),
    "model": _("the requested model"),
    "input_tokens": _("the request’s length in tokens"),
    "monthly_spend_pct": _("the percentage of the monthly budget that is spent"),
    "time_of_day": _("the time of day"),
    "streaming": _("the answer is streamed"),
}
ACTIONS: dict[str, LazyString] = {
    ALLOW: _("the requested model answers"),
    DOWNGRADE: _("other models answer instead"),
    FALLBACK: _("the requested model answers, others stand in if it fails"),
    BLOCK: _("nobody answers, the call is refused"),
}
SHORT: dict[str, LazyString] = {
    ALLOW: _("Allow"),
    DOWNGRADE: _("Answer with another"),
    FALLBACK: _("Stand-ins"),
    BLOCK: _("Refuse"),
}
TONES = {ALLOW: "ok", DOWNGRADE: "info", FALLBACK: "neutral", BLOCK: "error"}
STATES: dict[str, tuple[LazyString, str]] = {
    rollouts.OFF: (_("Switched off"), "neutral"),
    rollouts.SHADOW: (_("In shadow"), "info"),
    rollouts.CANARY: (_("Some end users"), "warn"),
    rollouts.FULL: (_("Everybody"), "ok"),
}


def action(name: str) -> str:
    """Return what an action does."""
    return str(SHORT.get(name, name))


def tone(name: str) -> str:
    """Return in which colour an action is shown."""
    return TONES.get(name, "neutral")


def state(view: PolicyView) -> tuple[str, str]:
    """Return how far the policy has come, and the colour of its badge."""
    text, colour = STATES[view.state]
    if view.rollout is None or view.state == rollouts.OFF:
        return (str(text), colour)
    number = view.rollout.new_number
    if view.state == rollouts.CANARY:
        share = f"{view.rollout.share / 100:g}"
        told = gettext("Version %(number)d for %(share)s %% of end users", number=number, share=share)
        return told, colour
    if view.state == rollouts.SHADOW:
        return gettext("Version %(number)d runs in shadow", number=number), colour
    return gettext("Version %(number)d for everybody, watched", number=number), "warn"


def count(config: PolicyConfig) -> str:
    """Return how many rules there are."""
    if not config.rules:
        return str(gettext("No rules: every requested model answers"))
    return str(ngettext("%(num)d rule", "%(num)d rules", len(config.rules)))


def sentence(rule: PolicyRule) -> str:
    """Return a whole rule as one sentence."""
    when = conditions(rule.when)
    start = gettext("When %(what)s,", what=when) if when else gettext("For every other call,")
    told = then(rule)
    return f"{start} {told}" if told.endswith(".”") else f"{start} {told}."


def conditions(when: Sequence[Condition]) -> str:
    """Return all conditions of a rule."""
    return str(gettext(" and ").join(condition(each) for each in when))


def condition(each: Condition) -> str:
    """Return one condition."""
    name = str(FACTS[each.field])
    if isinstance(each, Words):
        return f"{name} {words(each)}"
    if each.field == "streaming":
        return name if each.value else gettext("the answer is not streamed")
    compares = str(dict(route_rules.operators())[each.operator])
    if each.operator == "between":
        low, high = each.value
        return f"{name} {compares} {low} {gettext('and')} {high}"
    percent = "%" if each.field == "monthly_spend_pct" else ""
    return f"{name} {compares} {each.value}{percent}"


def words(each: Words) -> str:
    """Return which values a fact has, or has not."""
    values = [value.lower() if each.field == "trial_status" else value for value in each.values]
    if not each.negated:
        return str(gettext("is %(values)s", values=listed(values)))
    if len(values) == 1:
        return str(gettext("is not %(values)s", values=values[0]))
    return str(gettext("is none of %(values)s", values=", ".join(values)))


def listed(names: Sequence[str]) -> str:
    """Return names of which any may be."""
    *most, last = names
    return str(gettext("%(most)s or %(last)s", most=", ".join(most), last=last)) if most else last


def then(rule: PolicyRule) -> str:
    """Return what a rule does."""
    if rule.action == BLOCK:
        said = gettext("refuse the call and say “%(message)s”", message=rule.message)
        return str(said if rule.message else gettext("refuse the call"))
    parts = [answered(rule), *bounds(rule.bounds)]
    if rule.prompt:
        parts.append(prompt(rule.prompt))
    return ", ".join(parts)


def answered(rule: PolicyRule) -> str:
    """Return which models answer."""
    chain = gettext(", then ").join(rule.models)
    if rule.action == DOWNGRADE:
        first, *others = rule.models
        told = gettext("answer with %(model)s instead of the requested model", model=first)
        more = gettext(", then ").join(others)
        return str(gettext("%(told)s (if it fails: %(models)s)", told=told, models=more) if more else told)
    if rule.action == FALLBACK:
        return str(gettext("let the requested model answer, and if it fails %(models)s", models=chain))
    return str(gettext("let the requested model answer"))


def bounds(given: Bounds) -> list[str]:
    """Return what a model must not exceed."""
    parts = []
    if given.max_nano_usd_per_request is not None:
        amount = format_usd(given.max_nano_usd_per_request)
        parts.append(gettext("for at most %(amount)s per request", amount=amount))
    if given.max_input_nano_usd_per_million is not None:
        amount = format_usd(given.max_input_nano_usd_per_million)
        parts.append(gettext("for at most %(amount)s per million tokens sent", amount=amount))
    if given.min_quality is not None:
        parts.append(gettext("with a quality of at least %(quality)d", quality=given.min_quality))
    if given.providers:
        parts.append(gettext("only by %(names)s", names=listed(given.providers)))
    if given.excluded_providers:
        parts.append(gettext("never by %(names)s", names=listed(given.excluded_providers)))
    return parts


def prompt(name: str) -> str:
    """Return whose prompt is used."""
    slug, _at, number = name.partition("@")
    if number:
        return str(gettext("with the prompt of %(slug)s, version %(number)s", slug=slug, number=number))
    return str(gettext("with the published prompt of %(slug)s", slug=slug))


def facts(names: Iterable[str]) -> str:
    """Return what rules look at, in a line."""
    return ", ".join(str(FACTS[name]) for name in FACTS if name in set(names))


def told_fact(field: str, fact: Fact) -> str:
    """Return what a call says of one fact."""
    if fact is None or fact == "":
        return str(gettext("not said"))
    if field == "streaming":
        return str(gettext("yes") if fact else gettext("no"))
    if field == "time_of_day":
        return f"{int(fact) // 60:02d}:{int(fact) % 60:02d}"
    return str(fact).lower() if field == "trial_status" else str(fact)


def decided(ruling: Ruling) -> str:
    """Return what is done for one call."""
    rule = PolicyRule(
        "", ruling.action, (), given_models(ruling), ruling.bounds, ruling.prompt, ruling.message
    )
    told = then(rule)
    return f"{told[0].upper()}{told[1:]}" + ("" if told.endswith(".”") else ".")


def given_models(ruling: Ruling) -> tuple[str, ...]:
    """Return the models that a rule names, without the requested one."""
    return ruling.models[1:] if ruling.action == FALLBACK else ruling.models


def title(name: str) -> str:
    """Return a fact as the label of a field."""
    short = {
        "user": _("End user"),
        "model": _("Requested model"),
        "input_tokens": _("Length in tokens"),
        "monthly_spend_pct": _("Budget of the month spent, in %"),
        "streaming": _("Streamed"),
    }
    text = str(FACTS[name])
    return str(short.get(name) or text.removeprefix("the ").capitalize())


def example(name: str) -> str:
    """Return what could stand in the field of a fact."""
    examples = {"plan": "free", "region": "eu", "country": "de", "locale": "de-de", "platform": "ios"}
    more = {"model": "openai/gpt-4o", "time_of_day": "22:30", "input_tokens": "4000"}
    return {**examples, **more}.get(name, "")


def field(name: str) -> str:
    """Return the title of a change, which says it already."""
    return name
