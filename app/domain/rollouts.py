"""How a new version goes live: who of the end users gets it, and what stands beside it (K13, O47)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

OFF, SHADOW, CANARY, FULL = STATES = ("OFF", "SHADOW", "CANARY", "FULL")
OLD, NEW, IN_SHADOW = ARMS = ("old", "new", "shadow")
WHOLE = 10_000  # shares are counted in hundredths of a per cent


@dataclass(frozen=True, slots=True)
class RolloutFacts:
    """A rollout under way, as far as a call must know it. `share`: of 10,000 who get the new version.

    `shadow_percent`: of how many calls, in shadow, the new version is asked as well.
    """

    id: str
    state: str  # SHADOW | CANARY | FULL
    share: int
    old_number: int
    new_number: int
    shadow_percent: int = 100


@dataclass(frozen=True, slots=True)
class Arm:
    """Which side of a rollout a call is on: `old` or `new` answers it, `shadow` is only compared."""

    rollout_id: str
    name: str
    state: str
    version: int


def bucket_of(workspace_id: str, subject: str, end_user: str) -> int:
    """Return a number below 10,000 that stays with an end user of a policy (or an endpoint) for good.

    Whoever is below the share gets the new version: a share that grows moves nobody out again.
    """
    told = f"{workspace_id}\x00{subject}\x00{end_user}".encode(errors="replace")
    return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "big") % WHOLE


def arm_of(facts: RolloutFacts, bucket: int) -> Arm:
    """Return the side on which a bucket is."""
    is_new = facts.state == FULL or (facts.state == CANARY and bucket < facts.share)
    number = facts.new_number if is_new else facts.old_number
    return Arm(facts.id, NEW if is_new else OLD, facts.state, number)
