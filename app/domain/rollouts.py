"""How a new version goes live: who of the end users gets it, and what stands beside it (K13, O47)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from app.domain.ids import is_uuid, new_id

OFF, SHADOW, CANARY, FULL = STATES = ("OFF", "SHADOW", "CANARY", "FULL")
OLD, NEW, IN_SHADOW = ARMS = ("old", "new", "shadow")
WHOLE = 10_000  # shares are counted in hundredths of a per cent
MARK_DIGITS = 8  # hexadecimal, at the end of a conversation's id


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
    since: datetime | None = None  # when the share was set


@dataclass(frozen=True, slots=True)
class Arm:
    """Which side of a rollout a call is on: `old` or `new` answers it, `shadow` is only compared.

    `compared_with`: the version that runs in shadow beside some of these calls; 0: none does.
    """

    rollout_id: str
    name: str
    state: str
    version: int
    compared_with: int = 0
    shadow_percent: int = 0
    since: datetime | None = None  # when the share was set


def bucket_of(workspace_id: str, subject: str, end_user: str) -> int:
    """Return a number below 10,000 that stays with an end user of a policy (or an endpoint) for good.

    Whoever is below the share gets the new version: a share that grows moves nobody out again.
    """
    told = f"{workspace_id}\x00{subject}\x00{end_user}".encode(errors="replace")
    return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "big") % WHOLE


def arm_of(facts: RolloutFacts, bucket: int) -> Arm:
    """Return the side on which a bucket is."""
    return side(facts, is_new=facts.state == FULL or (facts.state == CANARY and bucket < facts.share))


def side(facts: RolloutFacts, *, is_new: bool) -> Arm:
    """Return the new version's side, or the old one's."""
    if is_new:
        return Arm(facts.id, NEW, facts.state, facts.new_number, since=facts.since)
    if facts.state != SHADOW:
        return Arm(facts.id, OLD, facts.state, facts.old_number, since=facts.since)
    return Arm(facts.id, OLD, SHADOW, facts.old_number, facts.new_number, facts.shadow_percent, facts.since)


def is_compared(arm: Arm, request_id: str) -> bool:
    """Say whether the new version is asked beside this call of the old one: for good by the request's id."""
    bucket = bucket_of("shadow", arm.rollout_id, request_id)
    return bool(arm.compared_with) and bucket < arm.shadow_percent * WHOLE // 100


def conversation_id(arm: Arm | None) -> str:
    """Return a new conversation's id, which says in which arm of which rollout it began."""
    fresh = new_id()
    return fresh if arm is None else fresh[:-MARK_DIGITS] + mark(arm.rollout_id, arm.name)


def mark(rollout_id: str, arm: str) -> str:
    """Return by what the ids of an arm's conversations are known."""
    told = f"{rollout_id}\x00{arm}".encode()
    return hashlib.blake2b(told, digest_size=MARK_DIGITS // 2).hexdigest()


def began_in(facts: RolloutFacts, conversation: object) -> str:
    """Return the arm in which a conversation began; empty when that was not under this rollout."""
    if not is_uuid(conversation):
        return ""
    ending = str(conversation).lower()[-MARK_DIGITS:]
    return next((name for name in (OLD, NEW) if mark(facts.id, name) == ending), "")
