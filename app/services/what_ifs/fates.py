"""What a past request would have come to when it is planned as calls are; nobody is asked."""

from __future__ import annotations

from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.errors import GatewayError
from app.domain.targets import Candidate, Plan, Target
from app.domain.what_ifs import NO_CONTENT, Cost, Difference, Fate, Logged
from app.models import RecordRow
from app.services import own_keys, routing, sticky
from app.services.what_ifs.samples import failed_models

NOBODY_LEFT = "Every model that was left had failed then."


def planned(
    row: RecordRow, before: Logged, caller: Caller, target: Target, call: Call, *, why: str = ""
) -> Difference:
    """Return what becomes of a request with this target; models that failed then count as failed again."""
    if row.content is None and needs_content(caller, target):
        return Difference(before, None, NO_CONTENT)
    try:
        target = own_keys.attach(target, caller, call)
        plan = stayed(row, before, routing.plan(caller, target, call))
    except GatewayError as error:
        return Difference(before, refused(error.message, why))
    failed = failed_models(row)
    first = next((each for each in plan.candidates if each.model_id not in failed), None)
    if first is None:
        return Difference(before, refused(before.refusal or NOBODY_LEFT, why))
    return Difference(before, Fate(first.model_id, cost_with(before, first), why=why))


def needs_content(caller: Caller, target: Target) -> bool:
    """Say whether who answers depends on what was asked, not only on who asked it."""
    is_capped = caller.rules.max_cost_nano_usd_per_request, target.bounds.max_nano_usd_per_request
    return target.routed or is_capped != (None, None)


def stayed(row: RecordRow, before: Logged, plan: Plan) -> Plan:
    """Return the plan with the model that the conversation stayed with, as far as it still may answer."""
    return sticky.stay(plan, before.model) if (row.routing or {}).get("sticky") else plan


def refused(message: str, why: str = "") -> Fate:
    """Return the fate of a request that nobody answers: it costs nothing."""
    return Fate("", Cost(0), refusal=message, why=why)


def cost_with(before: Logged, first: Candidate) -> Cost:
    """Return what the request costs when this model answers; with a key of the caller's own, nothing here."""
    if first.is_own and first.model_id != before.model:
        return Cost(before.beside_nano_usd)
    return before.costs_with(first.model_id, first.facts)
