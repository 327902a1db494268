"""A request's body as an OpenAI chat body, whatever the dialect of its route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.domain.calls import Call
from app.domain.responses import request as responses

Json = dict[str, Any]
READERS: dict[str, Callable[[Json], Json]] = {"responses": responses.chat_body}


def of(call: Call) -> Json:
    """Return the chat body that the call's body stands for; InvalidRequest where it says nothing clear."""
    read = READERS.get(call.dialect)
    return read(call.body) if read else call.body
