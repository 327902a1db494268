"""Credit in plain words: what an entry of the ledger is, how an account pays."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from app.domain.ledger import ACCOUNT
from app.domain.pricing import MILLION, nano_to_usd
from app.models import LedgerEntry

KINDS = {
    "charge": lazy_gettext("Call"),
    "top_up": lazy_gettext("Top-up"),
    "trial": lazy_gettext("Trial credit"),
    "adjustment": lazy_gettext("Correction"),
    "refund": lazy_gettext("Paid back"),
}
TONES = {"top_up": "ok", "trial": "info", "adjustment": "warn", "refund": "warn"}


def kind(name: str) -> str:
    """Return what an entry is."""
    return str(KINDS.get(name, name))


def kinds() -> list[tuple[str, str]]:
    """Return the choices of the filter."""
    return [("", str(_("Everything"))), *((name, str(text)) for name, text in KINDS.items())]


def tone(name: str) -> str:
    """Return the colour of an entry's badge."""
    return TONES.get(name, "neutral")


def signed_nano_usd(entry: LedgerEntry) -> int:
    """Return the amount as the account feels it."""
    return entry.amount_nano_usd if entry.to_side == ACCOUNT else -entry.amount_nano_usd


def amount(entry: LedgerEntry) -> str:
    """Return the exact amount with its sign."""
    nano_usd = signed_nano_usd(entry)
    return f"{'+' if nano_usd > 0 else '−'}{exact(abs(nano_usd))}"


def exact(nano_usd: int) -> str:
    """Return an amount with every digit: a ledger rounds nothing."""
    whole, decimals = nano_to_usd(nano_usd).split(".")
    return f"${int(whole):,}.{decimals}"


def billing(name: str) -> str:
    """Return how an account pays."""
    return str(_("Prepaid") if name == "prepaid" else _("Metered"))


def factor(ppm: int) -> str:
    """Return what a factor does to prices."""
    if ppm == MILLION:
        return str(_("List prices"))
    percent = abs(ppm - MILLION) / 10_000
    more = ppm > MILLION
    return str(
        _("%(n)g %% above list prices", n=percent) if more else _("%(n)g %% below list prices", n=percent)
    )
