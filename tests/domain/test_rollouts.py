"""Who gets a new version: stable shares of end users, and conversations that stay where they began (O47)."""

from __future__ import annotations

from functools import cache

import pytest

from app.domain.ids import is_uuid, new_id
from app.domain.rollouts import (
    CANARY,
    FULL,
    NEW,
    OLD,
    SHADOW,
    WHOLE,
    RolloutFacts,
    arm_of,
    began_in,
    bucket_of,
    conversation_id,
    is_compared,
    side,
)

USERS = 100_000
SHARES = (1, 10, 25, 50, 90)  # per cent
WORKSPACE = "0196f000-0000-7000-8000-000000000001"


def facts(share: int = 0, state: str = CANARY, name: str = "r1", shadow_percent: int = 100) -> RolloutFacts:
    return RolloutFacts(name, state, share, 3, 4, shadow_percent)


@cache
def buckets(policy: str) -> list[int]:
    return [bucket_of(WORKSPACE, policy, f"user_{number}") for number in range(USERS)]


def those_with_the_new_one(policy: str, percent: int) -> set[int]:
    rollout = facts(percent * WHOLE // 100)
    return {user for user, bucket in enumerate(buckets(policy)) if arm_of(rollout, bucket).name == NEW}


@pytest.mark.parametrize("percent", SHARES)
def test_shares_are_within_a_point_of_the_setting(percent: int) -> None:
    got = len(those_with_the_new_one("support_chat", percent))
    assert abs(100 * got / USERS - percent) <= 1


def test_growing_the_share_moves_nobody_out() -> None:
    grown = [those_with_the_new_one("support_chat", percent) for percent in SHARES]
    assert all(before < after for before, after in zip(grown, grown[1:], strict=False))


def test_policies_are_independent_of_one_another() -> None:
    both = those_with_the_new_one("support_chat", 50) & those_with_the_new_one("sales_chat", 50)
    assert abs(100 * len(both) / USERS - 25) <= 1


def test_the_state_decides_before_the_share() -> None:
    assert arm_of(facts(0, FULL), 9_999).version == 4 and arm_of(facts(0, FULL), 9_999).name == NEW
    asleep = arm_of(facts(5_000, SHADOW), 0)
    assert (asleep.name, asleep.version, asleep.compared_with) == (OLD, 3, 4)
    assert arm_of(facts(5_000), 5_000).compared_with == 0


def test_so_many_calls_are_compared_always_the_same_ones() -> None:
    ids = [new_id() for _ in range(4_000)]
    arm = arm_of(facts(state=SHADOW, shadow_percent=25), 0)
    compared = [one for one in ids if is_compared(arm, one)]
    assert 20 < 100 * len(compared) / len(ids) < 30
    assert compared == [one for one in ids if is_compared(arm, one)]
    assert not any(is_compared(arm_of(facts(5_000), 9_999), one) for one in ids)


def test_the_id_of_a_conversation_says_where_it_began() -> None:
    new = conversation_id(side(facts(), is_new=True))
    old = conversation_id(side(facts(), is_new=False))
    assert is_uuid(new) and is_uuid(old) and new != conversation_id(side(facts(), is_new=True))
    assert (began_in(facts(), new), began_in(facts(), old.upper())) == (NEW, OLD)
    assert began_in(facts(name="r2"), new) == began_in(facts(), conversation_id(None)) == ""
    assert began_in(facts(), "not an id") == began_in(facts(), 7) == ""
