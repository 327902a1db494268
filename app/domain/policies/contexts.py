"""Whose call a policy decides about: the end user and what the client says of them (K4, K5, K16, K20)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.calls import Headers
from app.domain.errors import InvalidRequest

TRIAL_STATUSES = ("NONE", "TRIALING", "EXPIRED", "CONVERTED")
POLICY_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
LONGEST_USER, LONGEST_FACT = 200, 64
HEADER = "x-kagu-"
FACTS = {
    "plan": "plan-id",
    "region": "region",
    "country": "country",
    "locale": "locale",
    "platform": "platform",
    "cohort": "cohort-key",
    "feature": "feature-key",
    "trial_status": "trial-status",
}  # of a context, with the rest of their header's name
FACT_HEADERS = {fact: HEADER + rest for fact, rest in FACTS.items()}
USER_HEADER, KEY_HEADER, ID_HEADER = HEADER + "user-id", HEADER + "policy-key", HEADER + "request-id"
LOWERED = frozenset(FACTS) - {"trial_status"}  # told apart by no one in upper and lower case


@dataclass(frozen=True, slots=True)
class Context:
    """What a client says of the end user behind a call; empty: not said. `policy_key` is lower case (K13)."""

    user_id: str
    policy_key: str
    request_id: str | None = None  # the client's own, once per project (K14)
    plan: str = ""
    region: str = ""
    country: str = ""
    locale: str = ""
    platform: str = ""
    cohort: str = ""
    feature: str = ""
    trial_status: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return what was said beside user and policy."""
        return {name: value for name in FACTS if (value := getattr(self, name))}


def from_headers(headers: Headers) -> Context:
    """Return the context in `x-kagu-*`; raise InvalidRequest (400) naming the header that is wrong."""

    def read(name: str, longest: int, *, needed: bool = False) -> str:
        value = headers.get(name)
        if not value and not needed:
            return ""
        return checked(as_text(value or ""), f"The header {name}", longest, needed=needed)

    facts = {fact: read(name, LONGEST_FACT) for fact, name in FACT_HEADERS.items()}
    request_id = headers.get(ID_HEADER)
    if request_id is not None and not REQUEST_ID.fullmatch(request_id):
        raise InvalidRequest(f"The header {HEADER}request-id must be 1 to 128 visible ASCII characters.")
    return made(
        read(USER_HEADER, LONGEST_USER, needed=True),
        read(KEY_HEADER, LONGEST_FACT, needed=True),
        request_id,
        facts,
        f"The header {HEADER}trial-status",
    )


def user_of(headers: Headers) -> str:
    """Return the end user that `x-kagu-user-id` names, once `from_headers` has checked it."""
    return as_text(headers.get(USER_HEADER, "")).strip()


def as_text(value: str) -> str:
    """Return a header's value as its client wrote it: in UTF-8 where it is that, else in Latin-1."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def made(
    user_id: str, policy_key: str, request_id: str | None, facts: Mapping[str, str], trial: str
) -> Context:
    """Return a context of checked texts; `trial` names where its trial status stands."""
    status = facts["trial_status"].upper()
    if status and status not in TRIAL_STATUSES:
        raise InvalidRequest(f"{trial} must be one of: {', '.join(TRIAL_STATUSES)}.")
    told = {name: value.lower() for name, value in facts.items()}
    told["trial_status"] = status
    return Context(user_id, policy_key.lower(), request_id, **told)


def checked(value: Any, where: str, longest: int, *, needed: bool = False) -> str:
    """Return a text without space around it; raise InvalidRequest naming `where` it stands."""
    if value is None or value == "":
        if needed:
            raise InvalidRequest(f"{where} is missing. Send it with every call.")
        return ""
    if not isinstance(value, str) or not value.isprintable() or not value.strip() or len(value) > longest:
        raise InvalidRequest(f"{where} must be a text of 1 to {longest} visible characters.")
    return value.strip()
