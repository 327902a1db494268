"""Stock clients reach the proxy by base URL alone: OpenAI's, Anthropic's, LangChain's, and the samples."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anthropic as anthropic_sdk
import openai as openai_sdk
import pytest
from flask import Flask
from flask.testing import FlaskClient
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

from tests.gateway.passthrough_replies import embeddings_reply, response_reply, response_stream
from tests.gateway.passthrough_world import BODY, make_proxy
from tests.live import Server, serving
from tests.providers_world import records
from tests.upstream import Upstream, wait_for
from tests.upstream_replies import (
    SSE,
    Cut,
    Hang,
    Reply,
    error_reply,
    openai_completion,
    openai_events,
    openai_stream,
)
from tests.world import World

WORDS = [{"role": "user", "content": "One-line proxy joke."}]

CURL = """\
curl -sS -X POST "$BASE_URL/v1/openai/chat/completions" \\
  -H "Authorization: Bearer $APP_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "gpt-4o",
    "messages": [{"role":"user","content":"Tell me a joke."}],
    "max_tokens": 50
  }'
"""

# As it was published: the header is misquoted, so its value becomes an address of its own, and curl calls the
# body a form (O11).
CURL_STREAM = """\
curl -sS -N "$BASE_URL/v1/openai/chat/completions" \\
  -H "Authorization: Bearer $APP_API_KEY" \\
  -H "Content-Type": "application/json" \\
  -H "Accept": "text/event-stream" \\
  -d '{
    "model": "gpt-4o",
    "messages": [{"role":"user","content":"Stream a tiny haiku."}],
    "stream": true
  }'
"""

PYTHON = """\
import os, requests
BASE_URL = os.getenv("BASE_URL", "http://127.0.0.1:8000")
API_KEY = os.getenv("APP_API_KEY")
url = f"{BASE_URL}/v1/openai/chat/completions"
headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
payload = {"model": "gpt-4o", "messages": [{"role":"user","content":"Tell me a joke."}]}
r = requests.post(url, headers=headers, json=payload, timeout=60)
print(r.status_code, r.json())
"""

NODE = """\
const BASE_URL = process.env.BASE_URL || "http://127.0.0.1:8000";
const API_KEY = process.env.APP_API_KEY;
const res = await fetch(`${BASE_URL}/v1/openai/chat/completions`, {
  method: "POST",
  headers: {
    Authorization: `Bearer ${API_KEY}`,
    "Content-Type": "application/json",
    "Accept": "text/event-stream",
  },
  body: JSON.stringify({
    model: "gpt-4o",
    messages: [{ role: "user", content: "Stream a tiny haiku." }],
    stream: true,
  }),
});
const decoder = new TextDecoder();
for await (const chunk of res.body) process.stdout.write(decoder.decode(chunk, { stream: true }));
"""

MISSING = [name for name in ("curl", "node") if not shutil.which(name)]


@pytest.fixture
def server(
    app: Flask,
    world: World,
    upstream: Upstream,
    client: FlaskClient,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
) -> Iterator[Server]:
    """A live server in front of the scripted upstream."""
    make_proxy(world.acme, upstream, client)
    private = f"{upstream.place[0]}:{upstream.place[1]}"
    with serving(tmp_path, database_url, redis_url, PRIVATE_UPSTREAMS=private) as running:
        yield running


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Closes the SDKs' connections."""
    with ExitStack() as stack:
        yield stack


def test_openais_client(server: Server, world: World, upstream: Upstream, clients: ExitStack) -> None:
    client: Any = clients.enter_context(
        openai_sdk.OpenAI(base_url=f"{server.url}/v1/openai", api_key=world.acme.secret, max_retries=0)
    )
    whole = client.chat.completions.create(model="gpt-x", messages=WORDS)
    assert whole.choices[0].message.content == "Hello there" and whole.usage.total_tokens == 10
    chunks = list(client.chat.completions.create(model="gpt-x", messages=WORDS, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello there"
    options = {"include_usage": True}
    asked = client.chat.completions.create(model="gpt-x", messages=WORDS, stream=True, stream_options=options)
    assert list(asked)[-1].usage.total_tokens == 10
    upstream.script("gpt-r", response_reply(), response_stream("Hello ", "again"), embeddings_reply())
    assert client.responses.create(model="gpt-r", input="Hi").output_text == "Hello there"
    events = list(client.responses.create(model="gpt-r", input="Hi", stream=True))
    assert events[-1].response.output_text == "Hello again" and events[-1].response.usage.total_tokens == 29
    assert (
        client.embeddings.create(model="gpt-r", input="Hi", encoding_format="float").usage.total_tokens == 5
    )
    assert [model.id for model in client.models.list()] == ["up-model"]
    upstream.script("gpt-x", error_reply(429, "Slow down.", Retry_After="1"))
    with pytest.raises(openai_sdk.RateLimitError, match="Slow down"):
        client.chat.completions.create(model="gpt-x", messages=WORDS)
    upstream.script("gpt-x", Reply([*openai_events("Hi", done=False), Cut], headers=SSE))
    with pytest.raises(openai_sdk.APIError):
        list(client.chat.completions.create(model="gpt-x", messages=WORDS, stream=True))
    unknown = client.with_options(base_url=f"{server.url}/v1/nobody")
    with pytest.raises(openai_sdk.NotFoundError):
        unknown.chat.completions.create(model="gpt-x", messages=WORDS)


def test_anthropics_client(server: Server, world: World, upstream: Upstream, clients: ExitStack) -> None:
    client: Any = clients.enter_context(
        anthropic_sdk.Anthropic(
            base_url=f"{server.url}/v1/anthropic", api_key=world.acme.secret, max_retries=0
        )
    )
    asked = {"model": "claude-x", "max_tokens": 50, "messages": WORDS}
    whole = client.messages.create(**asked)
    assert whole.content[0].text == "Hello there" and whole.usage.output_tokens == 3
    with client.messages.stream(**asked) as stream:
        assert "".join(stream.text_stream) == "Hello there"
        assert stream.get_final_message().usage.output_tokens == 3
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}}
    upstream.script("claude-x", Reply([str(error).replace("'", '"').encode()], 529, framing="length"))
    with pytest.raises(anthropic_sdk.APIStatusError, match="Busy"):
        client.messages.create(**asked)
    wrong = client.with_options(api_key="sk-sluice-unknown-unknown-unknown")
    with pytest.raises(anthropic_sdk.AuthenticationError, match="Invalid or revoked token"):
        wrong.messages.create(**asked)
    bearer = clients.enter_context(
        anthropic_sdk.Anthropic(
            base_url=f"{server.url}/v1/anthropic", auth_token=world.acme.secret, api_key=None, max_retries=0
        )
    )
    upstream.script("claude-x")
    assert bearer.messages.create(**asked).stop_reason == "end_turn"  # type: ignore[arg-type]


def test_langchains_client(server: Server, world: World, upstream: Upstream) -> None:
    llm = ChatOpenAI(
        base_url=f"{server.url}/v1/openai", api_key=world.acme.secret, model="gpt-4o", max_retries=0
    )  # type: ignore[call-arg,arg-type]
    messages = [SystemMessage(content="Be brief."), HumanMessage(content="One-line proxy joke.")]
    assert llm.invoke(messages).content == "Hello there"
    assert "".join(str(chunk.content) for chunk in llm.stream(messages)) == "Hello there"
    wait_for(lambda: len(records()) == 2)
    assert [(row.outcome, row.input_tokens, row.output_tokens) for row in records()] == [
        ("succeeded", 7, 3)
    ] * 2


@pytest.mark.skipif(bool(MISSING) and "CI" not in os.environ, reason=f"not on this machine: {MISSING}")
def test_the_published_samples_run_as_written(server: Server, world: World, upstream: Upstream) -> None:
    assert not MISSING, "the samples need these"
    variables = os.environ | {"BASE_URL": server.url, "APP_API_KEY": world.acme.secret}

    def run(*command: str) -> str:
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60).stdout

    upstream.script("gpt-4o", openai_completion("A joke."))
    assert "A joke." in run("sh", "-c", CURL)
    assert run(sys.executable, "-c", PYTHON).startswith("200 {")
    upstream.script("gpt-4o", openai_stream("A ", "haiku."))
    for answer in (run("sh", "-c", CURL_STREAM), run("node", "--input-type=module", "-e", NODE)):
        assert answer.rstrip().endswith("data: [DONE]") and "haiku." in answer
    assert upstream.requests[-2].headers["content-type"] == "application/json"


def test_a_client_that_leaves_ends_the_providers_work(
    server: Server, world: World, upstream: Upstream
) -> None:
    upstream.script("gpt-x", Reply([b'{"choices":', Hang], framing="length", declared=99))
    connection = server.connect()
    connection.request("POST", "/v1/openai/chat/completions", json.dumps(BODY), world.acme.headers)
    wait_for(lambda: len(upstream.requests) == 1)
    connection.close()
    upstream.wait_closed()
    events = list(openai_events("one ", "two ", done=False))[:3]
    upstream.script("gpt-x", Reply([*events, Hang], headers=SSE))
    answer = server.post("/v1/openai/chat/completions", BODY | {"stream": True}, world.acme.headers)
    while b"two" not in answer.readline():
        pass
    answer.close()
    upstream.wait_closed()
    wait_for(lambda: len(records()) == 2)
    whole, streamed = records()
    assert (whole.outcome, streamed.outcome) == ("client_left", "client_left")
    assert whole.input_tokens > 0 and streamed.input_tokens > 0 and streamed.output_tokens > 0
    assert whole.estimated and streamed.estimated
