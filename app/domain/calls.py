"""The values one call carries through the pipeline: request in, chunks out, usage counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, overload

from app.domain.actors import Actor
from app.domain.light.told import Report, Told


class Headers(Protocol):
    """Request headers: names match in any case."""

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, default: str, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. Input includes cache reads and writes; output includes reasoning."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False  # True: counted by us, the provider sent no (valid) usage


@dataclass(slots=True)
class Chunk:
    """One event of an answer, in OpenAI's chat dialect.

    Streamed: `data` is one `chat.completion.chunk`. Buffered: the one chunk of the answer holds the
    whole `chat.completion`. A heartbeat has `data` None: nothing came for a while. Forwarded: `raw` holds
    the provider's own bytes, `data` is None and the rest is what the answer says in them.

    `more`: another chunk follows before anybody waits, so its bytes may wait for that one's. Who reads a
    stream marks what came together so and lets a FLUSH follow; False is right everywhere.
    """

    data: dict[str, Any] | None
    usage: Usage | None = None
    finish_reason: str | None = None
    raw: bytes = b""
    text: str = ""
    model: str = ""
    answer_id: str = ""
    source: dict[str, Any] | None = None  # the provider's own event or message, where it speaks Anthropic's
    more: bool = False


HEARTBEAT = Chunk(data=None)
FLUSH = Chunk(data=None)  # all that came is here: what waits goes out. Nothing else is said with it


class Cancellation:
    """A switch that ends one call's upstream request from another greenlet; safe to flip twice.

    Whoever opens something that must end with the call registers its closer. `reason` is one of
    `client_left`, `draining`, `deadline`, `too_long`.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._closers: list[Callable[[], None]] = []  # appended and popped whole, so no lock is needed

    def on_cancel(self, close: Callable[[], None]) -> Callable[[], None]:
        """Register `close`; it runs at once when already cancelled. Returns the unregister function."""
        self._closers.append(close)
        if self.reason is not None:
            self._run()
        return lambda: self._forget(close)

    def cancel(self, reason: str) -> None:
        """Flip the switch; the first reason stays."""
        if self.reason is None:
            self.reason = reason
            self._run()

    def _run(self) -> None:
        while self._closers:
            try:
                close = self._closers.pop()
            except IndexError:  # another thread took the last one
                return
            close()

    def _forget(self, close: Callable[[], None]) -> None:
        try:
            self._closers.remove(close)
        except ValueError:  # it ran
            return


@dataclass(slots=True)  # not frozen, which costs 1 µs here
class Upstream:
    """Where a provider adapter sends one attempt. `secret` never leaves the adapter's headers."""

    provider_slug: str
    dialect: str
    base_url: str
    model: str  # the id the upstream knows
    secret: str = field(default="", repr=False)
    timeout_first_byte_seconds: float = 120.0
    timeout_idle_seconds: float = 60.0
    timeout_total_seconds: float = 600.0
    # The client's own body and headers, where they are in the provider's dialect and nothing was added to it.
    native_body: dict[str, Any] | None = field(default=None, repr=False)
    native_headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repeat:
    """An earlier request that is asked again, or a saved example: without session, limits and cache.

    `request_id` None: an example. `model`: in place of the endpoint's own.
    """

    request_id: str | None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A call beside which another runs in shadow, only to be compared (O47).

    `caller`: who made it, as it was let in. `history`: what was said before it in its conversation.
    """

    request_id: str
    rollout_id: str
    caller: Any = field(repr=False)  # domain.callers.Caller
    history: tuple[dict[str, Any], ...] = field(default=(), repr=False)


@dataclass(slots=True)
class Call:
    """One request in the pipeline: who sends it, to what, and how to read its body once they are let in."""

    surface: str  # endpoints | proxy | light | any
    dialect: str  # native | openai | anthropic | responses
    read_body: Callable[[], bytes]
    request_id: str
    headers: Headers = field(default_factory=dict[str, str])
    actor: Actor | None = None  # a signed-in person; otherwise the headers hold a key
    project_id: str | None = None
    slug: str | None = None  # the endpoint; None: the body's `slug_field` names it
    slug_field: str = "endpoint"
    source: str = "api"  # api | dashboard
    client_request_id: str | None = None
    scope: str = "chat"  # what the key must allow
    path: str = ""  # a forwarded call: the provider's slug and what follows it, openai/chat/completions
    query: str = ""  # a forwarded call: the part of the query that goes on
    raw_body: bytes = b""  # the body as it came
    body: dict[str, Any] = field(default_factory=dict)  # filled after authentication
    chat: dict[str, Any] = field(default_factory=dict)  # the same as an OpenAI chat body
    by_policy: bool = False  # a policy of the project decides among them (K3)
    shadowed: Shadowed | None = None  # the call beside which this one runs, only to be compared (O47)
    told: Told | None = None  # light mode: what stands for the messages
    report: Report | None = None  # light mode: what came of a call that the client made itself
    names_model: bool = False  # the body's `model` is any model of any provider (C8)
    own_secrets: dict[str, str] = field(default_factory=dict, repr=False)  # sent along, by provider (A31)
    operation: str = "chat"  # where it names a model: chat | embeddings | count_tokens
    compares: bool = False  # the body may name several models, to be asked at once (R14)
    client_address: str = ""  # "": not known
    version: int | None = None  # of the endpoint; None: the published one
    repeats: Repeat | None = None  # an earlier request that is asked again (P32)
    cancellation: Cancellation = field(default_factory=Cancellation)

    @property
    def shadow_of(self) -> str | None:
        """The id of the call beside which this one runs in shadow."""
        return self.shadowed.request_id if self.shadowed else None

    @property
    def wants_stream(self) -> bool:
        """Say whether the client asked for a stream; the endpoint decides (P6, P13)."""
        return self.body.get("stream") is True
