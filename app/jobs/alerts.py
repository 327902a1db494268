"""The mails of alerts: one as soon as it is noted, and each minute whatever is due."""

from __future__ import annotations

from app.services import alert_mails


def send(alert_id: str) -> None:
    """Mail one alert."""
    alert_mails.deliver(alert_id)


def redrive() -> None:
    """Mail every alert that is due."""
    alert_mails.redrive()
