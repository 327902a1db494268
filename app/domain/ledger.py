"""The ledger's words and rules: kinds of entries, the sides that money moves between, amounts as typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, text
from app.domain.pricing import NANO_PER_USD, usd_to_nano

ACCOUNT = "account"
KINDS = ("charge", "top_up", "trial", "adjustment", "refund")
OTHER_SIDE = {
    "charge": "revenue",
    "top_up": "funding",
    "refund": "funding",
    "trial": "funding",
    "adjustment": "corrections",
}
MOST_NANO_USD = 1_000_000_000 * NANO_PER_USD  # of one movement and of a balance: far below what BIGINT holds
TRIAL_REF = "trial"  # a trial is given once in the life of an account
FIELDS = frozenset({"usd", "ref", "reason"})


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that goes onto the account (above zero) or off it. `ref` makes it happen once."""

    kind: str
    nano_usd: int
    ref: str
    reason: str = ""

    @property
    def sides(self) -> tuple[str, str]:
        """Return from where to where the money moves."""
        other = OTHER_SIDE[self.kind]
        return (other, ACCOUNT) if self.nano_usd > 0 else (ACCOUNT, other)


def parse_movement(kind: str, fields: Mapping[str, Any]) -> Movement:
    """Check what was typed; a refund is typed as an amount, and takes it off."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    nano_usd = collect.take(signed_usd if kind == "adjustment" else some_usd, fields, "usd")
    ref = collect.take(text, fields, "ref", most=200, required=True)
    reason = collect.take(text, fields, "reason", most=500, required=kind != "top_up")
    collect.finish()
    return Movement(kind, -nano_usd if kind == "refund" else nano_usd, ref, reason)


def some_usd(raw: Mapping[str, Any], name: str) -> int:
    """Return an amount above zero in nano-dollars."""
    nano_usd = usd(raw, name, required=True)
    if not nano_usd:
        raise InvalidInput("Must be more than nothing.", param=name)
    return nano_usd


def signed_usd(raw: Mapping[str, Any], name: str) -> int:
    """Return an amount in nano-dollars that may be below zero, and is not zero."""
    typed = text(raw, name, most=40, required=True).replace("−", "-")
    sign, amount = (-1, typed[1:]) if typed.startswith("-") else (1, typed.removeprefix("+"))
    return sign * some_usd({name: amount.strip()}, name)


def usd(raw: Mapping[str, Any], name: str, *, required: bool = False) -> int | None:
    """Return an amount of dollars in nano-dollars; None when it is empty."""
    typed = text(raw, name, most=40, required=required)
    try:
        nano_usd = usd_to_nano(typed) if typed else None
    except ValueError as error:
        raise InvalidInput(str(error), param=name) from None
    if nano_usd is not None and nano_usd > MOST_NANO_USD:
        raise InvalidInput("The amount is too large.", param=name)
    return nano_usd
