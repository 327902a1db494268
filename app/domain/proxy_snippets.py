"""Ready-made code that calls a provider through the proxy: stock SDKs, pointed here by their base URL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.domain.snippets import EXAMPLE, KEY_VARIABLE, OPENAI_WHOLE, Snippet


@dataclass(frozen=True, slots=True)
class Route:
    """A provider's place at the gateway; without a slug the one door to every model.

    `root`: the gateway's own URL; `model`: an example of what may be asked there.
    """

    root: str
    slug: str
    dialect: str
    model: str

    @property
    def base_url(self) -> str:
        """What an SDK takes as its base URL."""
        return f"{self.root}/v1/{self.slug}" if self.slug else f"{self.root}/v1"


def snippets(route: Route) -> tuple[Snippet, ...]:
    """Return the samples for the provider's dialect."""
    languages = ANTHROPIC if route.dialect == "anthropic" else OPENAI
    return tuple(Snippet(name, label, needs, write(route)) for name, label, needs, write in languages)


def door(root: str) -> Route:
    """Return the one door to every model; Sluice chooses the model of the samples."""
    return Route(root, "", "openai", "auto")


def door_snippets(root: str) -> tuple[Snippet, ...]:
    """Return the samples for the one door: every SDK, any model."""
    *sdks, shell = snippets(door(root))
    anthropics = Snippet(
        "anthropic", "Anthropic SDK", "pip install anthropic", anthropic_script(root, "auto")
    )
    return (*sdks, anthropics, shell)


def openai(route: Route) -> str:
    """Return a Python script that uses OpenAI's SDK at the provider's place."""
    return openai_script(route.base_url, route.model)


def openai_script(base_url: str, model: str) -> str:
    """Return a Python script that uses OpenAI's SDK."""
    return f"""\
import os

from openai import OpenAI

client = OpenAI(base_url="{base_url}", api_key=os.environ["{KEY_VARIABLE}"])
completion = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "{EXAMPLE}"}}],
)
{OPENAI_WHOLE}"""


def langchain(route: Route) -> str:
    """Return a Python script that uses LangChain."""
    return f"""\
import os

from langchain_openai import ChatOpenAI

llm = ChatOpenAI(
    base_url="{route.base_url}",
    api_key=os.environ["{KEY_VARIABLE}"],
    model="{route.model}",
)
for chunk in llm.stream("{EXAMPLE}"):
    print(chunk.content, end="", flush=True)
print()
"""


def anthropic(route: Route) -> str:
    """Return a Python script that uses Anthropic's SDK at the provider's place."""
    return anthropic_script(route.base_url, route.model)


def anthropic_script(base_url: str, model: str) -> str:
    """Return a Python script that uses Anthropic's SDK."""
    return f"""\
import os

from anthropic import Anthropic

client = Anthropic(base_url="{base_url}", api_key=os.environ["{KEY_VARIABLE}"])
message = client.messages.create(
    model="{model}",
    max_tokens=500,
    messages=[{{"role": "user", "content": "{EXAMPLE}"}}],
)
print(message.content[0].text)
"""


def curl(route: Route) -> str:
    """Return a shell command that streams."""
    is_anthropic = route.dialect == "anthropic"
    path, most = ("messages", '"max_tokens": 500, ') if is_anthropic else ("chat/completions", "")
    return f"""\
curl -sSN "{route.base_url}/{path}" \\
  -H "Authorization: Bearer ${KEY_VARIABLE}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "{route.model}", {most}"stream": true,
       "messages": [{{"role": "user", "content": "{EXAMPLE}"}}]}}'
"""


Language = tuple[str, str, str, Callable[[Route], str]]
CURL: Language = ("curl", "curl", "", curl)
OPENAI: tuple[Language, ...] = (
    ("openai", "OpenAI SDK", "pip install openai", openai),
    ("langchain", "LangChain", "pip install langchain-openai", langchain),
    CURL,
)
ANTHROPIC: tuple[Language, ...] = (
    ("anthropic", "Anthropic SDK", "pip install anthropic", anthropic),
    CURL,
)
