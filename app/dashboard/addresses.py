"""The address under which this installation is reached, for what people copy."""

from __future__ import annotations

from app.respond import public_root

__all__ = ["public_root"]
