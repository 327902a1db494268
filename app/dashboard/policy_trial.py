"""Whoever is described in a form is put to a policy: which rule is for them, and what it does; no call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from app.dashboard import forms
from app.dashboard.auth import actor
from app.domain.errors import InvalidFields, InvalidInput
from app.domain.policies.conditions import FIELDS, TASK_TYPES, WORDS, Condition, Fact, words_of
from app.domain.policies.contexts import TRIAL_STATUSES
from app.domain.policies.rules import PolicyConfig, PolicyRule, Ruling, parse_policy, rule_on
from app.domain.rollouts import arm_of, bucket_of
from app.domain.route_conditions import TIME, checked, number_of
from app.services import live_policies, policy_versions
from app.services.policy_versions import PolicyView

ALWAYS = ("user", "model")
BY_ROLLOUT = "rollout"


@dataclass(frozen=True, slots=True)
class Judged:
    """One rule, and its first condition that does not hold; None: the rule holds."""

    rule: PolicyRule
    missed: Condition | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What is decided, by which version. `rules`: up to the first that holds; `arm`: a rollout's, if any."""

    ruling: Ruling
    rules: tuple[Judged, ...]
    rule: PolicyRule | None
    number: int
    arm: str


def blank(view: PolicyView) -> dict[str, Any]:
    """Return the form at first."""
    which = BY_ROLLOUT if view.rollout else str(view.working_version.number)
    return {"which": which, "user": "user_123", "streaming": ""}


def typed() -> dict[str, Any]:
    """Return what was typed."""
    return {"which": forms.text("which"), **{name: forms.text(name).strip() for name in FIELDS}}


def versions(view: PolicyView) -> list[tuple[str, str]]:
    """Return the versions that can be asked."""
    rollout = view.rollout
    rolled = [(BY_ROLLOUT, str(_("The version that this end user gets now")))] if rollout else []
    found = {view.version.number: _("Version %(number)d, live", number=view.version.number)}
    if rollout is not None:
        found[rollout.new_number] = _("Version %(number)d, being rolled out", number=rollout.new_number)
    if view.draft is not None:
        number = view.draft.number
        found.setdefault(number, _("Version %(number)d, the draft", number=number))
    return [*rolled, *((str(number), str(text)) for number, text in found.items())]


def choices() -> dict[str, list[tuple[str, str]]]:
    """Return the facts that have a few values, with those."""
    nothing = ("", str(_("not said")))
    return {
        "trial_status": [nothing, *((name, name.lower()) for name in TRIAL_STATUSES)],
        "task_type": [nothing, *((name, name) for name in TASK_TYPES)],
        "streaming": [("", str(_("no"))), ("1", str(_("yes")))],
    }


def asked(view: PolicyView, given: Mapping[str, Any]) -> list[str]:
    """Return the facts that the form asks for: whom it is about, and those of the rules."""
    needed = {*ALWAYS, *view.config.needs, *view.working_config.needs}
    return [name for name in FIELDS if name in needed or given.get(name)]


def put(view: PolicyView, given: Mapping[str, Any]) -> Trial:
    """Return what is decided for whom is described; raise InvalidFields."""
    facts = facts_of(given)
    number, arm = version_for(view, given)
    config = config_of(view, number)
    ruling = rule_on(config, (str(given.get("model") or ""),), facts)
    rules = judged(config, facts)
    held = rules[-1].rule if rules and rules[-1].missed is None else None
    return Trial(ruling, rules, held, number, arm)


def judged(config: PolicyConfig, facts: Mapping[str, Fact]) -> tuple[Judged, ...]:
    """Return the rules up to the first that holds, each with the condition that is missed."""
    found = []
    for rule in config.rules:
        missed = (each for each in rule.when if not each.holds(facts.get(each.field)))  # type: ignore[arg-type]
        found.append(Judged(rule, next(missed, None)))
        if found[-1].missed is None:
            break
    return tuple(found)


def version_for(view: PolicyView, given: Mapping[str, Any]) -> tuple[int, str]:
    """Return the version that is asked, and the side of a rollout on which the user is."""
    which, rollout = str(given["which"]), view.rollout
    if which == BY_ROLLOUT and rollout is not None:
        policy = view.policy
        bucket = bucket_of(policy.workspace_id, policy.key, str(given.get("user") or ""))
        arm = arm_of(live_policies.facts_of(rollout), bucket)
        return arm.version, arm.name
    return int(which) if which in dict(versions(view)) and which.isdecimal() else view.version.number, ""


def config_of(view: PolicyView, number: int) -> PolicyConfig:
    """Return what a version says."""
    place = view.policy.workspace_id, view.policy.id
    return parse_policy(policy_versions.find_version(actor(), *place, number).config, stored=True)


def facts_of(given: Mapping[str, Any]) -> dict[str, Fact]:
    """Return what was typed as rules compare it; raise InvalidFields."""
    found: dict[str, Fact] = {}
    errors: dict[str, str] = {}
    for name in FIELDS:
        try:
            found[name] = fact_of(name, str(given.get(name) or ""))
        except InvalidInput as error:
            errors[name] = error.message
    if errors:
        raise InvalidFields(errors)
    return found


def fact_of(name: str, value: str) -> Fact:
    """Return one fact; raise InvalidInput."""
    if name == "streaming":
        return int(bool(value))
    if not value:
        return None
    if name in WORDS:
        return words_of(name, value, name).values[0]
    given = value if name == TIME else int(value) if value.isascii() and value.isdecimal() else value
    return number_of(name, checked(name, given, name))
