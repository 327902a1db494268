"""What an upstream answers on the responses and embeddings routes."""

from __future__ import annotations

from typing import Any

from tests.upstream_replies import SSE, Reply, event, json_reply

RESPONSE_USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 8},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 29,
}


def response(text: str = "Hello there", status: str = "completed", **fields: Any) -> dict[str, Any]:
    """Return a response object."""
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": [part]}
    base = {"id": "resp_1", "object": "response", "created_at": 1700000000, "model": "up-model"}
    rest = {"status": status, "error": None, "output": [message], "usage": RESPONSE_USAGE}
    settings = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return base | rest | settings | fields


def response_reply(**fields: Any) -> Reply:
    """Return a buffered response."""
    return json_reply(response(**fields))


def response_events(*words: str, last: str = "completed", **fields: Any) -> list[bytes]:
    """Return the events of a streamed response; `last` names how it ends, empty for a cut."""
    begun = response(status="in_progress", output=[], usage=None)
    found = [event({"type": "response.created", "sequence_number": 0, "response": begun})]
    for number, word in enumerate(words):
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "sequence_number": number + 1}
        found.append(event({"type": "response.output_text.delta", "delta": word, "logprobs": [], **place}))
    if last:
        whole = response("".join(words), last, **fields)
        found.append(event({"type": f"response.{last}", "sequence_number": 99, "response": whole}))
    return found


def response_stream(*words: str, **options: Any) -> Reply:
    """Return a streamed response."""
    return Reply(list(response_events(*words, **options)), headers=SSE)


def embeddings_reply() -> Reply:
    """Return one embedding."""
    data = [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    return json_reply({"object": "list", "data": data, "model": "up-embed", "usage": usage})
