"""The form of guardrails, the same at every level: what it shows of each rule, and what was typed into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from flask import g, request
from flask_babel import gettext as _

from app.dashboard import forms, guardrail_words
from app.dashboard.auth import actor
from app.domain.guardrails.kind_fields import LANGUAGES, MASKING
from app.domain.guardrails.levels import AT_THE_DOOR, Level, locked_by
from app.domain.guardrails.rules import DEFAULT_SIDES, WHOLE
from app.domain.guardrails.secrets import secret_kinds
from app.domain.guardrails.settings import KINDS, Settings, merged
from app.services import model_choices

PREFIX = "guardrails."  # of every field's name
COUNTED = frozenset({"length"})  # about the whole text, but known as soon as it is too long
ONE_SIDED = frozenset({"json_only"})
LINES = {"addresses": "allow", "keywords": "words"}  # one entry per line
TICKED = {"secrets": "kinds", "pii": "kinds", "language": "allowed", "hours": "days"}
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Card:
    """One rule in the form. `own`: what this level says; `inherited`: what holds from above, in words."""

    kind: str
    title: str
    about: str
    icon: str
    own: Values
    inherited: str
    locked_by: str
    state: str  # what holds here, in words; empty: nothing
    actions: tuple[tuple[str, str], ...]
    sides: tuple[tuple[str, str], ...]
    can_lock: bool
    is_whole: bool
    is_open: bool


def cards(own: Settings, above: Sequence[Level], *, can_lock: bool) -> list[Card]:
    """Return the rules as the form shows them."""
    inherited = merged([settings for _whose, settings in above])
    holding = merged([inherited, own])
    return [
        Card(
            kind=kind,
            title=str(guardrail_words.TITLES[kind]),
            about=str(guardrail_words.ABOUT[kind]),
            icon=guardrail_words.ICONS[kind],
            own=own.get(kind, {}),
            inherited=guardrail_words.told(kind, inherited.get(kind, {})) if kind in inherited else "",
            locked_by=locked_by(above, kind),
            state=guardrail_words.told(kind, holding[kind]) if kind in holding else "",
            actions=actions_of(kind, kind in inherited),
            sides=sides_of(kind, kind in inherited),
            can_lock=can_lock and "locked" in KINDS[kind],
            is_whole=kind in WHOLE - COUNTED,
            is_open=bool(own.get(kind)),
        )
        for kind in KINDS
    ]


def actions_of(kind: str, inherits: bool) -> tuple[tuple[str, str], ...]:
    """Return what a rule can be told to do; empty where it only lets in or not."""
    if kind in AT_THE_DOOR:
        return ()
    first = _("Follows the level above") if inherits else _("Nothing chosen")
    usable = [a for a in guardrail_words.ACTIONS if kind in MASKING or a not in ("mask", "redact")]
    return (("", first), *((action, str(guardrail_words.ACTIONS[action])) for action in usable))


def sides_of(kind: str, inherits: bool) -> tuple[tuple[str, str], ...]:
    """Return on which sides a rule can look; empty where there is no choice."""
    if kind in AT_THE_DOOR or kind in ONE_SIDED:
        return ()
    usual = guardrail_words.SIDES[DEFAULT_SIDES.get(kind, "both")]
    first = _("Follows the level above") if inherits else _("As usual: %(side)s", side=usual)
    return (("", first), *((side, str(words)) for side, words in guardrail_words.SIDES.items()))


def choices() -> dict[str, list[tuple[str, str]]]:
    """Return what the boxes to tick stand for, by rule."""
    return {
        "secrets": sorted(secret_kinds().items(), key=lambda item: item[1].casefold()),
        "pii": [(kind, str(words)) for kind, words in guardrail_words.PII.items()],
        "language": sorted(((code, str(_(name))) for code, name in LANGUAGES.items()), key=itemgetter(1)),
        "hours": [(day, str(words)) for day, words in guardrail_words.DAYS.items()],
    }


def context() -> dict[str, Any]:
    """Return what the form needs beside its cards."""
    shelves = model_choices.list_shelves(actor(), g.workspace.id, None)
    return {
        "choices": choices(),
        "models": sorted(model_choices.by_id(shelves)),
        "written": written,
        "guard_words": guardrail_words,
    }


def read(before: Settings, above: Sequence[Level]) -> Settings:
    """Return what was typed, with only what this level says itself; what is locked above is not asked for."""
    inherited = merged([settings for _whose, settings in above])
    found: Settings = {}
    for kind in KINDS:
        old = before.get(kind, {})
        fields = old if locked_by(above, kind) else rule(kind, old)
        if fields and (kind in inherited or not fields.keys() <= {"on", "locked"}):
            found[kind] = fields
    return found


def rule(kind: str, before: Mapping[str, Any]) -> Values:
    """Return one rule as typed; a field that is left empty says nothing."""
    values = {**common(kind), **own_fields(kind, before)}
    return {name: value for name, value in values.items() if value not in ("", None, [])}


def common(kind: str) -> Values:
    """Return what every rule has."""
    found: Values = {
        name: forms.text(f"{PREFIX}{kind}.{name}") for name in ("action", "on") if name in KINDS[kind]
    }
    return found | ({"locked": True} if f"{PREFIX}{kind}.locked" in request.form else {})


def own_fields(kind: str, before: Mapping[str, Any]) -> Values:
    """Return what only this kind has."""
    if kind in LINES:
        return {LINES[kind]: lines(f"{kind}.{LINES[kind]}")}
    found: Values = {TICKED[kind]: forms.many(f"{PREFIX}{kind}.{TICKED[kind]}")} if kind in TICKED else {}
    if kind == "pii":
        found["names"] = lines("pii.names")
    elif kind == "hours":
        found |= {name: forms.text(f"{PREFIX}hours.{name}").strip() for name in ("from", "to")}
    elif kind == "length":
        found["most_characters"] = forms.whole(f"{PREFIX}length.most_characters")
    elif kind == "patterns":
        found["patterns"] = patterns(lines("patterns.patterns"), before.get("patterns") or ())
    elif kind == "judge":
        found |= {name: forms.text(f"{PREFIX}judge.{name}").strip() for name in ("rule", "model")}
    return found


def lines(name: str) -> list[str]:
    """Return the lines of a field that hold anything."""
    return [line.strip() for line in forms.text(PREFIX + name).splitlines() if line.strip()]


def patterns(typed: Sequence[str], before: Sequence[Mapping[str, Any]]) -> list[Values]:
    """Return patterns written as `name = pattern`; what only a file can say of one stays."""
    known = {(entry["name"], entry["pattern"]): dict(entry) for entry in before}
    found = []
    for line in typed:
        name, _sign, pattern = (part.strip() for part in line.partition("="))
        found.append(known.get((name, pattern), {"name": name, "pattern": pattern}))
    return found


def written(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return patterns as the form shows them."""
    return "\n".join(f"{entry['name']} = {entry['pattern']}" for entry in entries)
