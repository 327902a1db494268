"""What Sluice's own HTTP server tells the doors of the client, beside WSGI; other servers tell nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

ENVIRON_NAME = "sluice.client"


class Client(Protocol):
    """The connection that a request came over."""

    def whole_body(self) -> bytes | None:
        """Return the request's body where all of it is here already; None: read `wsgi.input`."""

    def when_gone(self, notice: Callable[[], None]) -> Callable[[], None]:
        """Have `notice` called once the client has hung up; it may not wait. Returns how to stop that."""
