"""From where and when a key may call: the two guardrails that are asked before anything else (P23)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from ipaddress import ip_network
from typing import Any

from app.domain.client_address import Network, is_trusted, parse
from app.domain.endpoint_errors import AddressNotAllowed, OutsideHours
from app.domain.guardrails.settings import Settings

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Hours:
    """Times of day on some days; where `to` is not after `since`, the window ends on the next day."""

    since: time
    to: time
    days: frozenset[int]  # of the week, Monday is 0

    def hold(self, now: datetime) -> bool:
        """Say whether a local time is within the window."""
        at, day = now.time(), now.weekday()
        if self.since < self.to:
            return day in self.days and self.since <= at < self.to
        before = (now - timedelta(days=1)).weekday()
        return (day in self.days and at >= self.since) or (before in self.days and at < self.to)


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who is let in. `networks`: empty lets everybody in."""

    networks: tuple[Network, ...] = ()
    hours: Hours | None = None

    def check(self, address: str, now: datetime) -> None:
        """Raise AddressNotAllowed or OutsideHours; an address that is not known is none that is allowed."""
        if self.networks:
            found = parse(address)
            if found is None or not is_trusted(found, self.networks):
                raise AddressNotAllowed
        if self.hours is not None and not self.hours.hold(now):
            raise OutsideHours


def entrance_of(settings: Settings) -> Entrance | None:
    """Return who the settings let in; None where they let everybody in at any time."""
    addresses, hours = settings.get("addresses", {}), settings.get("hours", {})
    networks = tuple(ip_network(text, strict=False) for text in addresses.get("allow") or ())
    found = Entrance(networks, hours_of(hours))
    return None if found == Entrance() else found


def hours_of(rule: Mapping[str, Any]) -> Hours | None:
    """Return the window of the rule; None where it sets none."""
    days = rule.get("days") or ()
    if not (rule.get("from") or rule.get("to") or days):
        return None
    since = time.fromisoformat(rule.get("from") or "00:00")
    to = time.min if rule.get("to") in (None, "24:00") else time.fromisoformat(rule["to"])
    return Hours(since, to, frozenset(map(DAYS.index, days or DAYS)))
