"""Answers of upstreams led through guardrails and written for clients, without any network."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Sequence
from typing import Any

from app.domain import dialects, streams
from app.domain.calls import Call, Chunk
from app.domain.endpoints import EndpointConfig
from app.domain.errors import GatewayError
from app.domain.guardrails.guarding import Guarding, Verdict
from app.domain.guardrails.rules import Rule, effective
from app.domain.raw_answers import EventReading, read_whole
from app.domain.raw_events import RawSplitter
from app.domain.reasoning_fields import normalized
from app.domain.records import Record
from app.domain.sse import Splitter
from app.domain.targets import Target
from app.providers.anthropic_answer import StreamTranslator, completion
from app.providers.base import END, chunk_of
from app.services.answer_guards import guarded

Settings = dict[str, dict[str, Any]]


def record_of(
    dialect: str, *, operation: str = "chat", forwards: bool = False, streamed: bool = True
) -> Record:
    target = Target(
        workspace_id="w", project_id="p", endpoint_id=None, slug="", version=None,
        config=EndpointConfig("up/model"), candidates=(), skipped=(), log_content=True, config_stamp=None,
        read_at=0.0, operation=operation, forwards=forwards,
    )  # fmt: skip
    record = Record(Call("proxy", dialect, lambda: b"", "r1", body={"stream": streamed}), target=target)
    record.streamed = streamed
    return record


def read(upstream: str, raw: Iterable[bytes], operation: str = "chat") -> list[Chunk]:
    """Return the chunks of a stream's bytes: of an adapter, or of a forwarded answer (`raw`)."""
    if upstream == "raw":
        splitter, reading = RawSplitter(), EventReading(operation)
        found = [event for piece in raw for event in splitter.feed(piece)] + splitter.finish()
        told = [(event, reading.read(event.name, event.data)) for event in found]
        return [Chunk(None, one.usage, one.finish_reason, event.raw, one.text) for event, one in told]
    plain = Splitter()
    datas = [event.data for piece in raw for event in plain.feed(piece)]
    if upstream == "openai":
        return [chunk_of(normalized(json.loads(one))) for one in datas if one != END]
    translator = StreamTranslator()
    return [translator.chunk(json.loads(one)) for one in datas]


def whole(upstream: str, body: dict[str, Any], operation: str = "chat") -> Chunk:
    """Return the one chunk of a buffered answer."""
    if upstream == "raw":
        raw = json.dumps(body).encode()
        reading = read_whole(operation, raw)
        assert reading is not None
        return Chunk(None, reading.usage, reading.finish_reason, raw, reading.text)
    return completion(body) if upstream == "anthropic" else chunk_of(normalized(body))


def decide(rule: Rule, answers: Sequence[str]) -> Verdict:
    """Stand for the service that checks whole texts: whoever says BAD is stopped."""
    outcome = "blocked" if any("BAD" in answer for answer in answers) else "passed"
    return Verdict(rule.name, "output", rule.action, outcome)


def passing(
    chunks: Iterable[Chunk], record: Record, settings: Settings, vault: dict[str, str] | None = None
) -> Generator[Chunk, None, None]:
    """Return the chunks behind their guardrails, as the pipeline joins them."""
    record.guarding = Guarding(vault=vault or {})
    source = (chunk for chunk in chunks)
    return guarded(record.follow(source), record, effective(settings), "sk-sluice-", decide)


def written(
    chunks: Iterable[Chunk], record: Record, settings: Settings, vault: dict[str, str] | None = None
) -> str:
    """Return the stream that the client gets; an error in front of it is raised."""
    passed = passing(chunks, record, settings, vault)
    first = next(passed)

    def rest() -> Generator[Chunk, None, None]:
        try:
            yield first
            yield from passed
        except GatewayError as error:
            record.fail(error)
            raise
        record.succeed()

    write = streams.raw_events if record.forwards else streams.events
    raw = b"".join(write(rest(), dialects.BY_NAME[record.call.dialect], record))
    return raw.decode()


def said(stream: str) -> list[dict[str, Any]]:
    """Return the data of a stream's events."""
    datas = [line[6:] for line in stream.split("\n") if line.startswith("data: ")]
    return [json.loads(one) for one in datas if one != "[DONE]"]


def outcomes(record: Record) -> dict[str, str]:
    """Return what each rule said of the answer."""
    assert record.guarding is not None
    return {verdict.rule: verdict.outcome for verdict in record.guarding.verdicts}


def log(record: Record) -> str:
    """Return what a log keeps of the answer."""
    assert record.guarding is not None
    told = record.guarding.told
    return "".join(record.delivered if told is None else told)
