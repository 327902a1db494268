"""The application factory: settings, extensions, blueprints with their doors, errors, commands."""

from __future__ import annotations

import os
from datetime import timedelta

from flask import Flask

from app import (
    cli,
    config,
    dashboard,
    egress,
    errors,
    gateway,
    http,
    management,
    probes,
    security,
    sessions,
    shadows,
)
from app.database import database
from app.dispatch import Application
from app.extensions import babel, csrf, db, htmx, redis
from app.services import key_rotation, mail, plugin_settings, record_rows
from app.services.sealing import derive, sealer

MOST_BODY_BYTES = 10 * 1024 * 1024


def create_app(settings: config.Settings | None = None) -> Flask:
    """Build the application; without `settings` they come from the environment."""
    settings = settings or config.load(os.environ)
    app = Application(__name__, template_folder="../templates", static_folder="../static")
    app.config.from_mapping(flask_settings(settings))
    bind(app, settings)
    gateway.register(app)
    management.register(app)
    dashboard.register(app)
    probes.register(app)
    errors.register(app)
    security.register(app)
    sessions.register(app)
    cli.register(app)
    shadows.register()
    return app


def flask_settings(settings: config.Settings) -> dict[str, object]:
    """Return Flask's own configuration."""
    return {
        "SETTINGS": settings,
        "SECRET_KEY": derive(settings.secret_key, "sessions").hex(),
        "MAX_CONTENT_LENGTH": MOST_BODY_BYTES,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(settings.database_url),
        "SESSION_COOKIE_NAME": "sluice_session",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.base_url.startswith("https://"),
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": timedelta(days=14),
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_CHECK_DEFAULT": False,
        "BABEL_DEFAULT_TIMEZONE": "UTC",
    }


def engine_options(database_url: str) -> dict[str, object]:
    """Return pool sizes and, on PostgreSQL, time limits for every statement."""
    if database_url.startswith("sqlite"):
        return {"hide_parameters": True}
    limits = "-c statement_timeout=5000 -c lock_timeout=500 -c idle_in_transaction_session_timeout=10000"
    return {
        "hide_parameters": True,  # an error's text must not repeat what was stored
        "pool_size": 10,
        "max_overflow": 10,
        "pool_timeout": 1,
        "pool_pre_ping": False,
        "connect_args": {"options": limits, "connect_timeout": 3},
    }


def bind(app: Flask, settings: config.Settings) -> None:
    """Bind the extensions to this application, and what the process has one of to its settings."""
    db.init_app(app)
    app.teardown_appcontext_funcs.remove(db._teardown_session)  # nobody uses its session: 2 µs per call
    csrf.init_app(app)
    babel.init_app(app)
    htmx.init_app(app)
    app.request_class = http.Request  # what Htmx put there, and ours
    configure(app, settings)


def configure(app: Flask, settings: config.Settings) -> None:
    """Set up the database, Redis, egress, the sealer and the rest that the process has one of."""
    redis.configure(settings.redis_url)
    egress.configure(private_upstreams=settings.private_upstreams)
    sealer.configure(settings.secret_key)
    mail.configure(settings.smtp_url, settings.mail_from, settings.base_url)
    key_rotation.prefix.value = settings.key_prefix
    record_rows.content_allowed.allowed = settings.log_content
    plugin_settings.allow_programs(settings.code_runner == "bubblewrap")
    with app.app_context():
        database.configure(db.engine)
