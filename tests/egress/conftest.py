"""A scripted upstream that the operator has listed, and one that nobody may reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app import egress
from tests.upstream import Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        egress.configure(private_upstreams=frozenset({server.place}))
        yield server
        egress.configure(private_upstreams=frozenset())


@pytest.fixture
def canary() -> Iterator[Upstream]:
    """A server that must never be reached; it is not on the operator's list."""
    with Upstream() as server:
        yield server
        assert server.connections == 0
