"""A migrated database per test, copied from a template: SQLite, or PostgreSQL by SLUICE_TEST_DATABASE."""

from __future__ import annotations

import os
import pickle
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from app import create_app
from app.commands.schema import upgrade
from app.config import Settings
from app.extensions import db
from tests import servers
from tests.world import World, make_world

ON_POSTGRESQL = os.environ.get("SLUICE_TEST_DATABASE") == "postgresql"
SECRET_KEY = "a secret key that only tests use"


def settings_for(directory: Path, database_url: str, redis_url: str, **changes: object) -> Settings:
    """Return settings for one test."""
    values: dict[str, object] = {
        "data_dir": directory,
        "database_url": database_url,
        "redis_url": redis_url,
        "embedded_redis": False,
        "secret_key": SECRET_KEY,
        "base_url": "http://127.0.0.1:8000",
        "smtp_url": "",
        "mail_from": "sluice@localhost",
        "private_upstreams": frozenset(),
        "trusted_proxies": (),
        "timezone": "UTC",
        "log_content": False,
        "key_prefix": "sk-sluice-",
        "code_runner": "off",
        "server": "sluice",
    }
    return Settings(**{**values, **changes})  # type: ignore[arg-type]


QUICKLY = "STRATEGY FILE_COPY"  # without fsync a third of the default's time


class Databases:
    """Hands out migrated databases; the first one is the template that the others are copied from."""

    def __init__(self, directory: Path, redis_url: str, server_url: str | None) -> None:
        self.directory = directory
        self.redis_url = redis_url
        self.server_url = server_url
        self.template = self.make_template("template")
        self.peopled = ""  # the template that a world lives in
        self._world = b""

    def make_template(self, name: str) -> str:
        """Make a migrated database that others are copied from; return its URL."""
        url = self.create(name)
        app = create_app(settings_for(self.directory, url, self.redis_url))
        with app.app_context():
            upgrade()
            db.engine.dispose()
        return url

    def make_world(self) -> None:
        """Make the template with a world in it, once; its people and things are the same in every copy."""
        if not self.peopled:
            url = self.copy(self.template, "peopled")
            app = create_app(settings_for(self.directory, url, self.redis_url))
            self._world, self.peopled = pickle.dumps(make_world()), url
            with app.app_context():
                db.engine.dispose()

    def world(self) -> World:
        """Return the world of the copies, for one test alone."""
        found: World = pickle.loads(self._world)
        return found

    @contextmanager
    def fresh(self, *, peopled: bool = False) -> Iterator[str]:
        """Yield the URL of a migrated database, empty or with a world; drop it in the end."""
        if peopled:
            self.make_world()
        name = f"test_{uuid.uuid4().hex[:12]}"
        yield self.copy(self.peopled if peopled else self.template, name)
        if self.server_url:
            self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            return
        for leftover in self.directory.glob(f"{name}.db*"):
            leftover.unlink()

    def copy(self, template: str, name: str) -> str:
        """Copy a template, to which nobody is connected; return the copy's URL."""
        if self.server_url:
            return self.create(name, f'TEMPLATE "{make_url(template).database}" {QUICKLY}')
        shutil.copyfile(make_url(template).database or "", self.directory / f"{name}.db")
        return f"sqlite:///{self.directory}/{name}.db"

    def create(self, name: str, options: str = "") -> str:
        """Create a database and return its URL."""
        if not self.server_url:
            return f"sqlite:///{self.directory}/{name}.db"
        unique = name if name.startswith("test_") else f"{name}_{uuid.uuid4().hex[:8]}"
        self.execute(f'CREATE DATABASE "{unique}" {options}')
        url = make_url(self.server_url or "").set(drivername="postgresql+psycopg", database=unique)
        return url.render_as_string(hide_password=False)

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        with psycopg.connect(self.server_url or "", autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]


@contextmanager
def all_databases(directory: Path, redis_url: str) -> Iterator[Databases]:
    """Yield the databases of this test run; starts PostgreSQL where the run asks for it."""
    if not ON_POSTGRESQL:
        yield Databases(directory, redis_url, None)
        return
    with servers.postgresql() as server_url:
        yield Databases(directory, redis_url, server_url)
