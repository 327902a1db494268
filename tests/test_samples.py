"""The public samples run as they were written, with only their variables set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from openai import NotFoundError, OpenAI

from app.domain.actors import SYSTEM
from app.domain.light import snippets as light
from app.services import policies, projects
from tests import policy_samples
from tests.live import Server, serving
from tests.providers_world import add_endpoint, add_provider
from tests.upstream import Upstream
from tests.upstream_replies import openai_completion, openai_stream
from tests.world import World

CURL = """\
curl -s -X POST $PG_URL/api/$PG_UUID/$PG_SLUG \\
-H "Authorization: Bearer $PG_TOKEN" \\
-H "Content-Type: application/json" \\
-d '{"message": "Explain quantum computing."}'
"""

CURL_DISPATCHER = """\
curl -s -X POST $PG_URL/api/$PG_UUID/chat/completions \\
-H "Authorization: Bearer $PG_TOKEN" \\
-d '{
"endpoint": "summarize",
"messages": [{"role":"user","content":"Long text..."}]
}'
"""

PYTHON = """\
import os, requests
resp = requests.post(
f"{os.environ['PG_URL']}/api/{os.environ['PG_UUID']}/{os.environ['PG_SLUG']}",
headers={"Authorization": f"Bearer {os.environ['PG_TOKEN']}"},
json={"message": "Explain quantum computing."},
timeout=120,
)
resp.raise_for_status()
print(resp.json()["content"])
"""

JAVASCRIPT = """\
const r = await fetch(`${process.env.PG_URL}/api/${process.env.PG_UUID}/${process.env.PG_SLUG}`, {
method: 'POST',
headers: {
'Authorization': `Bearer ${process.env.PG_TOKEN}`,
'Content-Type': 'application/json',
},
body: JSON.stringify({ message: 'Explain quantum computing.' }),
});
console.log((await r.json()).content);
"""


AS_MODULE = ("--input-type=module", "-e")
MISSING = [name for name in ("curl", "node") if not shutil.which(name)]


@pytest.fixture(params=["demo", "openai"])
def stage(
    request: pytest.FixtureRequest,
    app: Flask,
    world: World,
    upstream: Upstream,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
) -> Iterator[tuple[Server, dict[str, str]]]:
    """A live server with an endpoint `summarize`: the demo model, or an upstream that speaks OpenAI's API."""
    model = "demo/demo-fast"
    if request.param == "openai":
        add_provider(world.acme, upstream, "up")
        upstream.script("gpt-x", *[openai_completion("Quantum things.")] * 9)
        model = "up/gpt-x"
    add_endpoint(world.acme, "summarize", model)
    where = SYSTEM, world.acme.workspace.id, world.acme.project.id
    projects.update(*where, {"surfaces": ["endpoints", "light", "proxy"]})
    add_provider(world.acme, upstream, "openai")
    policies.create(*where, {"key": "support_chat", "rules": []})
    private = f"{upstream.place[0]}:{upstream.place[1]}"
    with serving(tmp_path, database_url, redis_url, PRIVATE_UPSTREAMS=private) as server:
        variables = {
            "PG_URL": server.url,
            "PG_UUID": world.acme.project.id,
            "PG_SLUG": "summarize",
            "PG_TOKEN": world.acme.secret,
            "KAGU_API_BASE_URL": server.url,
            "KAGU_PROJECT_API_KEY": world.acme.secret,
        }
        yield server, variables


def run(command: list[str], variables: dict[str, str]) -> str:
    result = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.skipif(bool(MISSING) and "CI" not in os.environ, reason=f"not on this machine: {MISSING}")
def test_every_sample_gets_its_answer(stage: tuple[Server, dict[str, str]]) -> None:
    _, variables = stage
    assert not MISSING, "the samples need these"
    for script in (CURL, CURL_DISPATCHER):
        answer = json.loads(run(["sh", "-c", script], variables))
        assert answer["ok"] is True and answer["content"]
    assert run([sys.executable, "-c", PYTHON], variables).strip()
    javascript = run(["node", *AS_MODULE, JAVASCRIPT], variables)
    assert javascript.strip() not in ("", "undefined")
    call_by_policy({name: value for name, value in variables.items() if name.startswith("KAGU_")})
    call_lightly({name: value for name, value in variables.items() if name.startswith("KAGU_")})


def call_by_policy(variables: dict[str, str]) -> None:
    """Call the policy proxy in every language; only one of them names the request, and it counts once."""
    answer = json.loads(run(["sh", "-c", policy_samples.CURL], variables))
    assert answer["object"] == "chat.completion" and answer["kagu"]["action"] == "ALLOW"
    assert "'policyKey': 'support_chat'" in run([sys.executable, "-c", policy_samples.PYTHON], variables)
    typescript = ["node", *AS_MODULE, policy_samples.TYPESCRIPT]
    assert "requestId: 'req_abc_001'" in run(typescript, variables)
    assert "request_id_conflict" in run(typescript, variables)


def call_lightly(variables: dict[str, str]) -> None:
    """Ask for advice and report the call, in every language."""
    commands = {"python": (sys.executable, "-c"), "typescript": ("node", *AS_MODULE), "curl": ("sh", "-c")}
    for sample in light.snippets(light.LightCall("http://127.0.0.1:9", "support_chat", "openai/gpt-4o-mini")):
        said = run([*commands[sample.id], sample.code], variables)
        assert "ALLOW" in said and "openai/gpt-4o-mini" in said and "accepted" in said


def test_the_openai_sdk_reaches_the_endpoint(
    stage: tuple[Server, dict[str, str]], upstream: Upstream
) -> None:
    server, variables = stage
    base_url = f"{server.url}/api/{variables['PG_UUID']}/v1"
    messages = [{"role": "user", "content": "Hi"}]
    with OpenAI(base_url=base_url, api_key=variables["PG_TOKEN"], max_retries=0) as client:
        whole = client.chat.completions.create(model="summarize", messages=messages)  # type: ignore[call-overload]
        assert whole.choices[0].message.content and whole.usage.total_tokens > 0
        upstream.script("gpt-x", openai_stream("Quantum ", "things."), openai_stream("Quantum ", "things."))
        chunks = list(client.chat.completions.create(model="summarize", messages=messages, stream=True))  # type: ignore[call-overload]
        assert all(chunk.choices for chunk in chunks) and chunks[-1].usage.total_tokens > 0
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        asked = client.chat.completions.create(  # type: ignore[call-overload]
            model="summarize", messages=messages, stream=True, stream_options={"include_usage": True}
        )
        *content, usage = list(asked)
        assert usage.choices == [] and usage.usage.total_tokens > 0
        assert all(chunk.usage is None for chunk in content)
        with pytest.raises(NotFoundError):
            client.chat.completions.create(model="nope", messages=messages)  # type: ignore[call-overload]
