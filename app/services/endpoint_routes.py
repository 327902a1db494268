"""Lets an endpoint's routing rules choose who answers, before anything is held for the call (P31).

Decided by what is known when the call comes in: the client's own text, not the prompt or history added later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.database import database
from app.domain.budgets import BudgetFacts, percent_used, starts_on
from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.endpoint_routes import facts_needed, first_match
from app.domain.routing.conversations import messages_of
from app.domain.routing.needs import tokens_of
from app.domain.targets import Candidate, Skipped, Target
from app.domain.tokens import message_text
from app.models import BudgetPeriod
from app.services import turns
from app.services.cache import Cache

SPENT_SECONDS = 5.0  # how old what was spent this month may be
Facts = dict[str, int | None]

_spent: Cache[tuple[str, date], tuple[float, int]] = Cache(20_000)


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of an endpoint, as its rules see it."""

    caller: Caller
    target: Target
    call: Call
    now: datetime


def choose(caller: Caller, target: Target, call: Call) -> Target:
    """Return the target as the first rule that fits changes it; itself where there is none."""
    config = target.config
    if not config.routing or call.repeats is not None and call.repeats.model:
        return target
    asked = Asked(caller, target, call, datetime.now(UTC))
    facts = {name: FACTS[name](asked) for name in facts_needed(config.routing)}
    rule = first_match(config.routing, facts)
    if rule is None:
        return target
    behind = rule.failover or (config.model, *config.failover)
    return with_chain(target, tuple(dict.fromkeys((rule.model, *behind))), rule.label)


def with_chain(target: Target, models: tuple[str, ...], label: str) -> Target:
    """Return the target with these models to try, in order."""
    known = {each.model_id: each for each in (*target.candidates, *target.skipped, *target.by_rule)}
    chain = [known[model] for model in models if model in known]
    return replace(
        target,
        config=replace(target.config, model=models[0], failover=models[1:]),
        candidates=tuple(each for each in chain if isinstance(each, Candidate)),
        skipped=tuple(each for each in chain if isinstance(each, Skipped)),
        rule=label,
    )


def input_tokens(asked: Asked) -> int:
    """Return about how many tokens the client's messages are."""
    body = asked.call.body
    message = body.get("message")
    texts = [message] if isinstance(message, str) else map(message_text, messages_of(body))
    return sum(map(tokens_of, texts))


def messages_count(asked: Asked) -> int:
    """Return how many messages the client sends."""
    return len(messages_of(asked.call.body)) or 1


def has_output_schema(asked: Asked) -> int:
    """Say whether the answer must fit a schema: the endpoint's, or one that the request brings."""
    wanted = asked.call.body.get("response_format")
    brings = isinstance(wanted, dict) and wanted.get("type") == "json_schema"
    return int(asked.target.config.output_schema is not None or brings)


def has_input_schema(asked: Asked) -> int:
    """Say whether the endpoint checks what is sent by a schema."""
    return int(asked.target.config.input_schema is not None)


def streaming(asked: Asked) -> int:
    """Say whether the answer will be streamed."""
    return int(asked.call.wants_stream and asked.target.config.streams)


def time_of_day(asked: Asked) -> int:
    """Return the minutes since midnight where the workspace is."""
    here = asked.now.astimezone(ZoneInfo(asked.caller.timezone))
    return here.hour * 60 + here.minute


def monthly_spend_pct(asked: Asked) -> int | None:
    """Return how much of the monthly budget is spent: of endpoint or project, whichever is fuller."""
    return percent_of_month(asked.caller, (*asked.target.budgets, *asked.caller.budgets), asked.now)


def percent_of_month(caller: Caller, among: Iterable[BudgetFacts], now: datetime) -> int | None:
    """Return how much is spent of the fullest monthly budget of endpoint or project; None without any."""
    budgets = monthly(among)
    if not budgets:
        return None
    first = starts_on("month", now, caller.timezone)
    return max(percent_used(spent(budget.id, first), budget.cap_nano_usd) for budget in budgets)


def monthly(budgets: Iterable[BudgetFacts]) -> list[BudgetFacts]:
    """Return the budgets in dollars per month of an endpoint or a project."""
    return [
        budget
        for budget in budgets
        if budget.period == "month"
        and budget.cap_nano_usd is not None
        and budget.scope_type in ("endpoint", "project")
    ]


def spent(budget_id: str, first: date) -> int:
    """Return what is spent of a budget in the month that began on `first`; at most some seconds old."""
    known = remembered(budget_id, first)
    if known is None:
        known = turns.read_once(
            f"spent {budget_id}", lambda: remembered(budget_id, first), lambda: read(budget_id, first)
        )
    return known[1]


def remembered(budget_id: str, first: date) -> tuple[float, int] | None:
    """Return what was read lately, and when."""
    known = _spent.get((budget_id, first))
    return known if known is not None and time.monotonic() - known[0] < SPENT_SECONDS else None


def read(budget_id: str, first: date) -> tuple[float, int]:
    """Read and remember what is spent."""
    where = BudgetPeriod.budget_id == budget_id, BudgetPeriod.starts_on == first
    query = select(BudgetPeriod.spent_nano_usd).where(*where)
    found = time.monotonic(), database.read(lambda session: session.scalar(query)) or 0
    _spent.put((budget_id, first), found)
    return found


FACTS: dict[str, Callable[[Asked], int | None]] = {
    "input_tokens": input_tokens,
    "messages_count": messages_count,
    "has_output_schema": has_output_schema,
    "has_input_schema": has_input_schema,
    "streaming": streaming,
    "monthly_spend_pct": monthly_spend_pct,
    "time_of_day": time_of_day,
}
