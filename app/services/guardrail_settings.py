"""The guardrails that hold for a call: merged from its levels, compiled once, remembered by what they say."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from app.domain.callers import Caller
from app.domain.forwarding import MODELS
from app.domain.guardrails import rules, screens
from app.domain.guardrails.levels import effective
from app.domain.guardrails.rules import Rule
from app.domain.guardrails.screens import Screen
from app.domain.guardrails.settings import Settings
from app.domain.records import Record
from app.services.cache import Cache
from app.services.key_rotation import prefix


@dataclass(frozen=True, slots=True)
class Guards:
    """The rules of a call, and the screens of its two sides."""

    rules: tuple[Rule, ...]
    input: Screen
    output: Screen

    @property
    def judges(self) -> tuple[Rule, ...]:
        """Return the rules that a model decides."""
        return tuple(rule for rule in self.rules if rule.kind == "judge")


NO_SCREEN = screens.screen((), "output")
Name = tuple[tuple[str, ...], tuple[str, ...], str | None, int | None, bool]
_known: Cache[Name, Guards] = Cache(1_000)


def of(record: Record) -> Guards | None:
    """Return what holds for the call; None where nothing does.

    On a provider's own routes only locked rules do, unless the project asks for all of them.
    """
    caller, target = record.caller, record.target
    if caller is None or target is None:
        return None
    settings = target.config.guardrails
    if not (caller.guardrails or caller.key_guardrails or settings) or target.operation == MODELS:
        return None
    version = (target.endpoint_id, target.version) if settings else (None, None)
    passes_through = target.forwards and not target.gateway.guard_passthrough
    name = (caller.guardrails, caller.key_guardrails, *version, passes_through)
    found = _known.get(name)
    if found is None:
        found = guards_of(merged(caller, settings), only_locked=passes_through)
        _known.put(name, found)
    return found if found.rules else None


def guards_of(settings: Settings, *, only_locked: bool = False) -> Guards:
    """Return settings ready for use."""
    found = tuple(rule for rule in rules.effective(settings) if rule.locked or not only_locked)
    sides = (screens.screen(found, side, prefix.value) for side in ("input", "output"))
    return Guards(found, *sides)


def of_key(caller: Caller) -> Settings:
    """Return what holds for a caller wherever it calls, beside what endpoints say."""
    return merged(caller, {})


def merged(caller: Caller, endpoint: Settings) -> Settings:
    """Return what the levels say together (C25)."""
    above, keys = (
        [orjson.loads(raw) for raw in layers] for layers in (caller.guardrails, caller.key_guardrails)
    )
    return effective([*above, endpoint, *keys[:1]], keys[1:])


def is_unseen(record: Record) -> bool:
    """Say whether guardrails hold that have not looked at what the client sent: nothing of it is kept."""
    return record.guarding is None and of(record) is not None
