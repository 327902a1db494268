"""Puts a call of an endpoint on its side of a rollout: the version that answers, or the new one (O47)."""

from __future__ import annotations

from dataclasses import replace

from app.domain.callers import Caller
from app.domain.calls import Call, Shadowed
from app.domain.chat_sessions import FIELD
from app.domain.forwarding import end_user_of
from app.domain.rollouts import (
    CANARY,
    IN_SHADOW,
    NEW,
    SHADOW,
    Arm,
    RolloutFacts,
    arm_of,
    began_in,
    bucket_of,
    side,
)
from app.domain.targets import Target
from app.domain.wanted import Wanted
from app.services import targets

USER_HEADER = "X-Sluice-User-Id"


def choose(caller: Caller, target: Target, call: Call, *, fresh: bool = False) -> Target:
    """Return the target that answers: the endpoint's new version for the share of end users that get it.

    Whoever names a version, people in the dashboard and requests that are asked again are no part of it.
    """
    if call.shadowed is not None:
        return in_shadow(target, call.shadowed)
    facts = target.rollout
    if facts is None or target.version != facts.old_number or call.actor is not None or call.repeats:
        return target
    arm = arm_for(facts, caller, target, call)
    if arm.version == target.version:
        return replace(target, arm=arm)
    named = Wanted(target.slug, arm.version, drafts=True)
    return replace(targets.find_named(caller, named, fresh=fresh), rollout=facts, arm=arm)


def arm_for(facts: RolloutFacts, caller: Caller, target: Target, call: Call) -> Arm:
    """Return the call's side: a conversation stays where it began, as long as both versions answer."""
    conversation = call.body.get(FIELD)
    if conversation is not None and facts.state == CANARY:
        began = began_in(facts, conversation)
        if began or target.config.session:  # one that began before the rollout began with the old version
            return side(facts, is_new=began == NEW)
    return arm_of(facts, bucket_of(caller.workspace_id, target.endpoint_id or "", who(call)))


def in_shadow(target: Target, shadowed: Shadowed) -> Target:
    """Return the target of a call that is only compared, marked as such."""
    number = target.policy.version if target.policy else target.version or 0
    return replace(target, arm=Arm(shadowed.rollout_id, IN_SHADOW, SHADOW, number))


def who(call: Call) -> str:
    """Return by what a call's side is told: its end user, else its conversation, else the request itself."""
    named = call.headers.get(USER_HEADER) or end_user_of(call.body) or call.body.get(FIELD)
    return named if isinstance(named, str) and named else call.request_id
