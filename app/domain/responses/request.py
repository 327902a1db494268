"""Responses bodies as chat bodies: what is the same keeps its name, the rest is translated or refused."""

from __future__ import annotations

from typing import Any

from app.domain.errors import InvalidRequest
from app.domain.responses.items import messages_of
from app.domain.responses.tools import plugins_of, tool_choice, tools_of

Json = dict[str, Any]
LOGPROBS = "message.output_text.logprobs"
# Fields that chat does not have; `n` and `messages` are none of this dialect.
LEFT_OUT = frozenset(
    {
        "input", "instructions", "tools", "tool_choice", "max_output_tokens", "text", "reasoning", "metadata",
        "store", "include", "truncation", "max_tool_calls", "stream_options", "messages",
        "previous_response_id", "conversation", "background", "prompt", "n", "context_management", "generate",
        "moderation", "prompt_cache_options", "parallel_tool_calls",
    }
)  # fmt: skip
REFUSED = {
    "previous_response_id": "This gateway stores no responses: send the earlier turns again in 'input',"
    " instead of 'previous_response_id'.",
    "conversation": "This gateway stores no conversations: send the earlier turns in 'input'.",
    "background": "This gateway answers at once: leave 'background' out, or set it to false.",
    "compare": "Compare models at /v1/chat/completions.",
    "prompt": "Prompts stored at OpenAI cannot be used here: send the text itself in 'instructions'.",
}


def chat_body(body: Json) -> Json:
    """Return the chat body that a Responses body stands for; InvalidRequest for what has no counterpart."""
    for name, text in REFUSED.items():
        if body.get(name):
            raise InvalidRequest(text, param=name)
    chat = {name: value for name, value in body.items() if name not in LEFT_OUT and value is not None}
    chat["messages"] = [*instructions(body), *messages_of(body.get("input"))]
    chat.update(tool_fields(body), **text_fields(body), **reasoning_fields(body), **logprob_fields(body))
    limit = body.get("max_output_tokens")
    if limit is not None:
        if type(limit) is not int or limit < 1:
            text = "'max_output_tokens' must be a whole number of at least 1."
            raise InvalidRequest(text, param="max_output_tokens")
        chat["max_tokens"] = limit
    return chat


def instructions(body: Json) -> list[Json]:
    """Return the system message, if there is one."""
    given = body.get("instructions")
    if given is None or given == "":
        return []
    if not isinstance(given, str):
        raise InvalidRequest("'instructions' must be a text.", param="instructions")
    return [{"role": "system", "content": given}]


def tool_fields(body: Json) -> Json:
    """Return the tools and which of them may be used."""
    plugins, asked = plugins_of(body), body.get("plugins")
    added = {"plugins": [*(asked if isinstance(asked, list) else ()), *plugins]} if plugins else {}
    fields = {
        "tools": tools_of(body),
        "tool_choice": tool_choice(body.get("tool_choice")),
        "parallel_tool_calls": body.get("parallel_tool_calls"),
    }
    if not fields["tools"]:
        return added
    return added | {name: value for name, value in fields.items() if value is not None}


def text_fields(body: Json) -> Json:
    """Return in which form the answer is wanted, and how wordy."""
    wanted = object_of(body, "text")
    found: Json = {} if wanted.get("verbosity") is None else {"verbosity": wanted["verbosity"]}
    format = object_of(wanted, "format", "text.format")
    kind = format.get("type", "text")
    if kind == "json_object":
        found["response_format"] = {"type": kind}
    elif kind == "json_schema":
        names = ("name", "description", "schema", "strict")
        schema = {name: format[name] for name in names if format.get(name) is not None}
        found["response_format"] = {"type": kind, "json_schema": schema}
    elif kind != "text":
        raise InvalidRequest("It must be text, json_object or json_schema.", param="text.format.type")
    return found


def reasoning_fields(body: Json) -> Json:
    """Return how long the model may think."""
    effort = object_of(body, "reasoning").get("effort")
    return {} if effort is None else {"reasoning_effort": effort}


def logprob_fields(body: Json) -> Json:
    """Return whether the answer's tokens come with their probabilities."""
    include = body.get("include")
    asked = bool(body.get("top_logprobs")) or (isinstance(include, list) and LOGPROBS in include)
    return {"logprobs": True} if asked else {}


def object_of(body: Json, name: str, param: str = "") -> Json:
    """Return an object of the body, empty when absent."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise InvalidRequest(f"'{param or name}' must be an object.", param=param or name)
    return value or {}
