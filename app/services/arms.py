"""Puts a call of an endpoint on its side of a rollout: the version that answers, or the new one (O47)."""

from __future__ import annotations

from dataclasses import replace

from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.forwarding import end_user_of
from app.domain.rollouts import IN_SHADOW, SHADOW, Arm, arm_of, bucket_of
from app.domain.targets import Target
from app.domain.wanted import Wanted
from app.services import targets

USER_HEADER = "X-Sluice-User-Id"


def choose(caller: Caller, target: Target, call: Call, *, fresh: bool = False) -> Target:
    """Return the target that answers: the endpoint's new version for the share of end users that get it."""
    if call.shadow_of is not None:
        return in_shadow(target)
    facts = target.rollout
    if facts is None or target.version != facts.old_number or call.version is not None or call.repeats:
        return target
    arm = arm_of(facts, bucket_of(caller.workspace_id, target.endpoint_id or "", who(call)))
    if arm.version == target.version:
        return replace(target, arm=arm)
    named = Wanted(target.slug, arm.version, drafts=True)
    return replace(targets.find_named(caller, named, fresh=fresh), rollout=facts, arm=arm)


def in_shadow(target: Target) -> Target:
    """Return the target of a call that is only compared, marked as such."""
    rollout = target.arm.rollout_id if target.arm else target.rollout.id if target.rollout else ""
    number = target.policy.version if target.policy else target.version or 0
    return replace(target, arm=Arm(rollout, IN_SHADOW, SHADOW, number))


def who(call: Call) -> str:
    """Return by what a call's side is told: its end user, else its conversation, else the request itself."""
    named = call.headers.get(USER_HEADER) or end_user_of(call.body) or call.body.get("session_id")
    return named if isinstance(named, str) and named else call.request_id
