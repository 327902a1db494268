"""The gateway's doors: bearer keys in, no cookies, no templates."""

from __future__ import annotations

from flask import Flask

from app.extensions import csrf
from app.gateway import (
    cache,
    health,
    light,
    memories,
    messages,
    models,
    native,
    openai,
    passthrough,
    policies,
    responses,
    sessions,
)

BLUEPRINTS = (
    cache.blueprint,
    health.blueprint,
    light.blueprint,
    memories.blueprint,
    messages.blueprint,
    models.blueprint,
    native.blueprint,
    openai.blueprint,
    policies.blueprint,
    responses.blueprint,
    sessions.blueprint,
    passthrough.blueprint,
)


def register(app: Flask) -> None:
    """Add every gateway blueprint. Each call is authenticated by key, in the pipeline."""
    for blueprint in BLUEPRINTS:
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint)
