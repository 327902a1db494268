"""An upstream that tests script, and a short way to call an adapter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app import egress
from app.domain.calls import FLUSH, Cancellation, Chunk
from app.domain.calls import Upstream as Where
from app.providers import adapter
from tests.upstream import Upstream

SECRET = "sk-test-0123456789abcdef"
HELLO = [{"role": "user", "content": "Hi"}]


class Caller:
    """Calls one adapter against the scripted upstream."""

    def __init__(self, server: Upstream, dialect: str) -> None:
        self.server = server
        self.dialect = dialect
        self.cancellation = Cancellation()
        self.first_byte_seconds = 5.0
        self.idle_seconds = 5.0

    @property
    def where(self) -> Where:
        base = self.server.url if self.dialect == "anthropic" else self.server.v1
        limits = (self.first_byte_seconds, self.idle_seconds)
        return Where("up", self.dialect, base, "m", SECRET, *limits)

    def chunks(self, stream: bool = True, **body: Any) -> Iterator[Chunk]:
        body = {"messages": HELLO} | body
        return adapter(self.dialect).chat(self.where, body, stream, self.cancellation)

    def all(self, stream: bool = True, **body: Any) -> list[Chunk]:
        return [chunk for chunk in self.chunks(stream, **body) if chunk is not FLUSH]

    def test(self) -> str:
        return adapter(self.dialect).test(self.where)

    @property
    def sent(self) -> Any:
        return self.server.requests[-1].json


@pytest.fixture
def server() -> Iterator[Upstream]:
    with Upstream() as running:
        egress.configure(private_upstreams=frozenset({running.place}))
        yield running
        egress.configure(private_upstreams=frozenset())


@pytest.fixture
def openai(server: Upstream) -> Caller:
    return Caller(server, "openai")


@pytest.fixture
def anthropic(server: Upstream) -> Caller:
    return Caller(server, "anthropic")


@pytest.fixture(params=["openai", "anthropic"])
def either(server: Upstream, request: pytest.FixtureRequest) -> Caller:
    return Caller(server, request.param)
