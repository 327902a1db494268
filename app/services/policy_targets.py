"""Finds what a call is for when a policy decides: the models that its rules leave it (K3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from app.domain import chat_bodies, model_names
from app.domain.budgets import POLICY, BudgetFacts
from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.catalog import Model
from app.domain.endpoints import EndpointConfig
from app.domain.errors import GatewayError, InvalidRequest, ModelNotFound, NotFound
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
from app.services import endpoint_routes, lineups, live_policies, model_targets
from app.services.live_policies import LivePolicy

NOTHING = PolicyConfig()
MOST_CAPS = 10_000


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
    model_targets.check_key(caller)
    context = from_headers(call.headers)
    policy = live_policies.find(caller, context.policy_key, fresh=fresh)
    if call.version is not None and call.version not in policy.versions:  # its rollout has ended meanwhile
        raise NotFound("This version of the policy answers nobody.")
    requested = check_body(call)
    asked = Asked(caller, context, requested, call.body, call.wants_stream)
    call.chat = chat_bodies.of(call)
    return target_for(policy, asked, call, fresh=fresh)


def target_for(policy: LivePolicy, asked: Asked, call: Call, *, fresh: bool) -> Target:
    """Return what the policy makes of a call with a chat body; proxy and light mode both ask here."""
    governed, arm = govern(policy, asked, version=call.version)
    try:
        found = models_for(governed, asked, call, fresh=fresh)
    except GatewayError as error:
        error.arm = arm
        raise
    return governed_target(
        found, policy, replace(governed, first=first_of(governed, asked, found)), arm, asked
    )


def models_for(governed: Governed, asked: Asked, call: Call, *, fresh: bool) -> Target:
    """Return the models that the ruling leaves; a call that is blocked may ask for any, known or not."""
    if not governed.blocks:
        lineup = lineups.find(asked.caller, fresh=fresh)
        return model_targets.find_ruled(lineup, asked.caller, call, governed.ruling, asked.requested)
    try:
        return model_targets.find_named(asked.caller, call, asked.requested, fresh=fresh)
    except ModelNotFound:
        return model_targets.find_named(asked.caller, call, (model_names.AUTO,), fresh=fresh)


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
    asked = with_plan(policy, asked)
    if policy.rollout is not None and policy.active:
        bucket = bucket_of(asked.caller.workspace_id, policy.key, asked.context.user_id)
        arm = arm_of(policy.rollout, bucket)
    number = version or (arm.version if arm else policy.live_number)
    config = policy.versions[number] if policy.active else NOTHING
    facts = {name: FACTS[name](asked) for name in config.needs}
    ruling = rule_on(config, asked.requested, facts)
    state = (arm.state if arm else FULL) if policy.active else OFF
    return Governed(policy.id, policy.key, number, state, asked.context, ruling), arm


def first_of(governed: Governed, asked: Asked, found: Target) -> str:
    """Return the model that is to answer first; empty where the gateway chooses, or the client orders."""
    ruling = governed.ruling
    if governed.blocks or (not ruling.names_models and found.wishes.orders):
        return ""
    return model_targets.model_of(asked.caller, ruling.models[0])


def governed_target(
    found: Target, policy: LivePolicy, governed: Governed, arm: Arm | None, asked: Asked
) -> Target:
    """Return the target with what the policy said of it."""
    ruling = governed.ruling
    config = with_prompt(found, policy, ruling)
    return replace(
        found,
        slug=asked.requested[0][:64],
        config=config,
        requested=", ".join(asked.requested),
        altered=found.altered or ruling.models != asked.requested or config != found.config,
        baseline=baseline_of(ruling, found, asked),
        bounds=ruling.bounds,
        budgets=found.budgets + cap_of(policy, ruling),  # the same tuple where one of them is empty
        policy=governed,
        arm=arm,
    )


def baseline_of(ruling: Ruling, found: Target, asked: Asked) -> Model | None:
    """Return what savings are measured against: for another model in its place, the one asked for (O37)."""
    if ruling.action != DOWNGRADE or found.wishes.baseline_model:
        return found.baseline
    return model_targets.facts_of(asked.caller, asked.requested[0]) or found.baseline


def cap_of(policy: LivePolicy, ruling: Ruling) -> tuple[BudgetFacts, ...]:
    """Return the rule's bound on the price of one call as a budget per request: answers are cut to fit it."""
    cap = ruling.bounds.max_nano_usd_per_request
    return () if cap is None else cap_facts(policy.id, policy.key, cap)


@lru_cache(MOST_CAPS)
def cap_facts(policy_id: str, key: str, cap_nano_usd: int) -> tuple[BudgetFacts, ...]:
    """Return a policy's bound on the price of one call; the same one for the same bound."""
    facts = BudgetFacts(
        id=f"policy {policy_id}",
        scope_type=POLICY,
        scope_id=policy_id,
        label=f"the policy “{key}”",
        period="request",
        cap_nano_usd=cap_nano_usd,
        cap_tokens=None,
        hard=True,
    )
    return (facts,)


def with_prompt(found: Target, policy: LivePolicy, ruling: Ruling) -> EndpointConfig:
    """Return the target's settings with the prompt that the rule names, and its variables."""
    named = policy.prompts.get(ruling.prompt)
    if named is None:
        return found.config
    return replace(
        found.config,
        prompt=named.prompt,
        user_prompt_template=named.user_prompt_template,
        variables=named.variables,
    )


def with_plan(policy: LivePolicy, asked: Asked) -> Asked:
    """Return the call with its end user's plan by key, where the client named it by id (K15)."""
    slug = policy.plans.get(asked.context.plan)
    return asked if slug is None else replace(asked, context=replace(asked.context, plan=slug))


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


def requested_model(asked: Asked) -> str:
    """Return what is asked for as provider/model, however it is written; an alias and `auto` as such."""
    name = asked.requested[0] if asked.requested else ""
    return (model_targets.plain_model(asked.caller, name) or name).lower()


def monthly_spend_pct(asked: Asked) -> int | None:
    """Return how much of the project's monthly budget is spent."""
    return endpoint_routes.percent_of_month(asked.caller, asked.caller.budgets, datetime.now(UTC))


FACTS: dict[str, Callable[[Asked], Fact]] = {
    **{
        name: text_of(name)
        for name in ("plan", "region", "country", "locale", "platform", "cohort", "feature", "trial_status")
    },
    "user": lambda asked: asked.context.user_id,
    "model": requested_model,
    "task_type": lambda asked: asked.task_type or classify(dict(asked.body)).category,
    "input_tokens": input_tokens,
    "monthly_spend_pct": monthly_spend_pct,
    "time_of_day": lambda asked: asked.now.hour * 60 + asked.now.minute,
    "streaming": lambda asked: int(asked.streaming),
}
