"""Asks a rollout's new version what the old one has answered: nobody sees, awaits or pays for it (O47)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import gevent

from app import lifecycle, pipeline
from app.domain.bodies import encoded, parse_object
from app.domain.calls import Call, Headers
from app.domain.chat_sessions import FIELD
from app.domain.errors import GatewayError
from app.domain.ids import new_id
from app.services import shadow_queue
from app.services.shadow_queue import Asked

SECONDS = 120.0  # one that takes longer is ended: others wait
UNSAID = frozenset(
    {"authorization", "x-api-key", "cookie", "idempotency-key", "x-kagu-request-id", "x-cache"}
)


@dataclass(frozen=True, slots=True)
class Unkeyed:
    """The headers of a call without its key, and without what is meant to be done only once."""

    headers: Headers

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, default: str, /) -> str: ...
    def get(self, key: str, default: str | None = None, /) -> str | None:
        """Return a header."""
        found = None if key.lower() in UNSAID else self.headers.get(key)
        return default if found is None else found


def register() -> None:
    """Have calls carried that are to be asked in shadow."""
    shadow_queue.queue.carry = carry


def carry(asked: Asked) -> None:
    """Carry a call in shadow to its end; its record says what became of it."""
    call = shadow_of(asked)
    unregister = lifecycle.register(call.cancellation)
    deadline = gevent.spawn_later(SECONDS, call.cancellation.cancel, "deadline")
    try:
        for _ in pipeline.run(call):
            pass
    except GatewayError:
        pass
    finally:
        deadline.kill(block=False)
        unregister()


def shadow_of(asked: Asked) -> Call:
    """Return the call that asks the same of the new version: without session, limits, cache and plugins."""
    first, shadowed = asked.call, asked.shadowed
    body = parse_object(first.raw_body)
    raw = encoded({name: value for name, value in body.items() if name not in (FIELD, "plugins")})
    return Call(
        surface=first.surface,
        dialect=first.dialect,
        read_body=lambda: raw,
        request_id=new_id(),
        headers=Unkeyed(first.headers),
        project_id=first.project_id,
        slug=first.slug,
        slug_field=first.slug_field,
        scope=first.scope,
        by_policy=first.by_policy,
        names_model=first.names_model,
        operation=first.operation,
        client_address=first.client_address,
        version=asked.version,
        shadowed=shadowed,
    )
