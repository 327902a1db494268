"""Housekeeping: each job is safe to run twice, and none waits for another."""

from __future__ import annotations

from app.services import retention


def make_partitions() -> None:
    """Make the records' partitions for the months to come."""
    retention.make_partitions()


def purge_content() -> None:
    """Forget prompts and answers past their time."""
    retention.purge_content()


def purge_leftovers() -> None:
    """Drop dead links and sign-in attempts."""
    retention.purge_leftovers()
