"""A tenant whose plugins have scripted backends, all on the upstream's server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.actors import SYSTEM
from app.plugins import code_exec
from app.services import plugin_settings
from tests.gateway.passthrough_world import Proxy
from tests.upstream_replies import SSE, USAGE, Reply, data, json_reply, openai_chunk

SEARCH = "GET /search?q=What%20is%20Sluice%3F&format=json"
PAGES = {
    "results": [
        {"title": "Sluice", "url": "https://sluice.example/", "content": "A gateway for language models."},
        {"title": "Weirs", "url": "https://weirs.example/", "content": "Water and gates."},
    ]
}
URL = "/v1/chat/completions"
MODEL = "openai/up-model"
ASK = [{"role": "user", "content": "What is Sluice?"}]
URL_OF_A_STRANGER = "https://127.0.0.1"
CODE = {"code": "print(6 * 7)"}
IMAGE_OPTIONS = {"usd_per_image": "0.04", "most_images": 1}


def set_up(proxy: Proxy, plugin: str, **options: Any) -> None:
    """Switch a plugin on, with the upstream's server as its backend where it needs one."""
    url = proxy.upstream.url if plugin in ("web-search", "gutenberg", "image-gen") else None
    plugin_settings.set_up(SYSTEM, proxy.tenant.workspace.id, plugin, {"url": url, "options": options})


def calling(
    name: str,
    arguments: dict[str, Any],
    *,
    others: Sequence[tuple[str, dict[str, Any]]] = (),
    stream: bool = False,
    text: str = "",
    usage: Any = USAGE,
) -> Reply:
    """Return an answer that calls a tool, and others after it."""
    calls = [
        {"id": f"call_{number}", "type": "function", "function": {"name": n, "arguments": json.dumps(given)}}
        for number, (n, given) in enumerate([(name, arguments), *others], 1)
    ]
    if stream:
        return streamed(calls, text, usage)
    message = {"role": "assistant", "content": text or None, "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "up-model"}
    return json_reply({**whole, "choices": [choice], "usage": usage})


def streamed(calls: list[dict[str, Any]], text: str, usage: Any) -> Reply:
    """Return the calls in pieces, as OpenAI streams them."""
    events = [openai_chunk({"role": "assistant", "content": text or None})]
    for index, call in enumerate(calls):
        function = call["function"]
        begun = {**call, "index": index, "function": {"name": function["name"], "arguments": ""}}
        events.append(openai_chunk({"tool_calls": [begun]}))
        for piece in (function["arguments"][:5], function["arguments"][5:]):
            events.append(openai_chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
    events += [openai_chunk({}, "tool_calls"), openai_chunk({}, choices=[], usage=usage)]
    return Reply([*map(data, events), data("[DONE]")], headers=SSE)


def stream_events(response: TestResponse) -> list[dict[str, Any]]:
    """Return the data of a stream's events."""
    lines = response.get_data(as_text=True).split("\n\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def ask(proxy: Proxy, *plugins: Any, **fields: Any) -> Any:
    """Ask the model with these plugins."""
    return proxy.post(URL, {"model": MODEL, "messages": ASK, "plugins": list(plugins), **fields})


def asked_models(proxy: Proxy) -> list[dict[str, Any]]:
    """Return the bodies that reached the model."""
    return [r.json for r in proxy.upstream.requests if r.path.endswith("/chat/completions")]


def fake_sandbox(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have every program print 42; return the programs that were run."""
    programs: list[str] = []

    def run(code: str, seconds: int, cancellation: Any) -> str:
        programs.append(code)
        return "42"

    monkeypatch.setattr(code_exec.runner, "allowed", True)
    monkeypatch.setattr(code_exec, "run", run)
    return programs
