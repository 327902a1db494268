"""The plugins: which there are, which of them a call asks for, and who may have them (R2, O50)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import InvalidRequest, PluginRequiresPaid
from app.domain.pricing import usd_to_nano

MOST_ASKED = 20
TAKEN = "The tool name '{name}' is the gateway's own while its plugin is used. Rename your tool."


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin. `tool`: the function that the model may call; without one it works before the model does.

    `needs_url`: it asks a server that an admin names.
    """

    name: str
    paid: bool
    needs_url: bool
    tool: str = ""


PLUGINS = (
    Plugin("web-search", paid=False, needs_url=True),
    Plugin("gutenberg", paid=False, needs_url=True),
    Plugin("code-exec", paid=False, needs_url=False, tool="sluice_run_python"),
    Plugin("image-gen", paid=True, needs_url=True, tool="sluice_make_image"),
    Plugin("pdf-reader", paid=True, needs_url=False),
    Plugin("memory", paid=True, needs_url=False),
)
BY_NAME = {plugin.name: plugin for plugin in PLUGINS}
BY_TOOL = {plugin.tool: plugin for plugin in PLUGINS if plugin.tool}


class PluginFailed(Exception):
    """A plugin could not do its work; the text is plain and holds nothing of the request."""


@dataclass(frozen=True, slots=True)
class InUse:
    """A plugin as a workspace has set it up, for one call. `secret` never leaves the backend's headers."""

    name: str
    url: str = ""
    secret: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tool(self) -> str:
        """Return the name of the function that the model may call; empty for none."""
        return BY_NAME[self.name].tool


def asked(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the plugins that a body asks for, each once; InvalidRequest for what there is not."""
    value = body.get("plugins")
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_ASKED or not all(isinstance(n, str) for n in value):
        raise InvalidRequest(
            "'plugins' must be a list of plugins by name, like [\"web-search\"].", param="plugins"
        )
    unknown = next((name for name in value if name not in BY_NAME), None)
    if unknown is not None:
        raise InvalidRequest(
            f"There is no plugin '{unknown[:60]}'. There are: {', '.join(BY_NAME)}.", param="plugins"
        )
    return tuple(dict.fromkeys(value))


def check_plan(names: Sequence[str], plan_name: str, allowed: tuple[str, ...] | None) -> None:
    """Raise PluginRequiresPaid unless the plan has every one; None allows all."""
    missing = next((name for name in names if allowed is not None and name not in allowed), None)
    if missing is not None:
        raise PluginRequiresPaid(
            f"The plugin '{missing}' is not part of the plan {plan_name}: leave it out, or ask for a plan "
            "that has it. (PLUGIN_REQUIRES_PAID)",
            param="plugins",
        )


def check_body(names: Sequence[str], body: Mapping[str, Any]) -> None:
    """Raise InvalidRequest where a tool of ours and the rest of the body do not go together."""
    own = {BY_NAME[name].tool for name in names} - {""}
    if not own:
        return
    if body.get("n") not in (None, 1):
        raise InvalidRequest("With this plugin there is one answer per call: set n to 1.", param="n")
    if body.get("functions"):
        raise InvalidRequest("With this plugin use tools, not the older functions.", param="functions")
    taken = next((name for name in tool_names(body) if name in own), None)
    if taken is not None:
        raise InvalidRequest(TAKEN.format(name=taken), param="tools")


def tool_names(body: Mapping[str, Any]) -> list[str]:
    """Return the names of the client's own functions."""
    tools = body.get("tools")
    functions = [t.get("function") for t in tools if isinstance(t, dict)] if isinstance(tools, list) else []
    return [f["name"] for f in functions if isinstance(f, dict) and isinstance(f.get("name"), str)]


def price_of_image(use: InUse) -> int:
    """Return what one picture costs, in nano-dollars."""
    return usd_to_nano(str(use.options.get("usd_per_image") or "0"))


def last_user_text(messages: Sequence[Mapping[str, Any]], most: int) -> str:
    """Return the text of the last thing that the user said, at most so many characters."""
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = [part.get("text") for part in parts if isinstance(part, dict)]
            return " ".join(text for text in texts if isinstance(text, str)).strip()[:most]
    return ""


def cut(text: str, most_bytes: int) -> str:
    """Return the text cut to so many bytes, never inside a character."""
    data = text.encode(errors="replace")
    return text if len(data) <= most_bytes else data[:most_bytes].decode(errors="ignore")


def put_in_front(messages: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Return the conversation with a system message before it, after the system messages that stand there.

    What is the same for every call thus stays in front, where providers' prompt caches can use it.
    """
    at = 0
    while at < len(messages) and messages[at].get("role") in ("system", "developer"):
        at += 1
    return [*messages[:at], {"role": "system", "content": text}, *messages[at:]]
