"""The database's tables, brought to this version's. Alembic is loaded when it is used, and only here."""

from __future__ import annotations

import importlib
from pathlib import Path

from flask import current_app

from app.extensions import db

DIRECTORY = Path(__file__).resolve().parent.parent.parent / "migrations"


def upgrade() -> None:
    """Bring the database to this version's tables; does nothing where it has them."""
    bind()
    importlib.import_module("flask_migrate").upgrade()


def downgrade(revision: str) -> None:
    """Take the database back to an earlier version's tables; `base` is none."""
    bind()
    importlib.import_module("flask_migrate").downgrade(revision=revision)


def bind() -> None:
    """Tell Flask-Migrate of this application; it is loaded here since it costs a web worker 6 MB."""
    if "migrate" not in current_app.extensions:
        importlib.import_module("flask_migrate").Migrate(current_app, db, directory=str(DIRECTORY))
