"""What became of one call: filled while it passes the pipeline, then stored and shown as the receipt."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from app.domain.callers import Caller
from app.domain.calls import Call, Chunk, Usage
from app.domain.catalog import Model
from app.domain.decisions import Decision
from app.domain.endpoint_errors import AnswerBlocked, OutputSchemaInvalid
from app.domain.errors import GatewayError, Replayed
from app.domain.guardrails.guarding import Guarding
from app.domain.holds import FREE_OPERATIONS, Hold
from app.domain.limits import Counted
from app.domain.outputs import add_output
from app.domain.plugins import InUse
from app.domain.pricing import MILLION, Price, cost_nano_usd
from app.domain.provider_errors import StreamCut
from app.domain.record_parts import Attempt, Extra, Healing, Session, Slot
from app.domain.routing.costs import savings_nano_usd
from app.domain.targets import Candidate, Target
from app.domain.tokens import estimate_input, estimate_messages, estimate_tokens, estimate_tools

CALL_SECONDS = 600.0  # with all its attempts


@dataclass(slots=True)
class Record:
    """One call's story. Success must be proven: it starts as `aborted`."""

    call: Call
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    caller: Caller | None = None
    target: Target | None = None
    answered_by: Candidate | None = None
    attempts: list[Attempt] = field(default_factory=list)
    outcome: str = "aborted"
    status: int = 500
    streamed: bool = False
    error: GatewayError | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    request: dict[str, Any] = field(default_factory=dict)  # what is sent to the provider
    hold: Hold | None = None
    counted: Counted | None = None  # in which limits
    messages: list[dict[str, Any]] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)  # names and arguments of tool calls
    model_answered: str | None = None
    source: dict[str, Any] | None = None  # a buffered answer as its provider wrote it, in Anthropic's dialect
    answer_id: str | None = None  # a forwarded call: the id that the provider gave its answer
    answer_headers: dict[str, str] = field(default_factory=dict)  # a forwarded call: those handed on
    decision: Decision | None = None  # why this order of models
    baseline: Model | None = None  # what savings are measured against; None: the choice was not ours
    warnings: list[str] = field(default_factory=list)  # what was dropped or changed, in plain words
    changed: list[str] = field(default_factory=list)  # of these, those for the candidate that is being asked
    extras: list[Extra] = field(default_factory=list)
    plugins: tuple[InUse, ...] = ()  # those that the call uses (R2)
    plugin_notes: list[dict[str, Any]] = field(default_factory=list)  # what each did, for the answer
    between_rounds: bool = False  # no model is being asked: a tool runs
    touched: bool = False  # a step changed the request: it is no longer the client's own body
    cached: bool = False  # answered from the project's cache: nothing is asked of anybody, nothing is paid
    slot: Slot | None = None  # where the answer is looked up and kept, where that is wanted
    keeps: dict[str, Any] | None = None  # the whole answer, to be kept there once the call succeeded
    variables: dict[str, Any] = field(default_factory=dict)  # of the endpoint's, as they were checked (P12)
    guarding: Guarding | None = None  # what guardrails said and changed
    session: Session | None = None  # the conversation that this turn belongs to (P16)
    healing: Healing | None = None  # of an answer that was to be JSON
    paid_elsewhere: bool = False  # a key of the caller's own was used (R18)
    savings_nano_usd: int | None = None  # against the baseline; None: not routed, or not known
    cost_nano_usd: int | None = None
    compared_nano_usd: int | None = None  # what a call in shadow would have cost
    provider_cost_nano_usd: int = 0  # without our multipliers
    shortfall_nano_usd: int = 0
    overage_nano_usd: int = 0
    steps: dict[str, int] = field(default_factory=dict)  # microseconds
    first_token_ms: int | None = None
    _started: int = field(default_factory=time.perf_counter_ns)
    _characters: int = 0  # of the output so far
    _step: str = ""
    _step_began: int = 0
    _covered: tuple[int, int] = (0, 0)  # how much of `delivered` and `called` the usage counts
    _began: tuple[int, int] = (0, 0)  # how much of them belongs to rounds that are over

    @property
    def forwards(self) -> bool:
        """Say whether the body goes on as it came: nothing may be set in it for the client."""
        return self.target is not None and self.target.forwards

    @property
    def model_told(self) -> str | None:
        """The model of the answer: as the client wrote it where that one answered, else who did (C9)."""
        target, by = self.target, self.answered_by
        if target is None or by is None or not target.requested:
            return self.model_answered
        return target.spelled.get(by.model_id) or by.model

    @property
    def extra_tokens(self) -> int:
        """Return the tokens that were used beside the answer itself."""
        return sum(extra.usage.input_tokens + extra.usage.output_tokens for extra in self.extras)

    def begin(self, step: str) -> None:
        """From here on time is booked on `step`; an empty one ends the last."""
        now, last, steps = time.perf_counter_ns(), self._step, self.steps
        if last:
            steps[last] = steps.get(last, 0) + (now - self._step_began) // 1000
        self._step, self._step_began = step, now

    @property
    def duration_ms(self) -> int:
        """Milliseconds since the call came in."""
        return (time.perf_counter_ns() - self._started) // 1_000_000

    @property
    def seconds_left(self) -> float:
        """How long one more attempt may take: no call outlives its hold (reliability 1.8)."""
        return max(1.0, CALL_SECONDS - self.duration_ms / 1000)

    def follow(self, chunks: Generator[Chunk, None, None]) -> Generator[Chunk, None, None]:
        """Yield the answer's chunks, noting what each tells; closing it closes them."""
        with closing(chunks):
            for chunk in chunks:
                self.watch(chunk)
                yield chunk

    def watch(self, chunk: Chunk) -> None:
        """Note what a chunk tells: text, usage, its end; StreamCut once far more came than is held (L8)."""
        if chunk.data is not None:
            self._watch_data(chunk.data)
            self.source = None if self.streamed else chunk.source
        elif chunk.raw:
            self._watch_raw(chunk)
        if chunk.finish_reason is not None:
            self.finish_reason = chunk.finish_reason
        if chunk.usage is not None:
            self.usage = chunk.usage
            self._covered = len(self.delivered), len(self.called)
        if self.streamed and self.hold is not None and self._characters > self.hold.most_characters:
            self.call.cancellation.cancel("too_long")
            raise StreamCut("The answer is longer than the limit.")

    def _watch_data(self, data: dict[str, Any]) -> None:
        if self.first_token_ms is None:
            self.first_token_ms = self.duration_ms
            model = data.get("model")
            self.model_answered = model if isinstance(model, str) and model else None
        self._characters += add_output(data, self.delivered, self.called)

    def _watch_raw(self, chunk: Chunk) -> None:
        if self.first_token_ms is None:
            self.first_token_ms = self.duration_ms
        self.model_answered = self.model_answered or chunk.model or None
        self.answer_id = self.answer_id or chunk.answer_id or None
        if chunk.text:
            self.delivered.append(chunk.text)
            self._characters += len(chunk.text)

    def as_round(self, label: str) -> Extra:
        """Return what came until now as a round with a tool, beside the answer that still comes."""
        usage = self.counted_usage() if self.usage is None or self.says_nothing(self.usage) else self.usage
        price = self.price_for(usage)
        if self.paid_elsewhere or price is None:
            return Extra("round", label, usage, 0)
        return Extra("round", label, usage, self.cost_of(usage) or 0, cost_nano_usd(usage, price))

    def end_round(self, extra: Extra) -> None:
        """What came until now was this round. Of a buffered one nothing has reached the client."""
        self.extras.append(extra)
        if not self.streamed:
            self.unsay()
        self.finish_reason, self.between_rounds = None, True

    def begin_round(self) -> None:
        """The model is asked again: what it says from now on is used, what we said ourselves is not."""
        self.usage, self.between_rounds = None, False
        self._began = self._covered = len(self.delivered), len(self.called)
        self._characters = 0

    def unsay(self) -> None:
        """Take back what this round said: its client has not got it."""
        del self.delivered[self._began[0] :]
        self.first_token_ms = None

    def succeed(self) -> None:
        """The answer came to its proven end."""
        self.outcome, self.status = "succeeded", 200

    def fail(self, error: GatewayError) -> None:
        """The call was refused, failed, or was cut after its first byte."""
        self.error, self.status = error, error.status
        self.decision = self.decision or error.decision
        if sum(attempt.status not in ("answered", "skipped") for attempt in self.attempts) > 1:
            error.should_retry = False  # it was tried again already, here
        if self.call.cancellation.reason == "client_left":
            self.leave()
        elif isinstance(error, AnswerBlocked | OutputSchemaInvalid):
            self.outcome = "rejected"
        elif self.first_token_ms is not None and not self.came_to_nothing(error):
            self.outcome = "cut"
        elif isinstance(error, Replayed):
            self.outcome, self.status, self.error = "replayed", error.stored_status, None
        else:
            self.outcome = "failed" if self.attempts else "refused"

    def came_to_nothing(self, error: GatewayError) -> bool:
        """Say whether the provider broke off before any output: that costs nothing (reliability 1.4)."""
        is_its_fault = isinstance(error, StreamCut) and self.call.cancellation.reason is None
        return is_its_fault and not self._characters and self.finish_reason is None

    def leave(self) -> None:
        """The client hung up before the end."""
        self.outcome, self.status, self.error = "client_left", 499, None

    def settle(self) -> None:
        """Fix usage and cost: an answer without usage is counted, a failed call costs nothing."""
        is_free = self.target is not None and self.target.operation in FREE_OPERATIONS
        if self.outcome in ("refused", "failed") or self.answered_by is None or is_free or self.cached:
            self.usage = Usage()
            if not self.cached or self.outcome in ("refused", "failed"):  # what a judge read is paid
                self.extras = [extra.given_away() for extra in self.extras]
            self._charge_extras()
            return
        if self.between_rounds:
            self.usage = Usage()
        elif self.usage is None or self.says_nothing(self.usage):
            self.usage = self.counted_usage()
        elif self.outcome != "succeeded" or self.forwards or not self.usage.output_tokens:
            self.usage = self.completed(self.usage)
        beside = self._charge_extras()
        if self.paid_elsewhere:
            return
        usage, price, multipliers = self.usage, self.price_for(self.usage), self.multipliers()
        self.cost_nano_usd = None if price is None else cost_nano_usd(usage, price, multipliers) + beside
        self.provider_cost_nano_usd += 0 if price is None else cost_nano_usd(usage, price)
        prices = self.baseline, self.answered_by.facts  # no baseline: the choice was not ours (O37)
        self.savings_nano_usd = savings_nano_usd(*prices, usage, multipliers[0], beside)
        if self.target is not None and self.target.in_shadow:  # nobody got it, so nobody pays for it here
            self.compared_nano_usd, self.cost_nano_usd, self.savings_nano_usd = self.cost_nano_usd, 0, None

    def _charge_extras(self) -> int:
        """Let what was paid for beside the answer be the call's cost; return it."""
        if not self.extras:
            self.cost_nano_usd = self.provider_cost_nano_usd = 0
            return 0
        self.cost_nano_usd = beside = sum(extra.nano_usd for extra in self.extras)
        self.provider_cost_nano_usd = sum(extra.provider_nano_usd for extra in self.extras)
        return beside

    def counted_usage(self) -> Usage:
        """Count input and delivered output ourselves."""
        if self.target is not None and self.target.operation == "embeddings":
            return Usage(estimate_input(self.request.get("input")), estimated=True)
        history = self.target.history_tokens if self.target else 0
        return Usage(
            input_tokens=estimate_messages(self.messages) + estimate_tools(self.request) + history,
            output_tokens=estimate_tokens(self.uncounted_output()),
            estimated=True,
        )

    def says_nothing(self, usage: Usage) -> bool:
        """Say whether a usage counts no token at all although an answer came: some servers fill in zeros."""
        came = self._characters or (self.target is not None and self.target.operation == "embeddings")
        return bool(came) and usage.input_tokens == usage.output_tokens == 0

    def completed(self, usage: Usage) -> Usage:
        """Add what came after the usage: some providers send one first, which knows nothing of the answer."""
        rest = self.uncounted_output()
        if not rest:
            return usage
        return replace(usage, output_tokens=usage.output_tokens + estimate_tokens(rest), estimated=True)

    def uncounted_output(self) -> str:
        """Return the output that no usage of the provider counts."""
        counts_output = self.usage is not None and self.usage.output_tokens > 0
        delivered, called = self._covered if counts_output else self._began
        return "".join(self.delivered[delivered:] + self.called[called:])

    def cost_of(self, usage: Usage) -> int | None:
        """Price `usage` by the model that answered; None when its price is not known."""
        price = self.price_for(usage)
        return None if price is None else cost_nano_usd(usage, price, self.multipliers())

    def price_for(self, usage: Usage) -> Price | None:
        """Return the price of the model that answered, for so much input; None when it is not known."""
        facts = self.answered_by.facts if self.answered_by else None
        return facts.price_at(usage.input_tokens) if facts else None

    def multipliers(self) -> tuple[int, ...]:
        """The account's factor and that of the model that answered, in parts per million (M7)."""
        facts = self.answered_by.facts if self.answered_by else None
        account = self.caller.rate_multiplier_ppm if self.caller else MILLION
        return account, facts.multiplier_ppm if facts else MILLION
