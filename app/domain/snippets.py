"""Ready-made code that calls an endpoint, with its real URL; the key comes from the environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.domain.questions import Questions
from app.domain.variables import FIELD, Variable

KEY_VARIABLE = "SLUICE_KEY"
EXAMPLE = "Hello! What can you do?"
JUST_TEXT = Questions()


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


@dataclass(frozen=True, slots=True)
class Sample:
    """What a sample sends: a value for all that the endpoint asks."""

    address: Address
    stream: bool
    asks: Questions

    @property
    def body(self) -> dict[str, Any]:
        """The body of the native call."""
        text = {"message": EXAMPLE} if self.asks.takes_text else {}
        filled = {self.asks.place: self.filled} if self.filled else {}
        return {**text, **filled, **({"stream": True} if self.stream else {})}

    @property
    def filled(self) -> dict[str, Any]:
        """A value for each field."""
        return {field.name: value_of(field) for field in self.asks.fields}

    @property
    def said(self) -> str:
        """What the user says in a chat: fields of a message as JSON."""
        return json.dumps(self.filled) if self.asks.place == "message" else EXAMPLE

    @property
    def variables(self) -> dict[str, Any]:
        """The field of the variables, where there are any."""
        return {FIELD: self.filled} if self.filled and self.asks.place == FIELD else {}


def snippets(address: Address, *, stream: bool, asks: Questions = JUST_TEXT) -> tuple[Snippet, ...]:
    """Return the samples, answered at once or word by word, with a value for all that is asked."""
    sample = Sample(address, stream, asks)
    return tuple(Snippet(name, label, needs, write(sample)) for name, label, needs, write in LANGUAGES)


def value_of(variable: Variable) -> Any:
    """Return a value that a variable may have."""
    if variable.default is not None:
        return variable.default
    if variable.type in ("int", "float"):
        return within(1, variable.min, variable.max)
    fixed = {"bool": True, "date": "2026-01-31", "enum": next(iter(variable.options), "")}
    return fixed.get(variable.type, variable.title[: variable.longest])


def within(number: float, least: float | None, most: float | None) -> float:
    """Return the number, or the bound that it breaks."""
    number = number if least is None else max(number, least)
    return number if most is None else min(number, most)


def quoted(text: str) -> str:
    """Return a text as a shell takes it literally."""
    return "'" + text.replace("'", "'\\''") + "'"


def quoted_text(text: str) -> str:
    """Return a text as Python has it, in double quotes where it holds none."""
    return repr(text) if '"' in text else json.dumps(text)


def curl(sample: Sample) -> str:
    """Return a shell command."""
    return f"""\
curl {"-N" if sample.stream else "-sS"} "{sample.address.native}" \\
  -H "Authorization: Bearer ${KEY_VARIABLE}" \\
  -H "Content-Type: application/json" \\
  -d {quoted(json.dumps(sample.body))}
"""


def python(sample: Sample) -> str:
    """Return a Python script that uses requests."""
    return python_streamed(sample) if sample.stream else python_whole(sample)


def python_whole(sample: Sample) -> str:
    """Return the script that waits for the whole answer."""
    return f"""\
import os

import requests

response = requests.post(
    "{sample.address.native}",
    headers={{"Authorization": f"Bearer {{os.environ['{KEY_VARIABLE}']}}"}},
    json={sample.body!r},
    timeout=120,
)
response.raise_for_status()
print(response.json()["content"])
"""


def python_streamed(sample: Sample) -> str:
    """Return the script that prints the words as they come."""
    return f"""\
import json
import os

import requests

with requests.post(
    "{sample.address.native}",
    headers={{"Authorization": f"Bearer {{os.environ['{KEY_VARIABLE}']}}"}},
    json={sample.body!r},
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


def javascript(sample: Sample) -> str:
    """Return a script for Node 18 or later."""
    return javascript_streamed(sample) if sample.stream else javascript_whole(sample)


def javascript_whole(sample: Sample) -> str:
    """Return the script that waits for the whole answer."""
    return f"""\
const response = await fetch("{sample.address.native}", {{
  method: "POST",
  headers: {{
    Authorization: `Bearer ${{process.env.{KEY_VARIABLE}}}`,
    "Content-Type": "application/json",
  }},
  body: JSON.stringify({json.dumps(sample.body)}),
}});
const answer = await response.json();
if (!answer.ok) throw new Error(answer.error);
console.log(answer.content);
"""


def javascript_streamed(sample: Sample) -> str:
    """Return the script that prints the words as they come."""
    return f"""\
const response = await fetch("{sample.address.native}", {{
  method: "POST",
  headers: {{
    Authorization: `Bearer ${{process.env.{KEY_VARIABLE}}}`,
    "Content-Type": "application/json",
  }},
  body: JSON.stringify({json.dumps(sample.body)}),
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


def openai(sample: Sample) -> str:
    """Return a Python script that uses OpenAI's SDK."""
    asked = "stream = client" if sample.stream else "completion = client"
    extra = f"    extra_body={sample.variables!r},\n" if sample.variables else ""
    extra += "    stream=True,\n" if sample.stream else ""
    return f"""\
import os

from openai import OpenAI

client = OpenAI(
    base_url="{sample.address.openai}",
    api_key=os.environ["{KEY_VARIABLE}"],
)
{asked}.chat.completions.create(
    model="{sample.address.slug}",
    messages=[{{"role": "user", "content": {quoted_text(sample.said)}}}],
{extra})
{OPENAI_STREAMED if sample.stream else OPENAI_WHOLE}"""


OPENAI_WHOLE = "print(completion.choices[0].message.content)\n"
OPENAI_STREAMED = """\
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
print()
"""
LANGUAGES: tuple[tuple[str, str, str, Callable[[Sample], str]], ...] = (
    ("curl", "curl", "", curl),
    ("python", "Python", "pip install requests", python),
    ("javascript", "JavaScript", "", javascript),
    ("openai", "OpenAI SDK", "pip install openai", openai),
)
