"""Prompt apply: the endpoint's prompt, user template and settings onto the caller's messages (P3, P11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.domain import chat_sessions, endpoint_schemas, templates, variables
from app.domain.bodies import encoded
from app.domain.calls import Call
from app.domain.endpoints import EndpointConfig
from app.domain.errors import InvalidInput
from app.domain.templates import INPUT, Fill, names_in
from app.domain.wishes import OWN_FIELDS

MOST_MESSAGES = 2_000
EITHER = "Send either 'message' (text) or 'messages' (a list), not both."
SET_BY_US = frozenset({"model", "messages", "stream", "stream_options"}) | OWN_FIELDS
NOT_OF_AN_ENDPOINT = SET_BY_US | {chat_sessions.FIELD}
Message = dict[str, Any]
LIMITS = ("max_completion_tokens", "max_tokens")
ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def request_for(
    config: EndpointConfig, call: Call, values: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the OpenAI chat body to send upstream, without model and stream, which the adapter sets.

    `values`: of the endpoint's variables, once they are checked; before, what the client sent stands in their
    place, whatever it is.
    """
    if call.surface == "endpoints" and call.repeats is None:
        chat_sessions.resumed_id(config.session, call.body)
    if call.dialect == "native":
        say_in_text(call)
    messages = said(config, call)
    if config.prompt or config.user_prompt_template:
        is_draft = bool(config.variables) and not values
        fill = templates.draft if is_draft else templates.filled
        messages = apply(config, messages, texts_for(config, call, values), fill)
    if call.dialect == "native":
        return {**settings(config), **promised(config), "messages": messages}
    body = call.chat or call.body
    left_out = NOT_OF_AN_ENDPOINT if call.surface == "endpoints" else SET_BY_US
    own = {name: value for name, value in body.items() if name not in left_out and value is not None}
    pinned = settings(config)
    if "max_completion_tokens" in own:
        pinned.pop("max_tokens", None)
    limits = output_limits(config, own)
    return {**pinned, **own, **limits, **promised(config), "messages": messages}


def say_in_text(call: Call) -> None:
    """Let a message that is an object be its JSON text from here on: for guardrails, model and session."""
    message = call.body.get("message")
    if isinstance(message, dict | list) and message:
        call.body = {**call.body, "message": encoded(message).decode()}


def said(config: EndpointConfig, call: Call) -> list[dict[str, Any]]:
    """Return the client's messages; it may send none where variables say all that the template needs."""
    if call.dialect == "native" and lacks_message(call.body):
        template = config.user_prompt_template
        if not config.variables or not template or INPUT in names_in(template):
            raise InvalidInput(EITHER, param="message")
    return client_messages(call)


def texts_for(config: EndpointConfig, call: Call, values: Mapping[str, Any] | None) -> dict[str, str]:
    """Return what stands for each variable in the prompts."""
    if not config.variables:
        return {}
    sent = call.body.get(variables.FIELD)
    given = values or (sent if isinstance(sent, dict) else {})
    chosen = ((each.name, given.get(each.name), each.default) for each in config.variables)
    return {name: variables.as_text(default if value is None else value) for name, value, default in chosen}


def promised(config: EndpointConfig) -> dict[str, Any]:
    """Return how the model is asked for an answer that fits the endpoint's output schema."""
    schema = config.output_schema
    return {} if schema is None else {"response_format": endpoint_schemas.response_format(schema)}


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
    limits: dict[str, Any] = {}
    for name in LIMITS:
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
    if lacks_message(body) and variables.FIELD in body:
        return [{"role": "user", "content": ""}]
    if (message is None) == (messages is None):
        raise InvalidInput(EITHER, param="message")
    if messages is None:
        if not isinstance(message, str) or not message.strip():
            raise InvalidInput("'message' must be a text that is not empty.", param="message")
        return [{"role": "user", "content": message}]
    return check_messages(messages)


def lacks_message(body: Mapping[str, Any]) -> bool:
    """Say whether a native body says nothing but its variables."""
    return body.get("message") is None and body.get("messages") is None


def check_messages(messages: Any) -> list[dict[str, Any]]:
    """Return `messages` if it is a non-empty list of messages with a known role and content."""
    if not isinstance(messages, list) or not 0 < len(messages) <= MOST_MESSAGES:
        raise InvalidInput("'messages' must be a list with at least one message.", param="messages")
    for index, message in enumerate(messages):
        check_message(message, index)
    return messages


def check_message(message: Any, index: int) -> None:
    """Raise InvalidInput unless `message` has a known role and text, parts or tool calls."""
    if message.__class__ is dict and message.get("content").__class__ is str and message.get("role") in ROLES:
        return
    path = f"messages[{index}]"
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise InvalidInput(f"'{path}.role' must be one of: {', '.join(sorted(ROLES))}.", param=path)
    content = message.get("content")
    if content is None and message["role"] == "assistant":
        return
    is_parts = isinstance(content, list) and all(isinstance(part, dict) for part in content)
    if not isinstance(content, str) and not is_parts:
        raise InvalidInput(f"'{path}.content' must be a text or a list of parts.", param=path)


def apply(
    config: EndpointConfig, messages: list[Message], texts: Mapping[str, str], fill: Fill
) -> list[Message]:
    """Return the messages to send: the endpoint's prompt first, the last user text in its template."""
    template = config.user_prompt_template
    shaped = messages
    if template:
        shaped = render_last_user(messages, lambda said: fill(template, {**texts, INPUT: said}))
    prompt = fill(config.prompt, texts) if texts else config.prompt
    return [{"role": "system", "content": prompt}, *shaped] if config.prompt else shaped


def render_last_user(messages: list[Message], render: Callable[[str], str]) -> list[Message]:
    """Put the last user message's text into the template; images and other parts stay."""
    last = next((i for i in range(len(messages) - 1, -1, -1) if messages[i]["role"] == "user"), None)
    if last is None:
        return messages
    message = messages[last]
    rendered = {**message, "content": render_content(message["content"], render)}
    return [*messages[:last], rendered, *messages[last + 1 :]]


def render_content(
    content: str | list[dict[str, Any]], render: Callable[[str], str]
) -> str | list[dict[str, Any]]:
    """Fill the template with a content's text. The value is never expanded again (F7)."""
    if isinstance(content, str):
        return render(content)
    text = "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
    others = [part for part in content if part.get("type") != "text"]
    return [{"type": "text", "text": render(text)}, *others]


def settings(config: EndpointConfig) -> dict[str, Any]:
    """Return the sampling settings that the endpoint pins, in OpenAI's names."""
    pinned: dict[str, Any] = {}
    if config.temperature is not None:
        pinned["temperature"] = config.temperature
    if config.top_p is not None:
        pinned["top_p"] = config.top_p
    if config.max_output_tokens is not None:
        pinned["max_tokens"] = config.max_output_tokens
    return pinned
