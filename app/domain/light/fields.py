"""Reads the fields of light mode's bodies: strictly; what is wrong is told by the field's name (400)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.errors import InvalidRequest
from app.domain.policies import contexts
from app.domain.policies.contexts import Context
from app.domain.pricing import NANO_PER_USD

CONTEXT = {
    "plan": "planKey",
    "region": "region",
    "country": "country",
    "locale": "locale",
    "platform": "platform",
    "cohort": "cohortKey",
    "feature": "featureKey",
    "trial_status": "trialStatus",
}  # facts of a context, by the field that tells them
PROVIDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?")
LONGEST_MODEL = 200
MOST_USD = 100_000


class Fields:
    """One body; it remembers which fields were asked for, so that the others can be named."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self._known: set[str] = set()

    def take(self, name: str) -> Any:
        """Return a field as it came; None when absent."""
        self._known.add(name)
        return self._body.get(name)

    def text(self, name: str, longest: int = 200, *, needed: bool = False) -> str:
        """Return a text without space around it; empty when absent."""
        try:
            return contexts.checked(self.take(name), f"'{name}'", longest, needed=needed)
        except InvalidRequest as error:
            raise InvalidRequest(error.message, param=name) from None

    def word(self, name: str, among: tuple[str, ...]) -> str:
        """Return one of some words, in upper case; empty when absent."""
        value = self.text(name, 64).upper()
        if value and value not in among:
            raise refused(name, f"one of: {', '.join(among)}")
        return value

    def whole(self, name: str, most: int, least: int = 0) -> int | None:
        """Return a whole number; None when absent."""
        value = self.take(name)
        if value is not None and (type(value) is not int or not least <= value <= most):
            raise refused(name, f"a whole number from {least:,} to {most:,}")
        return value

    def number(self, name: str, most: float) -> float | None:
        """Return a number that is not negative; None when absent."""
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise refused(name, f"a number from 0 to {most:g}")
        return float(value)

    def flag(self, name: str) -> bool:
        """Return true or false; false when absent."""
        value = self.take(name)
        if not isinstance(value, bool | None):
            raise refused(name, "true or false")
        return bool(value)

    def dollars(self, name: str) -> int | None:
        """Return an amount in nano-dollars, rounded; it comes as a number or a text like "0.0012"."""
        value = self.take(name)
        if value is None:
            return None
        must = f'an amount of US dollars from 0 to {MOST_USD:,}, like 0.0012 or "0.0012"'
        if not is_decimal(value):
            raise refused(name, must)
        amount = Decimal(str(value))
        if not 0 <= amount <= MOST_USD:
            raise refused(name, must)
        return int((amount * NANO_PER_USD).to_integral_value())

    def unknown(self) -> tuple[str, ...]:
        """Return the first of the fields that nobody asked for."""
        return tuple(name[:40] for name in self._body if name not in self._known)[:20]


def is_decimal(value: Any) -> bool:
    """Say whether a value is a decimal number, or a text of one, also with a program's exponent."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    if isinstance(value, int) and not 0 <= value <= MOST_USD:  # a very long number cannot be written
        return False
    return DECIMAL.fullmatch(str(value)) is not None


def refused(name: str, must: str) -> InvalidRequest:
    """Return the error of a field that is not as it must be."""
    return InvalidRequest(f"'{name}' must be {must}.", param=name)


def read_context(fields: Fields, sent_id: str | None) -> Context:
    """Return who the call is for; the client's id of the request may stand in the body or in its header."""
    user_id = fields.text("userId", contexts.LONGEST_USER, needed=True)
    policy_key = fields.text("policyKey", contexts.LONGEST_FACT, needed=True)
    facts = {fact: fields.text(name, contexts.LONGEST_FACT) for fact, name in CONTEXT.items()}
    request_id = read_request_id(fields, sent_id)
    return contexts.made(user_id, policy_key, request_id, facts, "'trialStatus'")


def read_request_id(fields: Fields, sent: str | None) -> str | None:
    """Return the client's own id of the request."""
    given = fields.take("requestId")
    if given is not None and sent is not None and given != sent:
        text = "'requestId' and the header x-kagu-request-id differ. Send one of them."
        raise InvalidRequest(text, param="requestId")
    told = sent if given is None else given
    if told is not None and (not isinstance(told, str) or not contexts.REQUEST_ID.fullmatch(told)):
        raise refused("requestId", "1 to 128 visible ASCII characters")
    return told


def read_provider(fields: Fields, name: str) -> str:
    """Return a provider's slug; it may be written in any case, also as OPENAI."""
    value = fields.text(name, 64)
    if value and not PROVIDER.fullmatch(value):
        raise refused(name, "a provider's name, like OPENAI")
    return value.lower()


def read_model(fields: Fields, name: str, provider: str) -> str:
    """Return a model as provider/model where its provider was named; else as it came."""
    value = fields.text(name, LONGEST_MODEL)
    named = value.lower().startswith((f"{provider}/", f"{provider}:"))
    if not value or not provider or named or value.lower() == "auto":
        return value
    return f"{provider}/{value}"[:LONGEST_MODEL]
