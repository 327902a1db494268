"""A request's body as an OpenAI chat body, whatever the dialect of its route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.domain.calls import Call
from app.domain.messages import request as messages
from app.domain.responses import request as responses

Json = dict[str, Any]
READERS: dict[str, Callable[[Json], Json]] = {
    "anthropic": messages.chat_body,
    "responses": responses.chat_body,
}


def of(call: Call) -> Json:
    """Return the chat body that the call's body stands for; InvalidRequest where it says nothing clear."""
    if call.operation == "count_tokens":
        return messages.counted_body(call.body)
    read = READERS.get(call.dialect)
    return read(call.body) if read else call.body
