"""How much and how long a client may take."""

from __future__ import annotations

IDLE_SECONDS = 75.0  # gunicorn's own setting `keepalive` wins
HEAD_SECONDS = 10.0  # from a head's first byte to its last
BODY_SECONDS = 30.0  # from the first wait for a body to its last byte
WRITE_SECONDS = 30.0  # without a byte taken
LINGER_SECONDS = 5.0  # for a client to read an answer that came before it had sent everything
LINGER_BYTES = 64 * 1024 * 1024
LAST_REQUEST_SECONDS = 1.0  # while shutting down: a request that is just arriving still gets its answer
RECEIVE_BYTES = 65_536
MOST_HEAD_BYTES = 65_536
MOST_WHOLE_BODY_BYTES = 1024 * 1024  # up to which a body is gathered before the app asks for it
MOST_CHUNK_OVERHEAD = 65_536  # bytes of a chunked body beside its content and its chunks' sizes
NEVER = float("inf")


class HeadLimits:
    """The limits of a request's head, from gunicorn's settings of the same names."""

    __slots__ = ("field_bytes", "fields", "line_bytes")

    def __init__(self, line_bytes: int, fields: int, field_bytes: int) -> None:
        self.line_bytes = line_bytes
        self.fields = fields
        self.field_bytes = field_bytes
