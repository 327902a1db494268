"""Lets keys in from their addresses and at their hours only; people in the dashboard come from anywhere."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.guardrails.entrance import Entrance, entrance_of
from app.domain.guardrails.settings import Settings
from app.services import guardrail_settings
from app.services.cache import Cache

OPEN = Entrance()
Key = tuple[tuple[str, ...], tuple[str, ...]]
_known: Cache[Key, Entrance] = Cache(10_000)


def check(caller: Caller, call: Call) -> None:
    """Raise AddressNotAllowed or OutsideHours where workspace, project or key do not let the call in."""
    if caller.key_id is None or not (caller.guardrails or caller.key_guardrails):
        return
    name = caller.guardrails, caller.key_guardrails
    entrance = _known.get(name)
    if entrance is None:
        entrance = entrance_of(guardrail_settings.of_key(caller)) or OPEN
        _known.put(name, entrance)
    if entrance is not OPEN:
        entrance.check(call.client_address, datetime.now(ZoneInfo(caller.timezone)))


def check_endpoint(caller: Caller, call: Call, settings: Settings) -> None:
    """Raise where an endpoint of these settings does not let the call in: it narrows who comes so far."""
    if caller.key_id is None or not ("addresses" in settings or "hours" in settings):
        return
    entrance = entrance_of(settings)
    if entrance is not None:
        entrance.check(call.client_address, datetime.now(ZoneInfo(caller.timezone)))
