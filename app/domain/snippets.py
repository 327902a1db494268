"""Ready-made code that calls an endpoint, with its real URL; the key comes from the environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

KEY_VARIABLE = "SLUICE_KEY"
EXAMPLE = "Hello! What can you do?"


@dataclass(frozen=True, slots=True)
class Address:
    """Where an endpoint is called. `root`: the gateway's own URL, without a slash at its end."""

    root: str
    project_id: str
    slug: str

    @property
    def native(self) -> str:
        """The endpoint's own URL."""
        return f"{self.root}/api/{self.project_id}/{self.slug}"

    @property
    def openai(self) -> str:
        """The base URL for an OpenAI SDK."""
        return f"{self.root}/api/{self.project_id}/v1"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One sample. `needs` is what to install first, or empty."""

    id: str
    label: str
    needs: str
    code: str


def snippets(address: Address, *, stream: bool) -> tuple[Snippet, ...]:
    """Return the samples, answered at once or word by word."""
    return tuple(
        Snippet(name, label, needs, write(address, stream)) for name, label, needs, write in LANGUAGES
    )


def curl(address: Address, stream: bool) -> str:
    """Return a shell command."""
    body = {"message": EXAMPLE, "stream": True} if stream else {"message": EXAMPLE}
    return f"""\
curl {"-N" if stream else "-sS"} "{address.native}" \\
  -H "Authorization: Bearer ${KEY_VARIABLE}" \\
  -H "Content-Type: application/json" \\
  -d '{json.dumps(body)}'
"""


def python(address: Address, stream: bool) -> str:
    """Return a Python script that uses requests."""
    return python_streamed(address) if stream else python_whole(address)


def python_whole(address: Address) -> str:
    """Return the script that waits for the whole answer."""
    return f"""\
import os

import requests

response = requests.post(
    "{address.native}",
    headers={{"Authorization": f"Bearer {{os.environ['{KEY_VARIABLE}']}}"}},
    json={{"message": "{EXAMPLE}"}},
    timeout=120,
)
response.raise_for_status()
print(response.json()["content"])
"""


def python_streamed(address: Address) -> str:
    """Return the script that prints the words as they come."""
    return f"""\
import json
import os

import requests

with requests.post(
    "{address.native}",
    headers={{"Authorization": f"Bearer {{os.environ['{KEY_VARIABLE}']}}"}},
    json={{"message": "{EXAMPLE}", "stream": True}},
    stream=True,
    timeout=120,
) as response:
    response.raise_for_status()
    for line in response.iter_lines():
        if not line.startswith(b"data: ") or line == b"data: [DONE]":
            continue
        chunk = json.loads(line[len(b"data: "):])
        if "error" in chunk:
            raise RuntimeError(chunk["error"])
        for choice in chunk["choices"]:
            print(choice["delta"].get("content") or "", end="", flush=True)
print()
"""


def javascript(address: Address, stream: bool) -> str:
    """Return a script for Node 18 or later."""
    return javascript_streamed(address) if stream else javascript_whole(address)


def javascript_whole(address: Address) -> str:
    """Return the script that waits for the whole answer."""
    return f"""\
const response = await fetch("{address.native}", {{
  method: "POST",
  headers: {{
    Authorization: `Bearer ${{process.env.{KEY_VARIABLE}}}`,
    "Content-Type": "application/json",
  }},
  body: JSON.stringify({{ message: "{EXAMPLE}" }}),
}});
const answer = await response.json();
if (!answer.ok) throw new Error(answer.error);
console.log(answer.content);
"""


def javascript_streamed(address: Address) -> str:
    """Return the script that prints the words as they come."""
    return f"""\
const response = await fetch("{address.native}", {{
  method: "POST",
  headers: {{
    Authorization: `Bearer ${{process.env.{KEY_VARIABLE}}}`,
    "Content-Type": "application/json",
  }},
  body: JSON.stringify({{ message: "{EXAMPLE}", stream: true }}),
}});
if (!response.ok) throw new Error((await response.json()).error);

const decoder = new TextDecoder();
let rest = "";
for await (const bytes of response.body) {{
  const lines = (rest + decoder.decode(bytes, {{ stream: true }})).split("\\n");
  rest = lines.pop();
  for (const line of lines) {{
    if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
    const chunk = JSON.parse(line.slice("data: ".length));
    if (chunk.error) throw new Error(chunk.error);
    for (const choice of chunk.choices) process.stdout.write(choice.delta.content ?? "");
  }}
}}
"""


def openai(address: Address, stream: bool) -> str:
    """Return a Python script that uses OpenAI's SDK."""
    asked = "stream = client" if stream else "completion = client"
    extra = "    stream=True,\n" if stream else ""
    return f"""\
import os

from openai import OpenAI

client = OpenAI(
    base_url="{address.openai}",
    api_key=os.environ["{KEY_VARIABLE}"],
)
{asked}.chat.completions.create(
    model="{address.slug}",
    messages=[{{"role": "user", "content": "{EXAMPLE}"}}],
{extra})
{OPENAI_STREAMED if stream else OPENAI_WHOLE}"""


OPENAI_WHOLE = "print(completion.choices[0].message.content)\n"
OPENAI_STREAMED = """\
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
print()
"""
LANGUAGES: tuple[tuple[str, str, str, Callable[[Address, bool], str]], ...] = (
    ("curl", "curl", "", curl),
    ("python", "Python", "pip install requests", python),
    ("javascript", "JavaScript", "", javascript),
    ("openai", "OpenAI SDK", "pip install openai", openai),
)
