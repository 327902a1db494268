"""Empties what a process remembers of databases that are gone: tests share the ids of their world."""

from __future__ import annotations

import sys

from app.services import limits
from app.services.cache import Cache
from app.services.health import health
from app.services.performance import book


def forget_everything() -> None:
    """Clear every cache of the product's modules."""
    for name, module in list(sys.modules.items()):
        if name.startswith("app."):
            for value in list(vars(module).values()):
                if isinstance(value, Cache):
                    value.clear()
    limits.forget_all()
    health.forget()
    book.forget()
