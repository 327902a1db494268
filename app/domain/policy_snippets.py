"""Ready-made code that calls a policy through the proxy; the key comes from the environment (K3-K5)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.domain.policies.conditions import Words
from app.domain.policies.contexts import FACTS, HEADER
from app.domain.policies.rules import BLOCK, PolicyConfig
from app.domain.snippets import EXAMPLE, KEY_VARIABLE, Snippet, quoted

PATH = "/runtime/proxy/chat/completions"
USER = "user_123"


@dataclass(frozen=True, slots=True)
class PolicyCall:
    """A call that a policy decides about. `root`: the gateway's own URL; `facts`: facts of its user."""

    root: str
    key: str
    model: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it is sent."""
        return self.root + PATH

    @property
    def headers(self) -> dict[str, str]:
        """What it says of its user, beside the key."""
        told = {f"{HEADER}{FACTS[name]}": value for name, value in self.facts.items()}
        return {f"{HEADER}user-id": USER, f"{HEADER}policy-key": self.key, **told}


def examples(config: PolicyConfig) -> dict[str, str]:
    """Return a value for each fact that rules ask clients for, such that none of these refuses the call."""
    found: dict[str, str] = {}
    for rule in config.rules:
        for each in rule.when if rule.action != BLOCK else ():
            if (
                isinstance(each, Words)
                and each.field in FACTS
                and not each.negated
                and each.values[0].isascii()
            ):
                found.setdefault(each.field, each.values[0].rstrip("*") or "any")
    return {name: found[name] for name in FACTS if name in found}


def snippets(call: PolicyCall) -> tuple[Snippet, ...]:
    """Return the samples."""
    return tuple(Snippet(name, label, needs, write(call)) for name, label, needs, write in LANGUAGES)


def curl(call: PolicyCall) -> str:
    """Return a shell command."""
    headers = "".join(f"  -H {quoted(f'{name}: {value}')} \\\n" for name, value in call.headers.items())
    body = json.dumps({"model": call.model, "messages": [{"role": "user", "content": EXAMPLE}]})
    return f"""\
curl -sS "{call.url}" \\
  -H "Authorization: Bearer ${KEY_VARIABLE}" \\
  -H "Content-Type: application/json" \\
{headers}  -d {quoted(body)}
"""


def python(call: PolicyCall) -> str:
    """Return a Python script that uses requests."""
    headers = "".join(f"        {json.dumps(n)}: {json.dumps(v)},\n" for n, v in call.headers.items())
    return f"""\
import os

import requests

response = requests.post(
    "{call.url}",
    headers={{
        "Authorization": f"Bearer {{os.environ['{KEY_VARIABLE}']}}",
{headers}    }},
    json={{
        "model": {json.dumps(call.model)},
        "messages": [{{"role": "user", "content": "{EXAMPLE}"}}],
    }},
    timeout=120,
)
response.raise_for_status()
answer = response.json()
print(answer["choices"][0]["message"]["content"])
print(answer["kagu"])  # what the policy decided
"""


def typescript(call: PolicyCall) -> str:
    """Return a script for TypeScript or JavaScript."""
    headers = "".join(f"    {json.dumps(n)}: {json.dumps(v)},\n" for n, v in call.headers.items())
    return f"""\
const response = await fetch("{call.url}", {{
  method: "POST",
  headers: {{
    Authorization: `Bearer ${{process.env.{KEY_VARIABLE}}}`,
    "Content-Type": "application/json",
{headers}  }},
  body: JSON.stringify({{
    model: {json.dumps(call.model)},
    messages: [{{ role: "user", content: "{EXAMPLE}" }}],
  }}),
}});
const answer = await response.json();
if (!response.ok) throw new Error(answer.error.message);
console.log(answer.choices[0].message.content);
console.log(answer.kagu); // what the policy decided
"""


def openai(call: PolicyCall) -> str:
    """Return a Python script that uses OpenAI's SDK."""
    headers = "".join(f"        {json.dumps(n)}: {json.dumps(v)},\n" for n, v in call.headers.items())
    return f"""\
import os

from openai import OpenAI

client = OpenAI(
    base_url="{call.root}/runtime/proxy",
    api_key=os.environ["{KEY_VARIABLE}"],
    default_headers={{
{headers}    }},
)
completion = client.chat.completions.create(
    model={json.dumps(call.model)},
    messages=[{{"role": "user", "content": "{EXAMPLE}"}}],
)
print(completion.choices[0].message.content)
"""


LANGUAGES: tuple[tuple[str, str, str, Callable[[PolicyCall], str]], ...] = (
    ("curl", "curl", "", curl),
    ("python", "Python", "pip install requests", python),
    ("typescript", "TypeScript", "", typescript),
    ("openai", "OpenAI SDK", "pip install openai", openai),
)
