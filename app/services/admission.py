"""Lets a call in: one Redis round trip before the provider is called."""

from __future__ import annotations

from app.domain.callers import Caller
from app.services import stamps


def admit(caller: Caller) -> bool:
    """Say whether the call may go on with what was read of its key and target; False: read them afresh."""
    return stamps.is_fresh(caller.workspace_id, caller.config_stamp, caller.read_at)
