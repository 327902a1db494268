"""Remembers whole answers of a project, so that the very same request need not be paid for twice (A17, A29).

What is kept is found again only by its project, only for the same request, and only while the model that
answered is one of those that this call may be answered by. Without Redis nothing is found and nothing kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, replace
from typing import Any

import orjson

from app.domain import chat
from app.domain.callers import Caller
from app.domain.calls import Chunk
from app.domain.errors import InvalidRequest, Overloaded
from app.domain.messages.native import own_body, says_more
from app.domain.record_parts import Slot
from app.domain.records import Record
from app.domain.targets import Plan
from app.extensions import redis
from app.redis_store import RedisAway, Script
from app.services import idempotency

HEADER = "X-Cache"
MODES = ("auto", "force", "skip")
FORCED_SECONDS = 3600
MOST_BYTES = 256 * 1024
OPERATIONS = frozenset({"chat", "embeddings"})
MOST_ANSWERS = 500  # of one project; the oldest make room
KEEP = Script(
    """
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
    local now = redis.call('TIME')
    redis.call('ZADD', KEYS[2], now[1] * 1000000 + now[2], KEYS[1])
    redis.call('EXPIRE', KEYS[2], 31 * 24 * 3600)
    local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3])
    if over > 0 then
        local oldest = redis.call('ZPOPMIN', KEYS[2], over)
        for place = 1, #oldest, 2 do redis.call('UNLINK', oldest[place]) end
    end
    """
)
EMPTY = Script(
    """
    for _, key in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do redis.call('UNLINK', key) end
    redis.call('UNLINK', KEYS[2])
    redis.call('INCR', KEYS[1])
    redis.call('EXPIRE', KEYS[1], 31 * 24 * 3600)
    """
)
WHOLE = (None, "stop", "tool_calls", "function_call")  # not what a limit or a filter stopped
Json = dict[str, Any]


def find(plan: Plan, record: Record) -> Generator[Chunk, None, None] | None:
    """Return the stored answer of the same request; None when there is none, or none is wanted."""
    slot = slot_for(plan, record)
    if slot is None:
        return None
    stored = look_up(slot, record)
    names = {candidate.model_id: candidate for candidate in plan.candidates}
    if stored is None or stored.get("model_id") not in names:
        return None
    if record.hold is None:
        idempotency.use_up(record)
    record.cached, record.answered_by = True, names[stored["model_id"]]
    return replay(stored["answer"], record)


def slot_for(plan: Plan, record: Record) -> Slot | None:
    """Return where the answer belongs; None where it is not kept. InvalidRequest for an unknown `x-cache`."""
    call, target = record.call, record.target
    assert target is not None
    asked = call.headers.get(HEADER)
    wanted = target.config.cache_seconds if target.endpoint_id else target.gateway.cache_seconds
    if (asked is None and not wanted) or not may_keep(record):
        return None
    mode = (asked or "auto").strip().lower()
    if mode not in MODES:
        raise InvalidRequest(f"The header x-cache must be one of: {', '.join(MODES)}.", param="x-cache")
    seconds = wanted or (FORCED_SECONDS if mode == "force" else 0)
    if mode == "skip" or not seconds or target.operation not in OPERATIONS:
        return None
    if record.plugins or idempotency.keeps_answer(call):  # those act; this has an answer of its own
        return None
    return Slot(key_of(plan, record), seconds)


def may_keep(record: Record) -> bool:
    """Say whether answers of this kind of call are ever kept; of an endpoint only whole ones are (P32)."""
    call, target = record.call, record.target
    if target is None or target.endpoint_id is None:
        return call.names_model and not call.repeats and not call.shadowed
    return not (record.streamed or target.config.session or call.repeats or call.shadowed or call.version)


def key_of(plan: Plan, record: Record) -> str:
    """Return the place of a request's answer: the same only for the same request of the same project."""
    target = record.target
    assert target is not None
    told = {
        "operation": target.operation,
        "request": record.request,
        "asked": target.requested,
        "models": sorted(candidate.model_id for candidate in plan.candidates),
        "wishes": asdict(target.wishes),
        "healing": record.call.body.get("healing"),
        "own": native_part(record),
        "endpoint": [target.endpoint_id, target.version],  # a new version begins anew
        "policy": target.policy and [target.policy.key, target.policy.version],  # and so does a policy's
    }
    try:
        raw = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # whole numbers of any size
        raw = repr(told).encode()
    return f"sluice:answer:{target.project_id}:{hashlib.sha256(raw).hexdigest()}"


def native_part(record: Record) -> Json | None:
    """Return the body that may go out as it came: it can say more than the request that it stands for."""
    if record.call.dialect != "anthropic":
        return None
    body = own_body(record.call.body)
    body.pop("stream", None)
    return body | {"betas": record.call.headers.get("anthropic-beta")}


def generation_key(project_id: str) -> str:
    """Return where a project's generation stands: what was kept under another one counts for nothing."""
    return f"sluice:answers:{project_id}"


def index_key(project_id: str) -> str:
    """Return where the places of a project's answers stand, the oldest first."""
    return f"sluice:answer-index:{project_id}"


def look_up(slot: Slot, record: Record) -> Json | None:
    """Ask for the entry and for the project's generation at once."""
    assert record.target is not None
    try:
        words = "MGET", generation_key(record.target.project_id), slot.key
        generation, raw = redis.command(*words)
    except RedisAway:
        return None
    record.slot = replace(slot, generation=str(generation or 0))
    try:
        stored = orjson.loads(raw) if raw else None
    except ValueError:
        return None
    is_current = isinstance(stored, dict) and stored.get("generation") == record.slot.generation
    return stored if is_current else None


def replay(answer: Json, record: Record) -> Generator[Chunk, None, None]:
    """Yield a stored answer, cut up where a stream was asked for; it has used nothing."""
    is_chat = record.target is not None and record.target.operation == "chat"
    for data in chat.split(answer) if record.streamed and is_chat else (answer,):
        yield Chunk(data, finish_reason=chat.finish_reason(data))


def keep(chunks: Generator[Chunk, None, None], record: Record) -> Generator[Chunk, None, None]:
    """Return the chunks, and remember the answer once it came to its end."""
    return chunks if record.slot is None else kept(chunks, record)


def kept(chunks: Generator[Chunk, None, None], record: Record) -> Generator[Chunk, None, None]:
    """Yield the chunks, and note the answer; whoever leaves before the end leaves nothing behind."""
    pieces, size = list[Json](), 0
    is_native = record.call.dialect == "anthropic"
    with closing(chunks):
        for chunk in chunks:
            if chunk.data is not None and size <= MOST_BYTES:
                pieces.append(chunk.data)
                size += sum(lengths(chunk.data))
            if is_native and chunk.source is not None and says_more(chunk.source):
                size = MOST_BYTES + 1  # a chat answer could not give it back whole
            yield chunk
    if pieces and size <= MOST_BYTES and not record.paid_elsewhere:
        record.keeps = chat.join(pieces) if record.streamed else pieces[0]


def remember(record: Record) -> None:
    """Store the answer of a call that succeeded: whatever checked it has let it through as it came."""
    if record.keeps is not None and record.slot is not None and not was_masked(record):
        put(record.slot, record, record.keeps)


def was_masked(record: Record) -> bool:
    """Say whether guardrails took something out of the answer: what came is kept nowhere."""
    verdicts = record.guarding.verdicts if record.guarding else ()
    return any(said.side == "output" and said.outcome in ("masked", "redacted") for said in verdicts)


def lengths(data: Json) -> Iterator[int]:
    """Yield about how long the parts of a chunk are."""
    yield 64
    for choice in chat.choices_of(data):
        part = choice.get("delta") or choice.get("message")
        yield from (len(value) for value in (part or {}).values() if isinstance(value, str))


def put(slot: Slot, record: Record, answer: Json) -> None:
    """Store a whole answer; not waited for."""
    target = record.target
    failed = record.healing is not None and record.healing.outcome == "failed"
    reasons = {choice.get("finish_reason") for choice in chat.choices_of(answer)}
    if target is None or record.answered_by is None or failed or not reasons <= set(WHOLE):
        return
    entry = {
        "generation": slot.generation,
        "model_id": record.answered_by.model_id,
        "answer": {name: value for name, value in answer.items() if name != "usage"},
    }
    try:
        raw = orjson.dumps(entry)
    except orjson.JSONEncodeError:
        return
    if len(raw) <= MOST_BYTES:
        words = slot.key, index_key(target.project_id), raw.decode(), str(slot.seconds), str(MOST_ANSWERS)
        with suppress(RedisAway):
            redis.run(KEEP, "2", *words)


def empty(caller: Caller) -> None:
    """Forget every answer of the caller's project; raise Overloaded without Redis."""
    keys = generation_key(caller.project_id), index_key(caller.project_id)
    try:
        redis.run(EMPTY, "2", *keys)
    except RedisAway:
        raise Overloaded("The cache cannot be reached right now. Try again shortly.") from None
