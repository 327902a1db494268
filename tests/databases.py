"""A migrated database per test, copied from a template: SQLite, or PostgreSQL by SLUICE_TEST_DATABASE."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from flask_migrate import upgrade
from sqlalchemy import make_url

from app import create_app
from app.config import Settings
from app.extensions import db
from tests import servers

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
    }
    return Settings(**{**values, **changes})  # type: ignore[arg-type]


QUICKLY = "STRATEGY FILE_COPY"  # without fsync a third of the default's time


class Databases:
    """Hands out migrated databases; the first one is the template that the others are copied from."""

    def __init__(self, directory: Path, redis_url: str, server_url: str | None) -> None:
        self.directory = directory
        self.redis_url = redis_url
        self.server_url = server_url
        self.template = self.make_template()

    def make_template(self) -> str:
        """Migrate an empty database and return its URL."""
        url = self.create("template") if self.server_url else f"sqlite:///{self.directory}/template.db"
        app = create_app(settings_for(self.directory, url, self.redis_url))
        with app.app_context():
            upgrade()
            db.engine.dispose()
        return url

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Yield the URL of a migrated, empty database; drop it in the end."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        if self.server_url:
            yield self.create(name, f'TEMPLATE "{make_url(self.template).database}" {QUICKLY}')
            self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            return
        path = self.directory / f"{name}.db"
        shutil.copyfile(self.directory / "template.db", path)
        yield f"sqlite:///{path}"
        for leftover in self.directory.glob(f"{name}.db*"):
            leftover.unlink()

    def create(self, name: str, options: str = "") -> str:
        """Create a database on the server and return its URL."""
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
