"""What a policy said of a call, and on which side of a rollout the call was, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from app.domain.policies.rules import ALLOW, BLOCK, DOWNGRADE, FALLBACK
from app.domain.pricing import format_usd
from app.domain.rollouts import IN_SHADOW, NEW, OFF, OLD
from app.domain.sentences import Sentence


class Ruled(Protocol):
    """What is read of a stored record."""

    policy_key: Any
    policy_version: Any
    policy_state: Any
    policy_rule: Any
    action: Any
    arm: Any
    plan: Any
    region: Any
    context: Any
    rollout_id: Any
    savings_nano_usd: Any
    model_requested: Any


ACTIONS = {
    ALLOW: Sentence("the model that was asked for may answer"),
    DOWNGRADE: Sentence("another model answers in place of the one that was asked for"),
    FALLBACK: Sentence("other models stand in for the one that was asked for"),
    BLOCK: Sentence("nobody may answer"),
}
BY_RULE = "The rule “%(rule)s” of the policy “%(policy)s” (version %(version)s) held: %(action)s."
BY_NONE = "No rule of the policy “%(policy)s” (version %(version)s) held, so the model asked for may answer."
WHILE_OFF = "The policy “%(policy)s” was switched off, so the model asked for may answer."
SAVED = "That saved %(saved)s: so much more would %(model)s have cost for the same tokens."
ARMS = {
    OLD: Sentence("A new version was being rolled out; this call belonged to those who keep the old one."),
    NEW: Sentence("A new version was being rolled out, and this call belonged to those who get it."),
    IN_SHADOW: Sentence(
        "The new version ran in shadow, beside the call that it is compared with: nobody got this answer,"
        " and nobody is charged for it."
    ),
}
FACTS = {
    "plan": Sentence("Plan"),
    "region": Sentence("Region"),
    "country": Sentence("Country"),
    "locale": Sentence("Language"),
    "platform": Sentence("Platform"),
    "cohort": Sentence("Group"),
    "feature": Sentence("Feature"),
    "trial_status": Sentence("Trial"),
}


def notes(row: Ruled) -> Iterator[Sentence]:
    """Yield what there is to say; nothing where no policy and no rollout had a part in the call."""
    if row.policy_key:
        values = {"rule": row.policy_rule, "policy": row.policy_key, "version": row.policy_version}
        values["action"] = ACTIONS.get(row.action, ACTIONS[ALLOW])
        yield Sentence(template_for(row), values)
        if row.savings_nano_usd and row.action == DOWNGRADE:
            yield Sentence(SAVED, {"saved": format_usd(row.savings_nano_usd), "model": row.model_requested})
    if row.arm in ARMS:
        yield ARMS[row.arm]


def template_for(row: Ruled) -> str:
    """Return how the ruling is told: by a rule, by none, or by none because the policy was switched off."""
    if row.policy_state == OFF:
        return WHILE_OFF
    return BY_RULE if row.policy_rule else BY_NONE


def facts(row: Ruled) -> list[tuple[Sentence, str]]:
    """Return what the client said of its end user."""
    said = row.context or {}
    return [(label, str(said[name])) for name, label in FACTS.items() if said.get(name)]


def receipt(row: Ruled) -> dict[str, Any] | None:
    """Return the same as JSON values; None for a call without policy and rollout."""
    if not row.policy_key and not row.arm:
        return None
    return {
        "key": row.policy_key,
        "version": row.policy_version,
        "state": row.policy_state,
        "rule": row.policy_rule,
        "action": row.action,
        "arm": row.arm,
        "rollout_id": row.rollout_id,
        "context": row.context or {},
    }
