"""A call's whole journey, in order. This is the file to read first."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from app.domain import bodies, embeddings, prompts, raw_answers, session_turns
from app.domain.calls import FLUSH, Call, Chunk
from app.domain.comparisons import Comparing
from app.domain.errors import (
    CostGuardrailExceeded,
    GatewayError,
    NoCandidate,
    NoModelsAvailable,
    NotAllowed,
    NotFound,
    PluginNotAvailable,
    PluginRequiresPaid,
    UnknownPrice,
)
from app.domain.forwarding_rules import check_body, check_fallbacks
from app.domain.holds import terms_of
from app.domain.messages.native import own_body
from app.domain.records import Record
from app.domain.targets import REPORT, Plan, Target
from app.egress import ended_early
from app.services import (
    admission,
    advice,
    answer_cache,
    arms,
    callers,
    checks,
    endpoint_names,
    endpoint_routes,
    entry_guards,
    failover,
    forwarding,
    guardrails,
    healing,
    holds,
    model_targets,
    own_keys,
    plugin_rounds,
    plugins,
    policy_targets,
    proxy_targets,
    records,
    reports,
    routing,
    schemas,
    session_holds,
    shadow_queue,
    sticky,
    targets,
    token_counts,
)
from app.services.reports import Kept

# What may be refused only because something has changed since it was read.
OUTDATED = (
    NoCandidate,
    NotAllowed,
    NotFound,
    NoModelsAvailable,
    CostGuardrailExceeded,
    UnknownPrice,
    PluginNotAvailable,
    PluginRequiresPaid,
)


@dataclass(frozen=True, slots=True)
class Head:
    """Comes before the first chunk: the answer has begun. `streamed`: chunks follow as they arrive."""

    streamed: bool
    record: Record


def run(call: Call, record: Record | None = None) -> Iterator[Head | Chunk]:
    """Carry one call through every step, in order; the first step that objects raises GatewayError.

    Yields a Head once the answer has begun, then its chunks; however that ends, it is settled and recorded.
    """
    record, has_begun = record or Record(call), False
    try:
        target, plan = enter(call, record)  #                      auth, target, plan, admission
        policy_targets.check(target)  #                            403 where a policy blocks it
        record.begin("prompt")
        prepare(target, record)  #                                 what would be sent: it bounds the hold
        checked = checks.needs_any(record)
        stored = None if checked else answer_cache.find(plan, record)  # an answer from before, where kept
        record.begin("hold")
        record.hold = None if stored else session_holds.reserve(record, plan)  # its turn, budgets, balance
        if checked:
            check_input(target, record)  #                         guardrails, input schema, prompt apply
            stored = answer_cache.find(plan, record)
        plugins.gather(record)  #                                  what they put before the conversation
        record.begin("upstream")
        chunks = record.follow(stored or dispatch(target, plan, record))  # provider call, with failover
        with closing(check_output(chunks, record) if checked else chunks) as chunks:
            first = next(chunks)
            record.begin("stream")
            has_begun = True
            yield Head(record.streamed, record)
            yield first
            del first  # a slow answer would keep it
            yield from chunks
        yield FLUSH  #                                         what came goes out before it is settled
        record.succeed()
        remember(plan, record)  #                                  who answered, and what
    except Comparing:
        record.caller = None  # each model gets a call and a record of its own
        raise
    except GatewayError as error:
        record.fail(error)
        if has_begun:
            yield FLUSH
        raise
    except GeneratorExit:
        record.leave()
        raise
    finally:
        finish(record)  #                                          settle, log


def advise(call: Call) -> tuple[Record, Plan]:
    """Find who may answer a call that its client makes itself (light mode); nobody is asked or charged."""
    record = Record(call)
    try:
        _, plan = enter(call, record)  #                           auth, policy, plan, admission
    finally:
        admission.release(record)
    return record, plan


def report(call: Call) -> Kept:
    """Take in what came of such a call: it is kept apart from all that is metered (O48)."""
    record = Record(call)
    try:
        enter(call, record)  #                                     auth, policy, admission
        return reports.keep(record)  #                             once for each id of a request
    finally:
        admission.release(record)


def remember(plan: Plan, record: Record) -> None:
    """Keep for later calls what an answer that came to its end may tell them."""
    sticky.remember(plan, record)
    answer_cache.remember(record)


def finish(record: Record) -> None:
    """Charge what was used, give back what was held, and write the record; however the call ended."""
    record.begin("settle")
    record.settle()  #                                             price what was used
    if record.error is not None:
        record.error.cost_nano_usd = record.cost_nano_usd
    holds.settle(record)  #                                        charge it, keep the session's turn
    admission.release(record)  #                                   make room in the limits
    record.begin("")
    records.write(record)  #                                       log
    if record.plugins:
        plugins.remember(record)  #                                what the user said of themselves
    if record.target is not None and record.target.arm is not None:
        shadow_queue.offer(record)  #                              the same once more, in shadow (O47)


def enter(call: Call, record: Record) -> tuple[Target, Plan]:
    """Let the call in: from cached rows, and once more from the database when those turn out stale."""
    try:
        target, plan, admitted = attempt_entry(call, record, fresh=False)
    except OUTDATED:
        if record.caller is None or callers.is_in_force(record.caller):
            raise
        admitted = False
    if not admitted:
        target, plan, _ = attempt_entry(call, record, fresh=True)
    return target, plan


def attempt_entry(call: Call, record: Record, *, fresh: bool) -> tuple[Target, Plan, bool]:
    """Authenticate, parse, find the target, plan, and ask Redis once whether all that still holds."""
    record.begin("auth")
    record.caller = callers.identify(call, fresh=fresh)
    record.caller = caller = callers.check(record.caller, call, scope=call.scope)
    if not fresh:
        record.begin("parse")
        call.raw_body = call.read_body()
        call.body = bodies.parse_object(call.raw_body)
    record.begin("target")
    anew = fresh and call.shadowed is not None  # else the caller's new stamp says what must be read again
    found = finder(call)(caller, call, fresh=anew)
    record.target = found = arms.choose(caller, found, call, fresh=anew)
    found = endpoint_routes.choose(caller, found, call)
    entry_guards.check_endpoint(caller, call, found.config.guardrails)
    record.target = target = own_keys.attach(found, caller, call)
    record.plugins = plugins.check(caller, target, call, fresh=anew)
    plan = routing.plan(caller, target, call)
    record.begin("admission")
    beside = sticky.lookup(plan, call)
    is_admitted = admission.admit(record, fresh=fresh, beside=beside)
    if beside is not None:
        plan = sticky.stay(plan, beside.answer)
    record.decision, record.baseline = plan.decision, plan.baseline
    record.streamed = call.wants_stream and target.config.streams and call.shadowed is None
    return target, plan, is_admitted


def finder(call: Call) -> Callable[..., Target]:
    """Return what finds the target: light mode only asks or tells, a policy decides, the path names a
    provider, the body a model, or the call an endpoint.
    """
    if call.surface == "light":
        return reports.find if call.operation == REPORT else advice.find
    if call.by_policy:
        return policy_targets.find
    if call.path:
        return proxy_targets.find
    if call.names_model:
        return model_targets.find
    return endpoint_names.find if call.slug_field == "model" else targets.find


def prepare(target: Target, record: Record) -> None:
    """Shape what is sent: a forwarded body stays as it is, an endpoint adds its prompt and settings."""
    call, caller = record.call, record.caller
    if target.forwards:
        record.request, record.messages = call.body, forwarding.messages(record)
        return
    if target.operation == embeddings.OPERATION:
        record.request = embeddings.request_for(call.chat)
        record.messages = raw_answers.messages_of(target.operation, record.request)
        return
    assert caller is not None
    record.touched = target.altered
    request = prompts.request_for(target.config, call, record.variables)
    record.request = session_turns.continued(record, request)
    check_fallbacks(record.request, caller.rules)
    counts_money = terms_of(caller, target).needs_price
    check_body(record.request, counts_money=counts_money)
    if call.dialect == "anthropic":  # the client's own body may go out as it came
        check_body(own_body(call.body), counts_money=counts_money)
    healing.check(call)
    if record.plugins:
        plugins.offer_tools(record)
    record.messages = record.request["messages"]


def check_input(target: Target, record: Record) -> None:
    """Carry out the checks of what the client sends; what they leave of it is what goes on."""
    drafted = record.call.body
    record.begin("guardrails")
    guardrails.check_input(record)  #                              422, or masked
    record.begin("schema")
    schemas.check_input(record)  #                                 variables and input schema: 422
    record.begin("prompt")
    if record.call.body is not drafted or target.config.variables or record.session:
        prepare(target, record)  #                                 prompt apply
    session_turns.note_ask(record)


def check_output(chunks: Generator[Chunk, None, None], record: Record) -> Generator[Chunk, None, None]:
    """Return the answer as far as the checks of it let it pass."""
    chunks = guardrails.check_output(chunks, record)  #            422, or masked
    chunks = schemas.check_output(chunks, record)  #               502, after healing and one repair
    return session_turns.listen(chunks, record)  #                 what the conversation remembers


def dispatch(target: Target, plan: Plan, record: Record) -> Generator[Chunk, None, None]:
    """Ask the provider: the one that a forwarded call names, or whoever of the chain answers first.

    Whoever left before that is not asked for, and pays nothing.
    """
    if (early := ended_early(record.call.cancellation)) is not None:
        raise early
    if target.operation == token_counts.OPERATION and not target.forwards:
        return token_counts.stream(plan, record)
    if target.forwards:
        return forwarding.stream(plan, record)
    chunks = failover.stream(plan, record)
    chunks = plugin_rounds.follow(chunks, plan, record)  # rounds with our own tools
    chunks = healing.mend(chunks, record)  #               what was to be JSON is made JSON
    return answer_cache.keep(chunks, record)  #            remembers the answer
