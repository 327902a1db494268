"""Finds what a call is for when a policy decides: the models that its rules leave it (K3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from app.domain import model_names
from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.endpoints import EndpointConfig
from app.domain.errors import InvalidRequest
from app.domain.policies.conditions import Fact
from app.domain.policies.contexts import Context, from_headers
from app.domain.policies.errors import PolicyBlocked
from app.domain.policies.governed import Governed
from app.domain.policies.rules import DOWNGRADE, PolicyConfig, Ruling, rule_on
from app.domain.rollouts import FULL, OFF, Arm, arm_of, bucket_of
from app.domain.routing.classify import classify
from app.domain.routing.conversations import messages_of
from app.domain.routing.needs import tokens_of
from app.domain.targets import Target
from app.domain.tokens import message_text
from app.services import endpoint_routes, live_policies, model_targets
from app.services.live_policies import LivePolicy

NOTHING = PolicyConfig()


@dataclass
class Asked:
    """A call as the rules of a policy see it; what only some rules need is found out when they ask."""

    caller: Caller
    context: Context
    requested: tuple[str, ...]
    body: Mapping[str, object]
    streaming: bool = False
    task_type: str = ""  # as the client says; empty: told from the messages
    input_tokens: int | None = None  # as the client says

    @cached_property
    def now(self) -> datetime:
        """Return the time in the workspace's zone."""
        return datetime.now(UTC).astimezone(ZoneInfo(self.caller.timezone))


def find(caller: Caller, call: Call, *, fresh: bool = False) -> Target:
    """Return the models that the call's policy leaves; raise 400 for headers and body, 404 for the policy."""
    context = from_headers(call.headers)
    policy = live_policies.find(caller, context.policy_key, fresh=fresh)
    requested = check_body(call)
    asked = Asked(caller, context, requested, call.body, call.wants_stream)
    governed, arm = govern(policy, asked, version=call.version)
    if governed.blocks:
        found = model_targets.find(caller, call, fresh=fresh)
    else:
        call.chat = {**call.body, "model": list(governed.ruling.models)}
        found = model_targets.find_named(caller, call, governed.ruling.models, fresh=fresh)
        if (
            governed.ruling.action == DOWNGRADE and found.baseline is None
        ):  # saved is what was asked for (O37)
            found = replace(found, baseline=model_targets.facts_of(caller, requested[0]))
    return governed_target(found, policy, governed, arm, requested)


def check_body(call: Call) -> tuple[str, ...]:
    """Return the models that the body names; raise InvalidRequest (K17)."""
    if call.body.get("model") is None:
        raise InvalidRequest("'model' is missing. Name it as provider/model.", param="model")
    if not isinstance(call.body.get("messages"), list):
        raise InvalidRequest("'messages' must be a list of messages.", param="messages")
    if not isinstance(call.body.get("stream", False), bool | None):
        raise InvalidRequest("'stream' must be true or false.", param="stream")
    return model_names.requested_names(call.body)


def govern(policy: LivePolicy, asked: Asked, version: int | None = None) -> tuple[Governed, Arm | None]:
    """Return what the policy says of a call, and on which side of a rollout it is.

    Proxy and light mode both ask here. `version`: that one in place of the side's own.
    """
    arm = None
    if policy.rollout is not None and policy.active:
        bucket = bucket_of(asked.caller.workspace_id, policy.key, asked.context.user_id)
        arm = arm_of(policy.rollout, bucket)
    number = version or (arm.version if arm else policy.live_number)
    config = policy.versions[number] if policy.active else NOTHING
    facts = {name: FACTS[name](asked) for name in config.needs}
    ruling = rule_on(config, asked.requested, facts)
    state = (arm.state if arm else FULL) if policy.active else OFF
    return Governed(policy.id, policy.key, number, state, asked.context, ruling), arm


def governed_target(
    found: Target, policy: LivePolicy, governed: Governed, arm: Arm | None, requested: tuple[str, ...]
) -> Target:
    """Return the target with what the policy said of it."""
    config = with_prompt(found, policy, governed.ruling)
    return replace(
        found,
        config=config,
        requested=", ".join(requested),
        altered=found.altered or governed.ruling.models != requested or config != found.config,
        bounds=governed.ruling.bounds,
        policy=governed,
        arm=arm,
    )


def with_prompt(found: Target, policy: LivePolicy, ruling: Ruling) -> EndpointConfig:
    """Return the target's settings with the prompt that the rule names."""
    prompt = policy.prompts.get(ruling.prompt)
    if prompt is None:
        return found.config
    return replace(found.config, prompt=prompt[0], user_prompt_template=prompt[1])


def check(target: Target) -> None:
    """Raise PolicyBlocked where the call's policy lets nobody answer."""
    if target.policy is not None and target.policy.blocks:
        raise PolicyBlocked(target.policy.ruling.message)


def text_of(name: str) -> Callable[[Asked], Fact]:
    """Return what reads a fact that the client said."""
    return lambda asked: getattr(asked.context, name)


def input_tokens(asked: Asked) -> int:
    """Return about how many tokens the client's messages are."""
    if asked.input_tokens is not None:
        return asked.input_tokens
    return sum(tokens_of(message_text(message)) for message in messages_of(dict(asked.body)))


def monthly_spend_pct(asked: Asked) -> int | None:
    """Return how much of the project's monthly budget is spent."""
    return endpoint_routes.percent_of_month(asked.caller, asked.caller.budgets, datetime.now(UTC))


FACTS: dict[str, Callable[[Asked], Fact]] = {
    **{
        name: text_of(name)
        for name in ("plan", "region", "country", "locale", "platform", "cohort", "feature", "trial_status")
    },
    "user": lambda asked: asked.context.user_id,
    "model": lambda asked: asked.requested[0].lower() if asked.requested else "",
    "task_type": lambda asked: asked.task_type or classify(dict(asked.body)).category,
    "input_tokens": input_tokens,
    "monthly_spend_pct": monthly_spend_pct,
    "time_of_day": lambda asked: asked.now.hour * 60 + asked.now.minute,
    "streaming": lambda asked: int(asked.streaming),
}
