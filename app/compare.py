"""Asks several models the same at once: one call through the pipeline for each, one answer of them all (R14).

Every call has its own id, hold, record and receipt. Whoever leaves ends them all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import gevent
from flask import Response
from gevent.queue import Empty, Queue

from app import pipeline, respond
from app.domain.bodies import encoded
from app.domain.calls import HEARTBEAT, Call, Cancellation, Chunk
from app.domain.comparisons import Comparing, Lane, base, cost_usd, ending, failed, piece, whole
from app.domain.dialects import OPENAI
from app.domain.errors import GatewayError
from app.domain.ids import new_id
from app.domain.provider_errors import StreamCut
from app.domain.streams import DONE, KEEP_ALIVE, event, wants_usage_chunk
from app.http import StreamedAnswer

MOST_WAITING = 64  # chunks: a client that reads slowly slows the models down
LOOK_SECONDS = 0.5

Said = tuple[Lane, Chunk | None]  # None: the model has come to its end


def answer(call: Call, asked: Comparing) -> Response:
    """Run every call and answer them as one; the last error when all of them fail."""
    lanes = [lane_of(call, asked, index) for index in range(len(asked.models))]
    run = Run(call, lanes)
    if asked.body.get("stream") is True:
        return stream(run, call)
    with run:
        for _ in run.said():
            pass
    if all(lane.answer is None for lane in lanes):
        return respond.error_response(run.last_error, OPENAI)
    return respond.json_response(
        whole(lanes, call.request_id), headers={"X-Sluice-Cost-Usd": cost_usd(lanes)}
    )


def lane_of(call: Call, asked: Comparing, index: int) -> Lane:
    """Return the call of one model: as if the client had sent it alone."""
    model = asked.models[index]
    raw = encoded({**asked.body, "model": model})
    own = replace(
        call,
        read_body=lambda: raw,
        request_id=new_id(),
        raw_body=b"",
        body={},
        chat={},
        compares=False,
        cancellation=Cancellation(),
    )
    call.cancellation.on_cancel(lambda: own.cancellation.cancel(call.cancellation.reason or "client_left"))
    return Lane(index, model, own)


class Run:
    """The calls under way, each in its greenlet; what they say comes through one queue."""

    def __init__(self, call: Call, lanes: list[Lane]) -> None:
        self.lanes = lanes
        self.last_error: GatewayError = StreamCut()
        self._call = call
        self._queue: Queue[Said] = Queue(MOST_WAITING)
        raw = call.raw_body
        call.read_body = lambda: raw
        self._leave: Callable[[], None] = respond.watch(call)
        call.read_body()
        self._greenlets = [gevent.spawn(self._carry, lane) for lane in lanes]

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _carry(self, lane: Lane) -> None:
        """Carry one model's call through the pipeline."""
        started = time.perf_counter_ns()
        try:
            for item in pipeline.run(lane.call):
                if isinstance(item, pipeline.Head):
                    lane.record = item.record
                    continue
                lane.answer = item.data or lane.answer
                self._queue.put((lane, item))
        except GatewayError as error:
            lane.error = self.last_error = error
        except Exception:
            lane.error = self.last_error = StreamCut()
            raise
        finally:
            lane.milliseconds = (time.perf_counter_ns() - started) // 1_000_000
            self._queue.put((lane, None))

    def said(self) -> Iterator[Said]:
        """Yield what the models say, as it comes, until all have come to their end."""
        left = len(self.lanes)
        while left:
            lane, chunk = self._queue.get()
            left -= chunk is None
            yield lane, chunk

    def close(self) -> None:
        """End what still runs, and wait until it is settled."""
        self._leave()
        self._call.cancellation.cancel("client_left")
        while any(not greenlet.ready() for greenlet in self._greenlets):
            try:
                self._queue.get(timeout=LOOK_SECONDS)
            except Empty:
                continue


def stream(run: Run, call: Call) -> Response:
    """Return the common stream once the first model has said something; an error when none does."""
    said = run.said()
    first = list(begun(said))
    if not first or first[-1][1] is None:
        run.close()
        return respond.error_response(run.last_error, OPENAI)
    return StreamedAnswer(events(run, first, said, call), respond.STREAM_HEADERS, run.close)


def begun(said: Iterator[Said]) -> Iterator[Said]:
    """Yield what is said up to the first chunk of an answer."""
    for item in said:
        yield item
        if item[1] is not None:
            return


def events(run: Run, first: list[Said], said: Iterator[Said], call: Call) -> Iterator[bytes]:
    """Yield the events: chunks with the index of their model, then the sums; an error if all were cut."""
    shared = base(call.request_id, "chat.completion.chunk")
    for items in (first, said):
        for lane, chunk in items:
            yield from lane_events(lane, chunk, shared)
    if all(lane.error is not None for lane in run.lanes):
        yield event(OPENAI.error_body(run.last_error, call.request_id))
        return
    yield event(ending(run.lanes, shared, bare=wants_usage_chunk(call.body)))
    yield DONE


def lane_events(lane: Lane, chunk: Chunk | None, shared: dict[str, object]) -> Iterator[bytes]:
    """Yield the event of one chunk of one model."""
    if chunk is None:
        if lane.error is not None:
            yield event(failed(lane, shared))
    elif chunk is HEARTBEAT:
        yield KEEP_ALIVE
    elif chunk.data is not None and (part := piece(chunk.data, lane, shared)) is not None:
        yield event(part)
