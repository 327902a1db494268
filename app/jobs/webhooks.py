"""The deliveries of webhooks: one as soon as it is noted, and each minute whatever is due."""

from __future__ import annotations

from app.services import webhook_deliveries


def send(delivery_id: str) -> None:
    """Send one event to one webhook."""
    webhook_deliveries.deliver(delivery_id)


def redrive() -> None:
    """Send every event that is due."""
    webhook_deliveries.redrive()


def purge() -> None:
    """Forget deliveries that are too long ago."""
    webhook_deliveries.purge()
