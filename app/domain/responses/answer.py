"""The `response` object: what was asked, what came, and how much it used."""

from __future__ import annotations

import time
from typing import Any

from app.domain.calls import Usage
from app.domain.chat import choices_of
from app.domain.records import Record
from app.domain.responses.thoughts import blocks_in, sealed
from app.domain.responses.tools import custom_input, custom_names

Json = dict[str, Any]
ENDINGS = {"length": "max_output_tokens", "content_filter": "content_filter"}
# What clients' types want to read back from the request, and what stands there when it was not sent.
ECHOED: Json = {
    "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "parallel_tool_calls": True,
    "previous_response_id": None, "prompt_cache_key": None, "safety_identifier": None, "temperature": 1.0,
    "tool_choice": "auto", "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "user": None,
    "presence_penalty": 0.0, "frequency_penalty": 0.0,
}  # fmt: skip
TOOL_FIELDS: Json = {"description": None, "parameters": None, "strict": None}


def whole(completion: Json, record: Record) -> Json:
    """Return the response that a whole completion amounts to."""
    choice = next(iter(choices_of(completion)), {})
    reason = choice.get("finish_reason")
    message = choice.get("message")
    parts = Parts(record)
    output = parts.output(message if isinstance(message, dict) else {}, logprobs_of(choice))
    if ending(reason)["status"] == "incomplete" and output and "status" in output[-1]:
        output[-1]["status"] = "incomplete"
    tier = completion.get("service_tier")
    return ended(record, reason, output) | ({"service_tier": tier} if tier else {})


def ended(record: Record, reason: Any, output: list[Json]) -> Json:
    """Return a response that came to its end."""
    return envelope(record) | {**ending(reason), "output": output, "usage": usage(record.usage or Usage())}


def ending(reason: Any) -> Json:
    """Return status and details of an answer that ended for this reason."""
    why = ENDINGS.get(reason)
    if why is not None:
        return {"status": "incomplete", "incomplete_details": {"reason": why}}
    return {"status": "completed", "completed_at": int(time.time())}


def envelope(record: Record) -> Json:
    """Return a response that has only begun."""
    body = record.call.body
    told = {name: default if body.get(name) is None else body[name] for name, default in ECHOED.items()}
    reasoning, text = (body.get(name) or {} for name in ("reasoning", "text"))
    tools = [one for one in body.get("tools") or [] if isinstance(one, dict)]
    return {
        "id": f"resp_{plain_id(record)}",
        "object": "response",
        "created_at": int(record.created_at.timestamp()),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "metadata": body.get("metadata") or {},
        "model": record.model_told or (record.target.requested if record.target else ""),
        "output": [],
        "reasoning": {"effort": None, "summary": None, **reasoning},
        "service_tier": body.get("service_tier") or "default",
        "store": False,
        "text": {"format": {"type": "text"}, **text},
        "tools": [TOOL_FIELDS | one if one.get("type") == "function" else one for one in tools],
        "usage": None,
        **told,
    }


def plain_id(record: Record) -> str:
    """Return our id of the request without its dashes."""
    return record.call.request_id.replace("-", "")


def usage(used: Usage) -> Json:
    """Return the usage object of responses."""
    cached = {"cached_tokens": used.cache_read_tokens, "cache_write_tokens": used.cache_write_tokens}
    return {
        "input_tokens": used.input_tokens,
        "input_tokens_details": cached,
        "output_tokens": used.output_tokens,
        "output_tokens_details": {"reasoning_tokens": used.reasoning_tokens},
        "total_tokens": used.input_tokens + used.output_tokens,
    }


class Parts:
    """Makes the items of one response. `summarizes`: the client asked for reasoning in its short form."""

    def __init__(self, record: Record) -> None:
        body = record.call.body
        reasoning = body.get("reasoning")
        self.customs = custom_names(body)
        self.summarizes = isinstance(reasoning, dict) and reasoning.get("summary") is not None
        self._id = plain_id(record)

    def output(self, message: Json, logprobs: list[Any]) -> list[Json]:
        """Return the items of a whole message: reasoning, text, tool calls."""
        items: list[Json] = []
        thought, blocks = text_in(message, "reasoning_content"), blocks_in(message.get("thinking_blocks"))
        if thought or blocks:
            items.append(self.reasoning(len(items), thought, blocks))
        calls = [call for call in message.get("tool_calls") or [] if isinstance(call, dict)]
        content = [text_part(text_in(message, "content"), logprobs, cited(message))]
        if refusal := text_in(message, "refusal"):
            content = [part for part in content if part["text"]] + [refusal_part(refusal)]
        if refusal or content[0]["text"] or not calls:
            items.append(self.message(len(items), content))
        for call in calls:
            items.append(self.call(len(items), call, "completed"))
        return items

    def reasoning(self, index: int, text: str, blocks: list[Json]) -> Json:
        """Return a reasoning item; the blocks are what the provider wants to have back."""
        item: Json = {"id": self.id_of("rs", index), "type": "reasoning", "summary": []}
        if blocks:
            item["encrypted_content"] = sealed(blocks)
        if not text:
            return item
        if self.summarizes:
            return item | {"summary": [{"type": "summary_text", "text": text}]}
        return item | {"content": [{"type": "reasoning_text", "text": text}]}

    def message(self, index: int, content: list[Json], status: str = "completed") -> Json:
        """Return a message."""
        head = {"id": self.id_of("msg", index), "type": "message", "role": "assistant"}
        return {**head, "status": status, "content": content}

    def call(self, index: int, call: Json, status: str) -> Json:
        """Return a tool call, of a function or of a tool that takes plain text."""
        function = call.get("function") if isinstance(call.get("function"), dict) else {}
        name, arguments = text_in(function, "name"), text_in(function, "arguments")
        shared = {"call_id": text_in(call, "id") or self.id_of("call", index), "name": name, "status": status}
        if name in self.customs:
            text = custom_input(arguments) if arguments else ""
            return {"id": self.id_of("ctc", index), "type": "custom_tool_call", **shared, "input": text}
        return {"id": self.id_of("fc", index), "type": "function_call", **shared, "arguments": arguments}

    def id_of(self, kind: str, index: int) -> str:
        """Return the id of the item at this place."""
        return f"{kind}_{self._id}{index:02x}"


def text_part(text: str, logprobs: list[Any], annotations: list[Json]) -> Json:
    """Return a piece of text of a message."""
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs}


def refusal_part(text: str) -> Json:
    """Return a refusal in the model's own words."""
    return {"type": "refusal", "refusal": text}


def text_in(value: Any, name: str) -> str:
    """Return a text, empty when it is something else."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def logprobs_of(choice: Json) -> list[Any]:
    """Return the probabilities of the tokens in a choice or in a piece of it."""
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return content if isinstance(content, list) else []


def cited(message: Json) -> list[Json]:
    """Return the sources that a message cites, flat as responses have them."""
    given = message.get("annotations")
    found = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    sources = [one.get("url_citation") for one in found if one.get("type") == "url_citation"]
    return [{"type": "url_citation", **one} for one in sources if isinstance(one, dict)]
