"""Spares tests what the ones before them worked out: one application, URL builders, compiled templates."""

from __future__ import annotations

from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from app import configure, create_app, flask_settings
from app.config import Settings
from app.extensions import db

_compile_builder = Rule._compile_builder
_builders: dict[tuple[Any, ...], Any] = {}


def builder_of(rule: Rule, append_unknown: bool = True) -> Any:
    """Return the function that builds the rule's URLs; it is compiled once for all applications."""
    key = (rule.rule, rule.subdomain, rule.host, repr(rule.defaults), append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


class Kept(BytecodeCache):
    """Compiled templates, in memory."""

    def __init__(self) -> None:
        self.code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket if its template was compiled before."""
        if bucket.key in self.code:
            bucket.bytecode_from_string(self.code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self.code[bucket.key] = bucket.bytecode_to_string()


templates = Kept()


class OneApplication:
    """The application of this process's tests: made once, then bound to each test's database."""

    def __init__(self) -> None:
        self.app: Flask | None = None
        self.config: dict[str, Any] = {}

    def bound_to(self, settings: Settings) -> Flask:
        """Return it, as new, with these settings."""
        if self.app is None:
            self.app = create_app(settings)
            self.app.jinja_env.bytecode_cache = templates
            self.config = dict(self.app.config)
        else:
            self.rebind(self.app, settings)
        return self.app

    def rebind(self, app: Flask, settings: Settings) -> None:
        """Give it other settings and a new engine; what an extension adds at every start stays single."""
        app.config.clear()
        app.config.update(self.config | flask_settings(settings))
        teardown, shell = list(app.teardown_appcontext_funcs), list(app.shell_context_processors)
        app._got_first_request = False
        del app.extensions["sqlalchemy"]
        db.init_app(app)
        app.teardown_appcontext_funcs[:], app.shell_context_processors[:] = teardown, shell
        configure(app, settings)


one = OneApplication()

Rule._compile_builder = builder_of  # type: ignore[method-assign]
