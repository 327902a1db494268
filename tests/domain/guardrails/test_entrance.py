"""From where and when a key may call."""

from __future__ import annotations

from datetime import datetime

import pytest

from app.domain.endpoint_errors import AddressNotAllowed, OutsideHours
from app.domain.guardrails.entrance import Entrance, entrance_of

MONDAY_NOON = datetime(2026, 11, 16, 12)


def let_in(entrance: Entrance | None, address: str, now: datetime = MONDAY_NOON) -> bool:
    assert entrance is not None
    try:
        entrance.check(address, now)
    except (AddressNotAllowed, OutsideHours):
        return False
    return True


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("11.0.0.1", False), ("", False), ("nonsense", False),
        ("2001:db8::7", True), ("2001:db9::7", False), ("192.0.2.1", True), ("192.0.2.2", False),
    ],
)  # fmt: skip
def test_addresses(address: str, expected: bool) -> None:
    entrance = entrance_of({"addresses": {"allow": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"]}})
    assert let_in(entrance, address) is expected


@pytest.mark.parametrize(
    ("since", "to", "days", "now", "expected"),
    [
        ("08:00", "18:00", [], "2026-11-16T08:00", True),
        ("08:00", "18:00", [], "2026-11-16T18:00", False),
        ("08:00", "18:00", ["tue"], "2026-11-16T12:00", False),
        ("22:00", "06:00", ["mon"], "2026-11-16T23:00", True),
        ("22:00", "06:00", ["mon"], "2026-11-17T05:59", True),
        ("22:00", "06:00", ["mon"], "2026-11-17T06:00", False),
        ("22:00", "06:00", ["mon"], "2026-11-16T05:00", False),
        ("18:00", "24:00", [], "2026-11-16T23:59", True),
        ("18:00", None, [], "2026-11-16T17:59", False),
        (None, None, ["mon"], "2026-11-16T00:00", True),
        (None, None, ["mon"], "2026-11-17T00:00", False),
        (None, "09:00", ["mon"], "2026-11-16T08:59", True),
    ],
)
def test_hours(since: str | None, to: str | None, days: list[str], now: str, expected: bool) -> None:
    entrance = entrance_of({"hours": {"from": since, "to": to, "days": days}})
    assert let_in(entrance, "", datetime.fromisoformat(now)) is expected


def test_nothing_set_lets_everybody_in() -> None:
    assert entrance_of({}) is None
    assert entrance_of({"hours": {}, "addresses": {}}) is None
