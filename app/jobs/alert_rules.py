"""The alert rules are looked at each minute."""

from __future__ import annotations

from app.services import alert_watch


def check() -> None:
    """Look at every rule whose time has come."""
    alert_watch.check_all()
