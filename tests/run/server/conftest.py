"""Live servers, ours and gunicorn's stock one, in front of the app that says what it saw."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live import Server
from tests.run.server.echoing import echoing

SERVERS = ("sluice", "gunicorn")


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our own server; clients have a second for what takes time."""
    with echoing(tmp_path_factory.mktemp("ours"), "sluice", HEAD_SECONDS="1", BODY_SECONDS="1") as server:
        yield server


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn's own gevent worker."""
    with echoing(tmp_path_factory.mktemp("stock"), "gunicorn") as server:
        yield server


@pytest.fixture(params=SERVERS)
def either(request: pytest.FixtureRequest) -> Server:
    """Each of the two, one after another."""
    name = "ours" if request.param == "sluice" else "stock"
    server: Server = request.getfixturevalue(name)
    return server
