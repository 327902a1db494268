"""The books are checked every few minutes, and as a whole each night."""

from __future__ import annotations

from app.services import books


def check_recent() -> None:
    """Check what was booked in the last days, and every balance."""
    books.watch(everything=False)


def check_all() -> None:
    """Check everything that was ever booked."""
    books.watch(everything=True)
