"""Who does something: a person, a key or the system; and what the roles of a workspace allow."""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("viewer", "editor", "admin", "owner")  # each may do all that those before it may


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who acts; the first argument of every service verb."""

    kind: str  # person | key | system
    id: str | None
    label: str  # what the audit log shows: an e-mail address, a key's name, a command
    is_operator: bool = False


SYSTEM = Actor("system", None, "bin/sluice", is_operator=True)


def at_least(role: str, least: str) -> bool:
    """Say whether `role` includes what `least` may do."""
    return ROLES.index(role) >= ROLES.index(least)
