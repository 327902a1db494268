"""Calls that wait for their turn in a conversation: woken when one before them ends in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.domain.calls import Cancellation

_waiting: dict[str, list[threading.Event]] = {}
_changing = threading.Lock()


@contextmanager
def woken(session_id: str, cancellation: Cancellation) -> Iterator[threading.Event]:
    """Give an event that is set when a turn of the session ends here, or when the call itself is to end."""
    event = threading.Event()
    with _changing:
        _waiting.setdefault(session_id, []).append(event)
    forget = cancellation.on_cancel(event.set)
    try:
        yield event
    finally:
        forget()
        with _changing:
            _waiting[session_id].remove(event)
            if not _waiting[session_id]:
                del _waiting[session_id]


def wake(session_id: str) -> None:
    """Let those who wait look again whose turn it is."""
    with _changing:
        for event in _waiting.get(session_id, ()):
            event.set()
