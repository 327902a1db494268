"""What a policy said of one call: it goes with the call's target and is told in its answer and receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.domain.policies.contexts import Context
from app.domain.policies.rules import BLOCK, Ruling


@dataclass(frozen=True, slots=True)
class Governed:
    """A policy's ruling. `state` of its rollout: OFF (switched off), SHADOW, CANARY or FULL.

    `first`: the model that is to answer before any other; empty where the choice is the gateway's.
    """

    policy_id: str
    key: str
    version: int
    state: str
    context: Context
    ruling: Ruling
    first: str = ""

    @property
    def blocks(self) -> bool:
        """Say whether nobody may answer."""
        return self.ruling.action == BLOCK

    def columns(self) -> dict[str, Any]:
        """Return what a record keeps of it."""
        context = self.context
        return {
            "policy_key": self.key,
            "policy_version": self.version,
            "policy_state": self.state,
            "action": self.ruling.action,
            "policy_rule": self.ruling.rule or None,
            "plan": context.plan or None,
            "region": context.region or None,
            "context": context.as_dict() or None,
        }
