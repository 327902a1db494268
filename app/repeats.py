"""Asks once more: saved examples and earlier requests, each a whole call through the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gevent.pool import Pool

from app import lifecycle, pipeline
from app.domain.actors import Actor
from app.domain.bodies import encoded
from app.domain.calls import Call, Chunk, Repeat
from app.domain.chat import choices_of
from app.domain.endpoint_errors import AnswerBlocked, GuardrailBlocked
from app.domain.errors import GatewayError
from app.domain.examples import Answered
from app.domain.ids import new_id
from app.domain.records import Record
from app.models import Endpoint, EndpointVersion, Example, ExampleRun
from app.services import example_runs

AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that has come to its end: what was answered, or why nothing was."""

    record: Record
    text: str
    error: GatewayError | None


def carry(call: Call) -> Asked:
    """Carry a call to its end and return its answer; what went wrong is not raised."""
    record, error, text = Record(call), None, ""
    unregister = lifecycle.register(call.cancellation)
    try:
        for item in pipeline.run(call, record):
            if isinstance(item, Chunk) and item.data is not None:
                text += text_of(item)
    except GatewayError as raised:
        error = raised
    finally:
        unregister()
    return Asked(record, text, error)


def text_of(chunk: Chunk) -> str:
    """Return the text of a whole answer."""
    messages = (choice.get("message") for choice in choices_of(chunk.data or {}))
    contents = [message.get("content") for message in messages if isinstance(message, dict)]
    return next((content for content in contents if isinstance(content, str)), "")


def example_call(actor: Actor, endpoint: Endpoint, version: EndpointVersion, example: Example) -> Call:
    """Return the call that asks a version an example; a real one, paid for by the workspace."""
    raw = encoded(example.body)
    return Call(
        surface="endpoints",
        dialect="native",
        read_body=lambda: raw,
        request_id=new_id(),
        actor=actor,
        project_id=endpoint.project_id,
        slug=endpoint.slug,
        source="dashboard",
        version=version.number,
        repeats=Repeat(None),
    )


def run_example(actor: Actor, endpoint: Endpoint, version: EndpointVersion, example: Example) -> ExampleRun:
    """Ask a version an example and keep how it was answered."""
    call = example_call(actor, endpoint, version, example)
    answered = answered_of(carry(call), version, example)
    return example_runs.keep(actor, endpoint.workspace_id, version, example, answered, call.request_id)


def run_examples(
    actor: Actor, endpoint: Endpoint, version: EndpointVersion, examples: Sequence[Example]
) -> list[ExampleRun]:
    """Ask a version several examples, a few at a time."""
    pool = Pool(AT_ONCE)
    return list(pool.imap(lambda example: run_example(actor, endpoint, version, example), examples))


def answered_of(asked: Asked, version: EndpointVersion, example: Example) -> Answered:
    """Return what an example's expectations are held against."""
    record, error = asked.record, asked.error
    usage = record.usage
    return Answered(
        text=asked.text,
        error=error.message if error else "",
        blocked_by=blocked_by(asked),
        output_tokens=usage.output_tokens if usage else 0,
        cost_nano_usd=record.cost_nano_usd,
        milliseconds=record.duration_ms,
        misfits=() if error else example_runs.misfits(version, example, asked.text),
    )


def blocked_by(asked: Asked) -> tuple[str, ...]:
    """Return the guardrails that stopped a call."""
    if not isinstance(asked.error, GuardrailBlocked | AnswerBlocked):
        return ()
    verdicts = asked.record.guarding.verdicts if asked.record.guarding else []
    rules = [verdict.rule for verdict in verdicts if verdict.outcome in ("blocked", "failed")]
    return tuple(dict.fromkeys(rules)) or ("guardrail",)
