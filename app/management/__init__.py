"""The management door: what programs change with a key, as JSON; no cookies, no templates."""

from __future__ import annotations

from flask import Flask

from app.extensions import csrf
from app.management import alerts, analytics, end_users, keys, projects, what_ifs

BLUEPRINTS = (
    alerts.blueprint,
    analytics.blueprint,
    end_users.blueprint,
    keys.blueprint,
    projects.blueprint,
    what_ifs.blueprint,
)


def register(app: Flask) -> None:
    """Add every management blueprint. Each request is authenticated by key."""
    for blueprint in BLUEPRINTS:
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint)
