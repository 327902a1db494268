"""Prompt apply: the endpoint's prompt, user template and settings onto the caller's messages (P3, P11)."""

from __future__ import annotations

import re
from typing import Any

from app.domain import chat_sessions
from app.domain.calls import Call
from app.domain.endpoints import EndpointConfig
from app.domain.errors import InvalidInput
from app.domain.wishes import OWN_FIELDS

PLACE = re.compile(r"\{\{\s*input\s*\}\}")
MOST_MESSAGES = 2_000
SET_BY_US = frozenset({"model", "messages", "stream", "stream_options"}) | OWN_FIELDS
ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def request_for(config: EndpointConfig, call: Call) -> dict[str, Any]:
    """Return the OpenAI chat body to send upstream, without model and stream, which the adapter sets."""
    if call.surface == "endpoints" and call.repeats is None:
        chat_sessions.resumed_id(config.session, call.body)
    messages = apply(config, client_messages(call))
    if call.dialect == "native":
        return {**settings(config), "messages": messages}
    body = call.chat or call.body
    left_out = SET_BY_US | {chat_sessions.FIELD} if call.surface == "endpoints" else SET_BY_US
    own = {name: value for name, value in body.items() if name not in left_out and value is not None}
    pinned = settings(config)
    if "max_completion_tokens" in own:
        pinned.pop("max_tokens", None)
    return {**pinned, **own, **output_limits(config, own), "messages": messages}


def client_messages(call: Call) -> list[dict[str, Any]]:
    """Return the messages that the client sends in this turn; raise InvalidInput where they are none."""
    if call.dialect == "native":
        return read_messages(call.body)
    return check_messages((call.chat or call.body).get("messages"))


def adds_something(config: EndpointConfig) -> bool:
    """Say whether the settings change what the client sends, so that its own body will not do."""
    return bool(config.prompt or config.user_prompt_template or settings(config))


def output_limits(config: EndpointConfig, own: dict[str, Any]) -> dict[str, Any]:
    """Return the caller's limits on output tokens, lowered to the endpoint's; names are kept as sent."""
    limits = {}
    for name in ("max_completion_tokens", "max_tokens"):
        asked = own.get(name)
        if asked is None:
            continue
        if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
            raise InvalidInput(f"'{name}' must be a whole number of at least 1.", param=name)
        limits[name] = min(asked, config.max_output_tokens or asked)
    return limits


def read_messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a native body: `message` or `messages`, never both nor neither (O12)."""
    message, messages = body.get("message"), body.get("messages")
    if (message is None) == (messages is None):
        raise InvalidInput("Send either 'message' (text) or 'messages' (a list), not both.", param="message")
    if messages is None:
        if not isinstance(message, str) or not message.strip():
            raise InvalidInput("'message' must be a text that is not empty.", param="message")
        return [{"role": "user", "content": message}]
    return check_messages(messages)


def check_messages(messages: Any) -> list[dict[str, Any]]:
    """Return `messages` if it is a non-empty list of messages with a known role and content."""
    if not isinstance(messages, list) or not 0 < len(messages) <= MOST_MESSAGES:
        raise InvalidInput("'messages' must be a list with at least one message.", param="messages")
    for index, message in enumerate(messages):
        check_message(message, f"messages[{index}]")
    return messages


def check_message(message: Any, path: str) -> None:
    """Raise InvalidInput unless `message` has a known role and text, parts or tool calls."""
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise InvalidInput(f"'{path}.role' must be one of: {', '.join(sorted(ROLES))}.", param=path)
    content = message.get("content")
    if content is None and message["role"] == "assistant":
        return
    is_parts = isinstance(content, list) and all(isinstance(part, dict) for part in content)
    if not isinstance(content, str) and not is_parts:
        raise InvalidInput(f"'{path}.content' must be a text or a list of parts.", param=path)


def apply(config: EndpointConfig, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages to send: the endpoint's prompt first, the last user text in its template."""
    shaped = render_last_user(config.user_prompt_template, messages)
    return [{"role": "system", "content": config.prompt}, *shaped] if config.prompt else shaped


def render_last_user(template: str, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the last user message's text in place of `{{input}}`; images and other parts stay."""
    last = next((i for i in range(len(messages) - 1, -1, -1) if messages[i]["role"] == "user"), None)
    if not template or last is None:
        return messages
    message = messages[last]
    rendered = {**message, "content": render_content(template, message["content"])}
    return [*messages[:last], rendered, *messages[last + 1 :]]


def render_content(template: str, content: str | list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Fill the template with a content's text. The value is never expanded again (F7)."""
    if isinstance(content, str):
        return PLACE.sub(lambda _: content, template)
    text = "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
    others = [part for part in content if part.get("type") != "text"]
    return [{"type": "text", "text": PLACE.sub(lambda _: text, template)}, *others]


def settings(config: EndpointConfig) -> dict[str, Any]:
    """Return the sampling settings that the endpoint pins, in OpenAI's names."""
    pinned = {
        "temperature": config.temperature,
        "top_p": config.top_p,
        "max_tokens": config.max_output_tokens,
    }
    return {name: value for name, value in pinned.items() if value is not None}
