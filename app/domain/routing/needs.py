"""What a request needs of a model: what it must be able to do, and how much it must hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.bodies import encoded
from app.domain.bounds import PICTURES, copies_of, output_limit
from app.domain.decisions import Classification
from app.domain.plugins import BY_NAME
from app.domain.routing.conversations import messages_of
from app.domain.tokens import estimate_input, message_text

BYTES_PER_TOKEN = 4
PICTURE_TOKENS = 1_000
SAMPLE_CHARACTERS = 4_096  # from which the bytes of a longer text are reckoned
THINKING = ("low", "medium", "high", "xhigh")
# How long answers usually are, in tokens, where the request sets no lower limit.
USUAL_OUTPUT = {
    "code": 900,
    "reasoning": 1_000,
    "extraction": 300,
    "summarization": 400,
    "creative": 900,
    "analysis": 900,
    "chat": 350,
}
OUTPUT_PERCENT = {"simple": 60, "moderate": 100, "complex": 200}


@dataclass(frozen=True, slots=True)
class Needs:
    """`features` as the catalog names them. `longest_output` None: the request sets no limit."""

    features: frozenset[str]
    input_tokens: int  # about
    longest_output: int | None
    copies: int = 1

    @property
    def context_tokens(self) -> int:
        """Return what must fit into the model's context."""
        return self.input_tokens + (self.longest_output or 0)

    def expected_output(self, kind: Classification) -> int:
        """Return about how many tokens the answers of a request of this kind will be together."""
        usual = USUAL_OUTPUT.get(kind.category, 0) * OUTPUT_PERCENT[kind.complexity] // 100
        return (usual if self.longest_output is None else min(usual, self.longest_output)) * self.copies


def needs_of(body: Mapping[str, Any], operation: str = "chat") -> Needs:
    """Return what an OpenAI body needs."""
    if operation == "embeddings":
        return Needs(frozenset({"embeddings"}), estimate_input(body.get("input"), tokens_of), 0)
    messages = messages_of(body)
    pictures = sum(picture_count(message) for message in messages)
    tools = body.get("tools") or body.get("functions")
    wanted = body.get("response_format")
    asked = (
        ("vision", pictures > 0),
        ("tools", tools or brings_tools(body)),
        ("json_schema", isinstance(wanted, dict) and wanted.get("type") == "json_schema"),
        ("reasoning", body.get("reasoning_effort") in THINKING),
    )
    tokens = sum(tokens_of(message_text(message)) for message in messages) + pictures * PICTURE_TOKENS
    return Needs(
        features=frozenset([name for name, is_asked in asked if is_asked]),
        input_tokens=tokens + (len(encoded(tools)) // BYTES_PER_TOKEN if tools else 0),
        longest_output=output_limit(body, "chat"),
        copies=copies_of(body),
    )


def brings_tools(body: Mapping[str, Any]) -> bool:
    """Say whether a plugin that the body asks for offers the model a tool."""
    given = body.get("plugins")
    named = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
    return any(name in BY_NAME and BY_NAME[name].tool for name in named)


def picture_count(message: Mapping[str, Any]) -> int:
    """Return how many pictures a message shows."""
    content = message.get("content")
    parts = content if isinstance(content, list) else ()
    return sum(1 for part in parts if isinstance(part, dict) and str(part.get("type")) in PICTURES)


def tokens_of(text: str) -> int:
    """Return about how many tokens a text is, without counting them."""
    if text.isascii():
        size = len(text)
    else:
        sample = text[:SAMPLE_CHARACTERS]
        size = len(sample.encode(errors="replace")) * len(text) // len(sample)
    return -(-size // BYTES_PER_TOKEN) + BYTES_PER_TOKEN
