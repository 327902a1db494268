"""What a forwarded call may be: paths per dialect, headers both ways, and the one change to its body (O3)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from app.domain.calls import Call, Headers

CHAT, RESPONSES, EMBEDDINGS = "chat", "responses", "embeddings"
MESSAGES, COUNT_TOKENS, MODELS = "messages", "count_tokens", "models"
PATHS = {
    "openai": {"chat/completions": CHAT, "responses": RESPONSES, "embeddings": EMBEDDINGS, "models": MODELS},
    "anthropic": {"messages": MESSAGES, "messages/count_tokens": COUNT_TOKENS, "models": MODELS},
    "demo": {"chat/completions": CHAT, "models": MODELS},
}
MODEL_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:@+/-]{0,198}[A-Za-z0-9])?")
ANTHROPIC_VERSION = "2023-06-01"  # for clients that name none
SENT_ON = ("accept", "openai-beta", "anthropic-version", "anthropic-beta")
HANDED_BACK = ("openai-processing-ms", "openai-version", "request-id", "retry-after", "retry-after-ms")
HEADER_TEXT = re.compile(r"[\x20-\x7e]{1,2000}")
QUERY_NAMES = ("after", "after_id", "before_id", "beta", "limit", "order")
CONTENT_TYPES = ("application/json", "text/event-stream")


@dataclass(frozen=True, slots=True)
class Route:
    """One path of a provider. `model`: a single model of its list is asked for."""

    operation: str
    path: str
    model: str = ""

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "GET" if self.operation == MODELS else "POST"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to the provider. `hides_usage`: the client did not ask for the usage chunk."""

    route: Route
    query: str
    headers: dict[str, str]
    body: bytes | None = field(default=None, repr=False)
    hides_usage: bool = False


def route_of(path: str, dialect: str) -> Route | None:
    """Return what the path asks for at a provider of this dialect; None when it is not on the list (O18)."""
    path = path.removeprefix("v1/") if dialect == "anthropic" else path
    known = PATHS.get(dialect, {})
    if path in known:
        return Route(known[path], path)
    head, _, model = path.partition("/")
    is_one = head == "models" and MODEL_NAME.fullmatch(model) is not None and ".." not in model
    return Route(MODELS, path, model) if is_one else None


def request_of(call: Call, route: Route) -> Request:
    """Return what to send on: the body as it came, but for asking a chat stream for its usage."""
    headers = sent_headers(call.headers, call.wants_stream)
    if route.method == "GET":
        return Request(route, call.query, headers)
    hides_usage = route.operation == CHAT and call.wants_stream and not asks_for_usage(call.body)
    body = with_usage_asked(call.raw_body, call.body) if hides_usage else call.raw_body
    return Request(route, call.query, headers | {"content-type": "application/json"}, body, hides_usage)


def asks_for_usage(body: Mapping[str, Any]) -> bool:
    """Say whether the client asked for OpenAI's separate usage chunk."""
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def with_usage_asked(raw: bytes, body: Mapping[str, Any]) -> bytes:
    """Return the body with the usage asked for: put in front of it, or into the options that it has."""
    if "stream_options" not in body:
        opening = raw.index(b"{") + 1
        return raw[:opening] + b'"stream_options":{"include_usage":true},' + raw[opening:]
    options = body["stream_options"] if isinstance(body["stream_options"], dict) else {}
    return json.dumps({**body, "stream_options": {**options, "include_usage": True}}).encode()


def sent_headers(headers: Headers, stream: bool) -> dict[str, str]:
    """Return the client's headers that go on; its key, cookies and the rest stay here."""
    sent = {"accept": "text/event-stream" if stream else "application/json"}
    for name in SENT_ON:
        value = headers.get(name)
        if value is not None and HEADER_TEXT.fullmatch(value):
            sent[name] = value
    return sent


def handed_back(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the provider's headers (names in lower case) that reach the client."""
    found = {name: headers[name] for name in HANDED_BACK if HEADER_TEXT.fullmatch(headers.get(name, ""))}
    return found | {"content-type": content_type(headers.get("content-type", ""))}


def content_type(sent: str) -> str:
    """Return the content type as it came, but plain text for what a browser might run."""
    is_harmless = sent.partition(";")[0].strip().lower() in CONTENT_TYPES and HEADER_TEXT.fullmatch(sent)
    return sent if is_harmless else "text/plain; charset=utf-8"


def query_of(arguments: Mapping[str, str]) -> str:
    """Return the part of the query that goes on, with its question mark."""
    kept = [(name, arguments[name][:200]) for name in QUERY_NAMES if name in arguments]
    return "?" + urlencode(kept) if kept else ""


def url_path(route: Route) -> str:
    """Return the path for a URL."""
    return "/" + quote(route.path, safe="/:@+")


def end_user_of(body: Mapping[str, Any]) -> str | None:
    """Return the client's own name of its user, where the body gives one (200 characters at most)."""
    metadata = body.get("metadata")
    inner = metadata.get("user_id") if isinstance(metadata, dict) else None
    names = [body.get("safety_identifier"), body.get("user"), inner]
    return next((name[:200] for name in names if isinstance(name, str) and name), None)
