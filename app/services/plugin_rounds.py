"""Tool rounds: runs the calls of our own tools and asks the model again, in one answer for the client."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import gevent

from app.domain.bounds import bound_of
from app.domain.calls import HEARTBEAT, Chunk
from app.domain.chat import choices_of
from app.domain.errors import GatewayError
from app.domain.holds import FREELY, NOBODY, Free, Quote, largest_fitting, longest, overage_nano_usd
from app.domain.plugin_bounds import MOST_CALLS, MOST_ROUNDS, RESULT_BYTES, images
from app.domain.plugin_texts import citations
from app.domain.plugin_tools import limited, markdown, next_messages, picture
from app.domain.plugin_turns import ToolCall, Turn, is_whole
from app.domain.plugins import BY_TOOL, price_of_image
from app.domain.record_parts import Extra
from app.domain.records import Record
from app.domain.targets import Candidate, Plan
from app.egress import ended_early
from app.services import failover
from app.services.plugin_runs import Done, run
from app.services.plugins import sources_of

HEARTBEAT_SECONDS = 10.0
LEAST_ANSWER = 64  # tokens; a further round that could say less is not begun
TOO_MANY = "[Not run: too many calls at once. Call again if it is still needed.]"
NO_MORE_ROUNDS = "The model went on calling tools after {number} rounds, so the answer ends here."
NO_MONEY = "What is held for this call does not cover another round with a tool, so the answer ends here."


@dataclass(slots=True)
class Shown:
    """What the rounds before the last said; a buffered answer carries it all at its end."""

    texts: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)


def follow(chunks: Generator[Chunk, None, None], plan: Plan, record: Record) -> Generator[Chunk, None, None]:
    """Return the answer with the rounds that our tools need, and with the sources it names."""
    if not record.plugins:
        return chunks
    tools = {use.tool for use in record.plugins} - {""}
    answer = with_rounds(chunks, plan, record, tools) if tools else chunks
    return cited(answer, record)


def with_rounds(
    chunks: Generator[Chunk, None, None], plan: Plan, record: Record, tools: set[str]
) -> Generator[Chunk, None, None]:
    """Yield the answer; where it calls our tools, run them and go on with the model's next answer."""
    shown = Shown()
    shared: dict[str, Any] = {}
    for number in range(MOST_ROUNDS + 1):
        turn = Turn(tools, shared, later=number > 0)
        with closing(chunks):
            yield from passed(chunks, turn, record, shown)
        shared, candidate = turn.shared, record.answered_by
        if not turn.calls or candidate is None:
            return
        extra = record.as_round(", ".join(dict.fromkeys(BY_TOOL[call.name].name for call in turn.calls)))
        fitting = room(record, candidate, turn, extra)
        if number == MOST_ROUNDS or fitting is None:
            record.warnings.append(NO_MONEY if fitting is None else NO_MORE_ROUNDS.format(number=MOST_ROUNDS))
            yield ended(turn, record, shown)
            return
        record.end_round(extra)
        yield from said(turn, record, shown)
        results = yield from run_all(turn, record, shown)
        prepare(record, turn, results, fitting, last=number + 1 == MOST_ROUNDS)
        chunks = ask_again(replace(plan, candidates=(candidate,)), record)


def passed(chunks: Iterator[Chunk], turn: Turn, record: Record, shown: Shown) -> Generator[Chunk, None, None]:
    """Yield what of one answer is for the client; the record sees the rest, too."""
    for chunk in chunks:
        visible, kept = turn.take(chunk)
        if visible is not None:
            yield completed(visible, turn, shown)
        if kept is not None:
            record.watch(kept)


def completed(chunk: Chunk, turn: Turn, shown: Shown) -> Chunk:
    """Return a whole answer with what the rounds before it said; a piece of a stream as it is."""
    if chunk.data is None or not is_whole(chunk.data) or not (shown.texts or shown.pictures):
        return chunk
    first, *rest = choices_of(chunk.data)
    content = first["message"].get("content")
    text = "".join([*shown.texts, content if isinstance(content, str) else ""])
    message = {**first["message"], "content": text or None}
    if shown.pictures:
        message["images"] = [picture(url) for url in shown.pictures]
    data = {**chunk.data, "choices": [{**first, "message": message}, *rest]}
    return replace(chunk, data=data, source=None)


def room(record: Record, candidate: Candidate, turn: Turn, extra: Extra) -> Quote | int | None:
    """Return the longest answer of a further round that the hold covers: 0 where nothing is held, or None."""
    hold, caller = record.hold, record.caller
    if hold is None or caller is None or hold.terms == FREELY:
        return 0
    calls = min(len(turn.calls), MOST_CALLS)
    messages = next_messages(record.request["messages"], turn, {})
    bound = bound_of({**record.request, "messages": messages})
    bound = replace(bound, input_tokens=bound.input_tokens + calls * RESULT_BYTES)
    wanted = min(longest((candidate,), bound), hold.most_output or longest((candidate,), bound))
    extras = [*record.extras, extra]
    used = sum(each.usage.input_tokens + each.usage.output_tokens for each in extras)
    spent = sum(each.nano_usd for each in extras) + overage_nano_usd(used, hold.terms) + unmade(record)
    free = Free(hold.nano_usd - spent, hold.tokens - used if hold.terms.counts_tokens else NOBODY)
    fitting = largest_fitting((candidate,), replace(bound, output_tokens=wanted), caller, hold.terms, free)
    return fitting if fitting is not None and fitting.output_tokens >= min(LEAST_ANSWER, wanted) else None


def unmade(record: Record) -> int:
    """Return what the pictures cost that may still be made: that stays held for them."""
    made = sum(extra.kind == "image" for extra in record.extras)
    return sum(price_of_image(use) * max(0, images(use) - made) for use in record.plugins)


def said(turn: Turn, record: Record, shown: Shown) -> Generator[Chunk, None, None]:
    """Keep what the model said beside its calls apart from what it says next."""
    if not turn.text.strip():
        return
    if record.streamed:
        yield piece(turn, {"content": "\n\n"})
    else:
        shown.texts.append(turn.text.rstrip() + "\n\n")


def run_all(turn: Turn, record: Record, shown: Shown) -> Generator[Chunk, None, dict[str, str]]:
    """Run the calls one after the other, heartbeats in between; return what each tells the model, by id."""
    results: dict[str, str] = {}
    for number, call in enumerate(turn.calls):
        if number >= MOST_CALLS:
            results[call.id] = TOO_MANY
            continue
        done = yield from run_one(call, record)
        results[call.id] = done.text
        if done.picture:
            yield from show(turn, record, shown, done)
    return results


def run_one(call: ToolCall, record: Record) -> Generator[Chunk, None, Done]:
    """Run one call in a greenlet of its own; a client of a stream hears that we are still there."""
    job = gevent.spawn(run, call, record)
    try:
        while not job.ready():
            job.join(HEARTBEAT_SECONDS)
            if not job.ready() and record.streamed:
                yield HEARTBEAT
    finally:
        job.kill(block=False)
    if (early := ended_early(record.call.cancellation)) is not None:
        raise early
    done: Done = job.get()
    return done


def show(turn: Turn, record: Record, shown: Shown, done: Done) -> Generator[Chunk, None, None]:
    """Show a picture: in `images`, and one with an address in the text, too."""
    text = "" if done.picture.startswith("data:") else markdown(done.picture, done.about)
    if record.streamed:
        yield piece(turn, {"content": text, "images": [picture(done.picture)]})
        return
    shown.pictures.append(done.picture)
    if text:
        shown.texts.append(text)


def piece(turn: Turn, delta: dict[str, Any], finish_reason: str | None = None) -> Chunk:
    """Return a chunk of our own in the model's stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    data = {"object": "chat.completion.chunk", **turn.shared, "choices": [choice]}
    return Chunk(data, finish_reason=finish_reason)


def ended(turn: Turn, record: Record, shown: Shown) -> Chunk:
    """Return the end of an answer that may not go on: `length`, for a limit was reached."""
    if record.streamed:
        return piece(turn, {}, "length")
    record.unsay()
    message = {"role": "assistant", "content": turn.text or None}
    choice = {"index": 0, "message": message, "finish_reason": "length"}
    whole = Chunk({**turn.shared, "choices": [choice]}, usage=record.usage, finish_reason="length")
    return completed(whole, turn, shown)


def prepare(record: Record, turn: Turn, results: dict[str, str], fitting: Quote | int, *, last: bool) -> None:
    """Make the request of the next round: the calls, their results, and a limit that the hold covers."""
    request = {**record.request, "messages": next_messages(record.request["messages"], turn, results)}
    if request.get("tool_choice") not in (None, "auto", "none"):
        request["tool_choice"] = "auto"  # it was forced once, which is done
    if last:
        request["tool_choice"] = "none"
    if isinstance(fitting, Quote):
        request = limited(request, fitting.output_tokens)
        if record.hold is not None and record.hold.most_output is not None:
            record.hold = replace(record.hold, most_output=fitting.output_tokens)
    record.request, record.messages = request, request["messages"]


def ask_again(plan: Plan, record: Record) -> Generator[Chunk, None, None]:
    """Yield the same model's next answer; one that never begins costs nothing more."""
    record.begin_round()
    try:
        yield from failover.stream(plan, record)
    except GatewayError:
        if record.answered_by is None:
            record.answered_by, record.between_rounds = plan.candidates[0], True
        raise


def cited(chunks: Generator[Chunk, None, None], record: Record) -> Generator[Chunk, None, None]:
    """Yield the answer with its sources as annotations where it ends."""
    sources = sources_of(record)
    text: list[str] = []
    with closing(chunks):
        for chunk in chunks:
            if not sources or chunk.data is None:
                yield chunk
                continue
            text += spoken(chunk.data)
            ends = chunk.finish_reason is not None
            yield annotated(chunk, citations("".join(text), sources)) if ends else chunk
            if ends:
                sources = []


def spoken(data: dict[str, Any]) -> list[str]:
    """Return what the first choice says in one chunk."""
    parts = [c.get("delta") or c.get("message") for c in choices_of(data) if c.get("index", 0) == 0]
    return [p["content"] for p in parts if isinstance(p, dict) and isinstance(p.get("content"), str)]


def annotated(chunk: Chunk, found: list[dict[str, Any]]) -> Chunk:
    """Return the chunk with annotations on the message of its first choice."""
    choices = choices_of(chunk.data or {})
    if not choices:
        return chunk
    first, *rest = choices
    name = "message" if "message" in first else "delta"
    inner = first.get(name)
    told = {**(inner if isinstance(inner, dict) else {}), "annotations": found}
    return replace(chunk, data={**(chunk.data or {}), "choices": [{**first, name: told}, *rest]}, source=None)
