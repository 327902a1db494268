"""Who may answer a call, and in which order: rules and wishes exclude, `auto` chooses, siblings stand in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.domain.bounds import output_limit
from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.decisions import Classification, Considered, Decision
from app.domain.holds import FREE_OPERATIONS, FREELY, LEAST_OUTPUT, terms_of
from app.domain.key_rules import NO_RULES, KeyRules
from app.domain.routing import decide, filters, refusals
from app.domain.routing.classify import classify
from app.domain.routing.costs import Estimate
from app.domain.routing.decide import Choice
from app.domain.routing.filters import Ask, Dropped, has_price, quality_of
from app.domain.routing.needs import BYTES_PER_TOKEN, USUAL_OUTPUT, Needs, needs_of
from app.domain.routing.rank import Measurements, rank
from app.domain.targets import Candidate, Plan, Target
from app.domain.wishes import NO_WISHES
from app.services import performance, sticky

EMBEDDING = Classification("embedding", "simple", 100, ("only embeddings are asked for",))
MEASURED_POLICIES = frozenset({"lowest_latency", "highest_throughput"})


def plan(caller: Caller, target: Target, call: Call) -> Plan:
    """Return the chain to try; raise NoCandidate, saying why each model dropped out (C4).

    Where money is counted before the call, a model without a price drops out (M11): UnknownPrice if all do.
    Where rules or wishes leave nobody, NoModelsAvailable says how many models each of them excluded (O46).
    """
    if target.asks_nobody:
        return Plan(())  # blocked: `policy_targets.check` says so once the call is counted
    if not target.candidates and not target.siblings:
        raise refusals.nobody_ready(target)
    if target.routed:
        return chosen(caller, target, call)
    has_rules = caller.rules is not NO_RULES and caller.rules != NO_RULES
    if target.siblings or target.policy or target.wishes is not NO_WISHES or has_rules:
        return named(caller, target, call)
    terms = terms_of(caller, target)
    if terms is FREELY or not terms.needs_price:
        return Plan(target.candidates)
    priced = tuple(candidate for candidate in target.candidates if has_price(candidate))
    if not priced:
        raise refusals.unknown_price(target.candidates)
    return Plan(priced)


def chosen(caller: Caller, target: Target, call: Call) -> Plan:
    """Return the chain of a call that leaves the choice to us; models that it names as well come first."""
    needs = needs_for(call)
    ask = replace(ask_of(caller, target), needs=needs)
    names = {target.config.model, *target.config.failover}
    first, dropped = filters.split(
        [each for each in target.candidates if each.model_id in names],
        filters.for_named(replace(ask, longest=shortest_of(needs, caller))),
    )
    is_last = bool(first) and waits(target)  # those that a policy's rule names stand in for our choice
    others = [each for each in target.candidates if is_last or each.model_id not in names]
    choice = choice_of(others, needs, ask, caller, target, call)
    chain = joined(choice.chain, first) if is_last else (*first, *choice.chain)
    if not chain:
        raise refusals.excluded([*dropped, *choice.dropped], target, choice.decision)
    if not target.wishes.fallback or call.operation == "embeddings":
        chain = chain[:1]  # another model's embeddings cannot be compared with this one's
    return Plan(
        candidates=chain,
        decision=replace(choice.decision, chain=ids(chain)),
        sticky_key="" if (first and not is_last) or call.operation != "chat" else sticky.key_of(caller, call),
        eligible=choice.eligible,
        baseline=choice.baseline,
    )


def waits(target: Target) -> bool:
    """Say whether a policy's rule puts our choice before the models that it names."""
    policy = target.policy
    return policy is not None and policy.ruling.names_models and not policy.first


def joined(chain: Sequence[Candidate], behind: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return both, each model once."""
    known = set(ids(chain))
    return (*chain, *(each for each in behind if each.model_id not in known))


def choice_of(
    ready: Sequence[Candidate], needs: Needs, ask: Ask, caller: Caller, target: Target, call: Call
) -> Choice:
    """Choose among models; where a usual answer may cost too much of each, with the shortest in mind."""
    kind = kind_of(call)

    def choose(longest: Estimate) -> Choice:
        return decide.choose(
            target.requested,
            ready,
            kind,
            needs,
            replace(ask, longest=longest),
            caller.rate_multiplier_ppm,
            baseline=target.baseline,
            measured=measurements(target),
        )

    choice = choose(usual_of(needs, kind, caller))
    if choice.chain or not ask.limits_cost:
        return choice
    return choose(shortest_of(needs, caller))


def named(caller: Caller, target: Target, call: Call) -> Plan:
    """Return the models that the call names, as far as rules and wishes allow, and who stands in for them."""
    ask = ask_of(caller, target, shortest=lambda: shortest_named(caller, target, call))
    left, dropped = filters.split(target.candidates, filters.for_named(ask))
    if target.siblings:
        fit = replace(ask, needs=needs_for(call), min_quality=None)
        others, unfit = filters.split(target.siblings, filters.for_chosen(fit, target.siblings))
        left, dropped = [*left, *others], [*dropped, *unfit]
    if not left:
        raise refusals.excluded(dropped, target, told((), dropped, target))
    chain = in_order(left, caller, target, call)
    if not target.wishes.fallback:
        chain = chain[:1]
    is_plain = len(chain) == 1 and not dropped and not target.wishes.policy
    decision = None if is_plain or not call.names_model else told(chain, dropped, target)
    return Plan(chain, decision, baseline=target.baseline)


def ask_of(caller: Caller, target: Target, shortest: Callable[[], Estimate] | None = None) -> Ask:
    """Return what excludes models of this call; where none answers, only the rules about providers.

    `shortest`: what the shortest answer uses, worked out where one request may only cost so much.
    """
    rules = caller.rules
    if target.operation in FREE_OPERATIONS:
        rules = KeyRules(
            models=rules.models if target.operation == "count_tokens" else (),
            allowed_providers=rules.allowed_providers,
            excluded_providers=rules.excluded_providers,
        )
    is_limited = filters.limits_cost(rules, target.bounds)
    return Ask(
        wishes=target.wishes,
        rules=rules,
        counts_money=terms_of(caller, target).needs_price,
        min_quality=target.gateway.min_quality,
        bounds=target.bounds,
        longest=shortest() if shortest is not None and is_limited else None,
    )


def needs_for(call: Call) -> Needs:
    """Return what a call needs; in light mode its client says how long the input is."""
    needs = needs_of(call.chat, call.operation)
    if call.told is None or call.told.input_tokens is None:
        return needs
    return replace(needs, input_tokens=call.told.input_tokens)


def kind_of(call: Call) -> Classification:
    """Return what kind of work is asked for; in light mode as its client says."""
    if call.operation == "embeddings":
        return EMBEDDING
    if call.told is not None and call.told.task_type in USUAL_OUTPUT:
        return Classification(call.told.task_type, "moderate", 100, ("the application says so",))
    return classify(call.chat)


def usual_of(needs: Needs, kind: Classification, caller: Caller) -> Estimate:
    """Return what a request uses with the longest answer that it allows, else with a usual one."""
    limit = needs.longest_output
    output = needs.expected_output(kind) if limit is None else limit * needs.copies
    return Estimate(needs.input_tokens, output, caller.rate_multiplier_ppm)


def shortest_of(needs: Needs, caller: Caller) -> Estimate:
    """Return the same with the shortest answer, where its length is left open: the hold then limits it."""
    output = (LEAST_OUTPUT if needs.longest_output is None else needs.longest_output) * needs.copies
    return Estimate(needs.input_tokens, output, caller.rate_multiplier_ppm)


def shortest_named(caller: Caller, target: Target, call: Call) -> Estimate:
    """Return the same for any door; what is no chat body is reckoned by its length."""
    if call.names_model:
        return shortest_of(needs_for(call), caller)
    operation = target.operation if target.forwards else "chat"
    output = 0 if operation == "embeddings" else output_limit(call.body, operation)
    if output is None:
        output = target.config.max_output_tokens or LEAST_OUTPUT
    return Estimate(len(call.raw_body) // BYTES_PER_TOKEN, output, caller.rate_multiplier_ppm)


def in_order(left: Sequence[Candidate], caller: Caller, target: Target, call: Call) -> tuple[Candidate, ...]:
    """Return the models as the client ordered them; a policy or preferences of its own reorder them."""
    if len(left) == 1 or not orders(target):
        return tuple(left)
    needs = needs_for(call)
    output = needs.expected_output(kind_of(call))
    estimate = Estimate(needs.input_tokens, output, caller.rate_multiplier_ppm)
    ranking = rank(left, estimate, 0, target.wishes, measurements(target))
    if target.wishes.policy not in ("", "pinned"):
        return ranking.order
    return tuple(sorted(left, key=lambda candidate: candidate.model_id in ranking.slow))


def orders(target: Target) -> bool:
    """Say whether the client's wishes change the order of models; that of a policy's rule stays."""
    return target.wishes.orders and not (target.policy and target.policy.ruling.names_models)


def strategy_of(target: Target) -> str:
    """Return by what models that are named come in their order."""
    if target.policy is not None and target.policy.ruling.names_models:
        return decide.BY_POLICY
    return target.wishes.policy or decide.IN_ORDER


def measurements(target: Target) -> Measurements:
    """Return what was lately measured of the models, where the order depends on it."""
    wishes = target.wishes
    is_asked = wishes.preferred_max_latency_ms or wishes.preferred_min_throughput
    if not is_asked and wishes.policy not in MEASURED_POLICIES:
        return {}
    models = (*target.candidates, *target.siblings)
    return {each.model_id: performance.of(target.workspace_id, each.model_id) for each in models}


def told(chain: Sequence[Candidate], dropped: Sequence[Dropped], target: Target) -> Decision:
    """Return why models that were named are tried in this order."""
    kept = [Considered(each.model_id, quality_of(each), None) for each in chain]
    return Decision(
        requested=target.requested,
        strategy=strategy_of(target),
        chain=ids(chain),
        considered=(*kept, *decide.excluded(dropped)),
        fitting=len(kept),
        excluded=len(dropped),
    )


def ids(chain: Sequence[Candidate]) -> tuple[str, ...]:
    """Return the models' ids."""
    return tuple(candidate.model_id for candidate in chain)
