"""Housekeeping: each job is safe to run twice, and none waits for another."""

from __future__ import annotations

from app.services import conversations, retention, usage_hours


def make_partitions() -> None:
    """Make the records' partitions for the months to come."""
    retention.make_partitions()


def purge_content() -> None:
    """Forget prompts and answers past their time."""
    retention.purge_content()


def purge_leftovers() -> None:
    """Drop dead links and sign-in attempts."""
    retention.purge_leftovers()


def purge_sessions() -> None:
    """Erase conversations whose time is over."""
    conversations.purge()


def purge_usage() -> None:
    """Forget usage by hour that is too long ago."""
    usage_hours.purge()


def fill_usage() -> None:
    """Count what was recorded before usage was counted by hour; nothing to do once that is done."""
    usage_hours.fill()
