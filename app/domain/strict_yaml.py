"""YAML as configuration files need it: plain values only, nothing said twice, no aliases, bounded depth.

Unquoted `yes`, `12:30` and dates stay text: only true, false, null and decimal numbers are values.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MOST_DEPTH = 32
RARE_BREAKS = re.compile("[\r\x85\u2028\u2029]")


class YamlError(ValueError):
    """The text is no such YAML. The message has the place, and never a value from the file."""


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader, narrowed. Its own resolvers are replaced below."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse aliases, tags and deep nesting: no configuration needs them, and each can do harm."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise YamlError(f"{place(event.start_mark)}: aliases (*name) are not allowed.")
        if getattr(event, "tag", None) is not None:
            raise YamlError(f"{place(event.start_mark)}: tags (!name) are not allowed.")
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise YamlError(f"{place(event.start_mark)}: nested deeper than {MOST_DEPTH} levels.")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse names that are no text, and those that appear twice."""
        seen = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise YamlError(f"{place(key.start_mark)}: a field's name must be text.")
            if key.value in seen:
                raise YamlError(f"{place(key.start_mark)}: this name appears twice in one place.")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, which writes texts of several lines as blocks and lists indented."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists under their name."""
        super().increase_indent(flow, False)


def represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Write a text of several lines as a block where YAML can; rare line breaks only survive in quotes."""
    style = '"' if RARE_BREAKS.search(value) else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


Dumper.add_representer(str, represent_text)
for tag, pattern, first in (
    ("null", r"null|~|", ["n", "~", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?[0-9]+\.[0-9]+(?:[eE][-+][0-9]+)?", list("-+0123456789")),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), first)


def load(text: str) -> Any:
    """Return the one document in `text`; raise YamlError."""
    try:
        return yaml.load(text, Loader)
    except yaml.MarkedYAMLError as error:
        where = place(error.problem_mark or error.context_mark)
        raise YamlError(f"{where}: this is not YAML ({without_values(error)}).") from None
    except yaml.YAMLError:
        raise YamlError("This is not YAML: it contains control characters.") from None
    except ValueError as error:
        raise error if isinstance(error, YamlError) else YamlError("A value cannot be read.") from None


def dump(value: Any) -> str:
    """Return `value` as YAML that `load` reads back unchanged."""
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)


def place(mark: Any) -> str:
    """Return line and column for people, who count from one."""
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else "somewhere"


def without_values(error: yaml.MarkedYAMLError) -> str:
    """Return what the parser says, cut before it quotes what it found."""
    return (error.problem or "it cannot be read").split("'")[0].strip().rstrip(",:") or "it cannot be read"
