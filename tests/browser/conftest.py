"""Headless Chromium against the production server: one server and one fresh database for each module."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser
from redis import Redis

from app import create_app
from app.extensions import db
from tests.browser.visitor import Visitor
from tests.databases import Databases, settings_for
from tests.forgetting import forget_everything
from tests.live import Server, serving
from tests.upstream import Upstream
from tests.world import World, make_world

FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass
class Stage:
    """The running product, and the same database from inside."""

    server: Server
    app: Flask
    upstream: Upstream

    @cached_property
    def world(self) -> World:
        """Two tenants and their people, made when first asked for."""
        return make_world()


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Which Chromium, and how it starts."""
    found = os.environ.get("SLUICE_TEST_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    return {"executable_path": found, "headless": True, "args": ["--headless", *FLAGS.split()]}


@pytest.fixture(scope="module")
def stage(databases: Databases, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The server of this module, with a local upstream that it may call."""
    directory = tmp_path_factory.mktemp("stage")
    Redis.from_url(redis_url).flushall()
    forget_everything()
    with databases.fresh() as url, Upstream() as upstream:
        place = frozenset({upstream.place})
        app = create_app(settings_for(directory, url, redis_url, private_upstreams=place))
        private = f"{upstream.place[0]}:{upstream.place[1]}"
        with serving(directory, url, redis_url, PRIVATE_UPSTREAMS=private, LOG_CONTENT="yes") as server:
            yield Stage(server, app, upstream)
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def visit(stage: Stage, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Return a function that opens a browser of its own; whatever goes wrong in one fails the test."""
    visitors: list[Visitor] = []

    def come(width: int = 1440, **options: Any) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
            **options,
        )
        context.set_default_timeout(10_000)
        visitors.append(Visitor(context, stage.server.url))
        return visitors[-1]

    yield come
    troubles = [trouble for visitor in visitors for trouble in visitor.troubles]
    for visitor in visitors:
        visitor.context.close()
    assert troubles == []


@pytest.fixture
def visitor(visit: Callable[..., Visitor]) -> Visitor:
    """Somebody who is not signed in."""
    return visit()
