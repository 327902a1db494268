"""How an exchange can end early: the connection broke, or the call was cancelled."""

from __future__ import annotations

from app.domain.calls import Cancellation
from app.domain.provider_errors import Draining, ProviderFailed, ProviderTimedOut, StreamCut


class Interrupted(Exception):
    """The answer stopped before its end: cut, reset, malformed or too large."""


def ended_early(cancellation: Cancellation) -> ProviderFailed | None:
    """Return the error of a cancelled call, None while it goes on."""
    if cancellation.reason is None:
        return None
    if cancellation.reason == "draining":
        return Draining()
    if cancellation.reason == "deadline":
        return ProviderTimedOut("The call took longer than a call may take.")
    return StreamCut("The client left before the end.")
