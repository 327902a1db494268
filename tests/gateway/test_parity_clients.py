"""Stock clients get through the gateway what they get from the provider itself, in either dialect."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic as anthropic_sdk
import httpx2
import openai as openai_sdk
import pytest
from flask import Flask
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

from app import egress
from app.domain.actors import SYSTEM
from app.services import credentials, projects, providers
from tests.simulator import command, simulating
from tests.world import Tenant, World

pytestmark = pytest.mark.skipif(
    command() is None and "CI" not in os.environ, reason="bin/test installs the simulator"
)
USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 5,
    "total_tokens": 16,
    "input_tokens": 11,
    "output_tokens": 5,
}
OSLO, ZURICH = '{"city":"Oslo"}', '{"city":"Zürich \\"1\\" ☃","days":3,"exact":true,"near":[1,2.5,null]}'
CALLS = [
    {"id": "call_a", "name": "weather", "arguments": ZURICH},
    {"id": "call_b", "name": "weather", "arguments": OSLO},
]
ANSWERS: dict[str, dict[str, Any]] = {
    "say hello": {"content": "Hello there, ☃ friend: data: [DONE]\n\nend.", "usage": USAGE},
    "use tools": {"content": "Let me look.", "toolCalls": CALLS, "usage": USAGE},
    "only a tool": {"toolCalls": [{"id": "call_c", "name": "now", "arguments": "{}"}], "usage": USAGE},
    "think first": {"content": "42.", "reasoning": "Hm, hm.", "reasoningSignature": "sig", "usage": USAGE},
    "go on long": {"content": "And so", "finishReason": "length", "usage": USAGE},
    "all wrong": {
        "error": {"message": "Too long.", "type": "invalid_request_error", "code": "context_length_exceeded"},
        "status": 400,
    },
    "nobody home": {"error": {"message": "No such model.", "type": "not_found_error"}, "status": 404},
    "break down": {"error": {"message": "Oops.", "type": "api_error"}, "status": 500},
    "too busy": {"error": {"message": "Busy.", "type": "overloaded_error"}, "status": 529},
    # last, for who asks to be left alone is left alone
    "too fast": {"error": {"message": "Slow down.", "type": "rate_limit"}, "status": 429, "retryAfter": 7},
}  # fmt: skip
GOOD = [asked for asked, said in ANSWERS.items() if "error" not in said]
BAD = [asked for asked, said in ANSWERS.items() if "error" in said]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": CITY}} for name in ("weather", "now")]
GPT, CLAUDE = "gpt-4o-mini", "claude-haiku-4-5"


@dataclass(frozen=True, slots=True)
class Sides:
    """The simulator's port, and a client that reaches the gateway without a socket."""

    port: int
    http: httpx2.Client
    key: str
    closing: ExitStack

    def openai(self, *, direct: bool) -> openai_sdk.OpenAI:
        """Return OpenAI's client, straight to the provider or through the gateway."""
        url = f"http://127.0.0.1:{self.port}/v1" if direct else "http://gateway/v1"
        http = None if direct else self.http
        client = openai_sdk.OpenAI(base_url=url, api_key=self.key, http_client=http, max_retries=0)
        return self.closing.enter_context(client)

    def anthropic(self, *, direct: bool) -> anthropic_sdk.Anthropic:
        """Return Anthropic's client, straight to the provider or through the gateway."""
        url = f"http://127.0.0.1:{self.port}" if direct else "http://gateway"
        http = None if direct else self.http
        client = anthropic_sdk.Anthropic(base_url=url, api_key=self.key, http_client=http, max_retries=0)
        return self.closing.enter_context(client)


@pytest.fixture
def sides(app: Flask, world: World, tmp_path: Path) -> Iterator[Sides]:
    with ExitStack() as stack, simulating(tmp_path, ANSWERS) as port:
        egress.configure(private_upstreams=frozenset({("127.0.0.1", port)}))
        sell(world.acme, port)
        http = stack.enter_context(httpx2.Client(transport=httpx2.WSGITransport(app=app)))
        yield Sides(port, http, world.acme.secret, stack)


def sell(tenant: Tenant, port: int) -> None:
    """Let the project's proxy reach the simulator in both dialects."""
    projects.update(SYSTEM, tenant.workspace.id, tenant.project.id, {"surfaces": ["endpoints", "proxy"]})
    for dialect, path in (("openai", "/v1"), ("anthropic", "")):
        values = {"slug": dialect, "dialect": dialect, "base_url": f"http://127.0.0.1:{port}{path}"}
        provider = providers.create(SYSTEM, tenant.workspace.id, values)
        secret = {"name": "key", "secret": "sk-upstream-secret-0001"}
        credentials.create(SYSTEM, tenant.workspace.id, provider.id, secret)


def told(ask: Callable[[], Any]) -> Any:
    """Return what a call gives, or how it fails."""
    try:
        return ask()
    except (openai_sdk.APIStatusError, anthropic_sdk.APIStatusError) as error:
        return type(error).__name__, error.status_code, error.response.headers.get("retry-after")
    except openai_sdk.LengthFinishReasonError as error:
        return type(error).__name__, error.completion.choices[0].message.content


def chat(client: openai_sdk.OpenAI, model: str, asked: str, *, stream: bool) -> Any:
    """Ask with OpenAI's client; return the content, the tool calls, why it ended, and the usage."""
    body: Any = {"model": model, "messages": [{"role": "user", "content": asked}], "tools": TOOLS}
    if stream:
        with client.chat.completions.stream(**body, stream_options={"include_usage": True}) as events:
            whole: Any = events.get_final_completion()
    else:
        whole = client.chat.completions.create(**body)
    [choice] = whole.choices
    calls = [(one.id, one.function.name, one.function.arguments) for one in choice.message.tool_calls or []]
    usage = whole.usage.prompt_tokens, whole.usage.completion_tokens, whole.usage.total_tokens
    thoughts = getattr(choice.message, "reasoning_content", None)
    return choice.message.content or "", calls, choice.finish_reason, usage, thoughts


def message(client: anthropic_sdk.Anthropic, model: str, asked: str, *, stream: bool) -> Any:
    """Ask with Anthropic's client; return the blocks, why it ended, and the usage."""
    tools = [{"name": one["function"]["name"], "input_schema": CITY} for one in TOOLS]  # type: ignore[index]
    body: Any = {
        "model": model,
        "max_tokens": 99,
        "messages": [{"role": "user", "content": asked}],
        "tools": tools,
    }
    if stream:
        with client.messages.stream(**body) as events:
            whole = events.get_final_message()
    else:
        whole = client.messages.create(**body)
    names = ("type", "text", "thinking", "signature", "id", "name", "input")
    blocks = [[getattr(block, name, None) for name in names] for block in whole.content]
    return blocks, whole.stop_reason, (whole.usage.input_tokens, whole.usage.output_tokens)


@pytest.mark.parametrize("stream", [False, True])
def test_openais_client(sides: Sides, stream: bool) -> None:
    direct, through = sides.openai(direct=True), sides.openai(direct=False)
    for asked in ANSWERS:
        expected = told(lambda asked=asked: chat(direct, GPT, asked, stream=stream))
        assert told(lambda asked=asked: chat(through, f"openai/{GPT}", asked, stream=stream)) == expected, (
            asked
        )
        found = told(lambda asked=asked: chat(through, f"anthropic/{CLAUDE}", asked, stream=stream))
        assert found == expected, f"translated: {asked}"


@pytest.mark.parametrize("stream", [False, True])
def test_anthropics_client(sides: Sides, stream: bool) -> None:
    direct, through = sides.anthropic(direct=True), sides.anthropic(direct=False)
    for asked in ANSWERS:
        expected = told(lambda asked=asked: message(direct, CLAUDE, asked, stream=stream))
        assert told(lambda asked=asked: message(through, CLAUDE, asked, stream=stream)) == expected, asked
        found = told(lambda asked=asked: message(through, f"openai/{GPT}", asked, stream=stream))
        if asked == "think first":  # thoughts of other models have no signature
            found[0][0][3] = "sig"
        assert found == expected, f"translated: {asked}"


def test_langchains_client(sides: Sides) -> None:
    def llm(*, direct: bool) -> Any:
        url = f"http://127.0.0.1:{sides.port}/v1" if direct else "http://gateway/v1"
        options: Any = {} if direct else {"http_client": sides.http}
        model = GPT if direct else f"openai/{GPT}"
        client = ChatOpenAI(
            base_url=url, api_key=sides.key, model=model, max_retries=0, stream_usage=True, **options
        )
        return client.bind_tools(TOOLS)

    direct, through = llm(direct=True), llm(direct=False)
    for asked in GOOD:
        words = [SystemMessage(content="Be brief."), HumanMessage(content=asked)]
        whole, other = direct.invoke(words), through.invoke(words)
        assert (other.content, other.tool_calls) == (whole.content, whole.tool_calls), asked
        counts = ("input_tokens", "output_tokens", "total_tokens")
        assert [other.usage_metadata[n] for n in counts] == [whole.usage_metadata[n] for n in counts]
        reason = "finish_reason"
        assert other.response_metadata[reason] == whole.response_metadata[reason]
        pieces, others = list(direct.stream(words)), list(through.stream(words))
        assert "".join(one.text for one in others) == "".join(one.text for one in pieces) == whole.text
        whole, other = sum(pieces[1:], pieces[0]), sum(others[1:], others[0])
        assert other.tool_calls == whole.tool_calls
        assert [other.usage_metadata[n] for n in counts] == [whole.usage_metadata[n] for n in counts]
    for asked in BAD:
        assert told(lambda asked=asked: through.invoke(asked)) == told(
            lambda asked=asked: direct.invoke(asked)
        )
