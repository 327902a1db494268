"""Ready-made code for light mode: advice, the application's own call, the report; set only two variables."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.domain.snippets import Snippet, quoted

ROOT_VARIABLE, KEY_VARIABLE = "KAGU_API_BASE_URL", "KAGU_PROJECT_API_KEY"
ADVICE, REQUESTS = "/runtime/light/advice", "/runtime/light/requests"
USER = "user_123"


@dataclass(frozen=True, slots=True)
class LightCall:
    """What the samples ask for. `root`: the gateway's own URL; `policy_key` and `model` as examples."""

    root: str
    policy_key: str
    model: str

    @property
    def asked(self) -> dict[str, Any]:
        """The body of the question."""
        provider, _, name = self.model.partition("/")
        return {
            "userId": USER,
            "policyKey": self.policy_key,
            "requestedProvider": provider.upper(),
            "requestedModel": name,
        }

    @property
    def reported(self) -> dict[str, Any]:
        """The body of the report, but for what the advice says."""
        return {**self.asked, "promptTokens": 900, "completionTokens": 120, "cacheStatus": "NONE"}


def snippets(call: LightCall) -> tuple[Snippet, ...]:
    """Return the samples."""
    return tuple(Snippet(name, label, needs, write(call)) for name, label, needs, write in LANGUAGES)


def curl(call: LightCall) -> str:
    """Return shell commands; the report says what was done."""
    report = quoted(json.dumps({**call.reported, "actionTaken": "ALLOW"}))
    return f"""\
base_url="${{{ROOT_VARIABLE}:-{call.root}}}"

# 1. Which model shall answer this user?
curl -sS "$base_url{ADVICE}" \\
  -H "Authorization: Bearer ${KEY_VARIABLE}" \\
  -H "Content-Type: application/json" \\
  -d {quoted(json.dumps(call.asked))}

# 2. Ask that model yourself, with your own key.

# 3. Tell what came of it.
curl -sS "$base_url{REQUESTS}" \\
  -H "Authorization: Bearer ${KEY_VARIABLE}" \\
  -H "Content-Type: application/json" \\
  -d {report}
"""


def python(call: LightCall) -> str:
    """Return a Python script that uses requests."""
    return f"""\
import os

import requests

base_url = os.getenv("{ROOT_VARIABLE}", "{call.root}")
headers = {{"Authorization": f"Bearer {{os.environ['{KEY_VARIABLE}']}}"}}
asked = {json.dumps(call.asked)}

# 1. Which model shall answer this user?
response = requests.post(f"{{base_url}}{ADVICE}", headers=headers, json=asked, timeout=10)
response.raise_for_status()
advice = response.json()
print(advice["action"], advice["modelId"], advice["reason"])

# 2. Unless it says BLOCK: ask advice["model"] of advice["provider"] yourself, with your own key.

# 3. Tell what came of it. The same requestId counts once, however often it is sent.
report = {{
    **asked,
    "requestId": advice["requestId"],
    "provider": advice["provider"],
    "model": advice["model"],
    "actionTaken": advice["action"],
    "promptTokens": 900,
    "completionTokens": 120,
    "latencyMs": 850,
    "cacheStatus": "NONE",
}}
response = requests.post(f"{{base_url}}{REQUESTS}", headers=headers, json=report, timeout=10)
response.raise_for_status()
print(response.json()["status"])
"""


def typescript(call: LightCall) -> str:
    """Return a script for TypeScript or JavaScript."""
    return f"""\
const baseUrl = process.env.{ROOT_VARIABLE} ?? "{call.root}";
const headers = {{
  "Content-Type": "application/json",
  Authorization: `Bearer ${{process.env.{KEY_VARIABLE}}}`,
}};
const asked = {json.dumps(call.asked)};

// 1. Which model shall answer this user?
const told = await fetch(`${{baseUrl}}{ADVICE}`, {{
  method: "POST",
  headers,
  body: JSON.stringify(asked),
}});
const advice = await told.json();
if (!told.ok) throw new Error(advice.error.message);
console.log(advice.action, advice.modelId, advice.reason);

// 2. Unless it says BLOCK: ask advice.model of advice.provider yourself, with your own key.

// 3. Tell what came of it. The same requestId counts once, however often it is sent.
const kept = await fetch(`${{baseUrl}}{REQUESTS}`, {{
  method: "POST",
  headers,
  body: JSON.stringify({{
    ...asked,
    requestId: advice.requestId, provider: advice.provider, model: advice.model, actionTaken: advice.action,
    promptTokens: 900,
    completionTokens: 120,
    latencyMs: 850,
    cacheStatus: "NONE",
  }}),
}});
const report = await kept.json();
if (!kept.ok) throw new Error(report.error.message);
console.log(report.status);
"""


LANGUAGES: tuple[tuple[str, str, str, Callable[[LightCall], str]], ...] = (
    ("python", "Python", "pip install requests", python),
    ("typescript", "TypeScript", "", typescript),
    ("curl", "curl", "", curl),
)
