"""Spares each test's new application what the one before it worked out: URL builders, compiled templates."""

from __future__ import annotations

from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

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


def spare(app: Flask) -> None:
    """Let the application use what others compiled."""
    app.jinja_env.bytecode_cache = templates


Rule._compile_builder = builder_of  # type: ignore[method-assign]
