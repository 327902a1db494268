"""What every test may ask for: a running application on a database of its own, real Valkey, an upstream."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings
from redis import Redis

from app import egress
from app.extensions import db, redis
from app.models import User
from app.providers import demo
from tests import quicker, servers
from tests.databases import Databases, all_databases, settings_for
from tests.forgetting import forget_everything
from tests.upstream import Upstream
from tests.world import World
from tests.world import sign_in as give_session

settings.register_profile("any machine", deadline=None)  # a busy one makes no test fail
settings.load_profile("any machine")


def pytest_collection_finish() -> None:
    """Leave the thousands of collected tests out of every later garbage collection: a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_sessionfinish() -> None:
    """Close what the process keeps open for its next call: warnings of it at the exit would be errors."""
    egress.close_idle()
    redis.close()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Valkey of this test process."""
    with servers.valkey() as url:
        yield url


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Databases]:
    """The source of fresh databases."""
    with all_databases(tmp_path_factory.mktemp("databases"), redis_url) as source:
        yield source


@pytest.fixture
def database_url(databases: Databases, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database of this test, empty but for the world if the test asks for one."""
    with databases.fresh(peopled="world" in request.fixturenames) as url:
        yield url


@pytest.fixture
def app(
    tmp_path: Path, database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """The application, with nothing remembered from other tests. CSRF is off; its own tests switch it on.

    The demo provider speaks without its pauses, which are for people to watch.
    """
    monkeypatch.setattr(demo, "WORD_SECONDS", dict.fromkeys(demo.WORD_SECONDS, 0.0))
    Redis.from_url(redis_url).flushall()
    forget_everything()
    application = quicker.one.bound_to(settings_for(tmp_path, database_url, redis_url))
    application.config.update(TESTING=True, WTF_CSRF_METHODS=())
    yield application  # outside its context: what a request leaves in `g` must not reach the next one
    with application.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that is not signed in."""
    return app.test_client()


@pytest.fixture
def world(app: Flask, databases: Databases) -> World:
    """Two tenants and their people."""
    return databases.world()


@pytest.fixture
def sign_in(app: Flask) -> Callable[[User], FlaskClient]:
    """Return a function that gives a new client a person's session."""
    return lambda user: give_session(app.test_client(), user)


@pytest.fixture
def upstream(app: Flask) -> Iterator[Upstream]:
    """A scriptable provider on this machine, allowed to be private."""
    with Upstream() as server:
        egress.configure(private_upstreams=frozenset({server.place}))
        yield server
