"""The `demo` dialect: a built-in provider without network, so that everything works before any key exists."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from typing import Any

from app.domain.calls import Cancellation, Chunk, Upstream, Usage
from app.domain.chat import join, piece_of_text
from app.domain.dialects import openai_usage
from app.domain.provider_errors import ProviderRefused
from app.domain.tokens import estimate_messages, estimate_tokens, message_text
from app.egress import ended_early
from app.providers import demo_embeddings
from app.providers.base import embeddings_chunk
from app.providers.demo_schemas import fitting

WORD_SECONDS = {"demo-fast": 0.015, "demo-careful": 0.04}
MOST_QUOTED_WORDS = 12


class Demo:
    """Answers each message with a few plain facts about it; the same input gives the same words.

    Where JSON of a schema is asked for, it makes up something that fits.
    """

    def chat(
        self, upstream: Upstream, body: dict[str, Any], stream: bool, cancellation: Cancellation
    ) -> Iterator[Chunk]:
        chunks = speak(upstream.model, body, cancellation)
        if stream:
            yield from chunks
            return
        spoken = list(chunks)
        completion = join(chunk.data for chunk in spoken if chunk.data is not None)
        yield Chunk(completion, spoken[-1].usage, spoken[-2].finish_reason)

    def embed(self, upstream: Upstream, body: dict[str, Any], cancellation: Cancellation) -> Iterator[Chunk]:
        yield embeddings_chunk(demo_embeddings.embed(upstream.model, body))

    def test(self, upstream: Upstream) -> str:
        return "The demo provider is built in and needs no key. It always works."


def speak(model: str, body: dict[str, Any], cancellation: Cancellation) -> Iterator[Chunk]:
    """Yield the answer word by word, its end, and its usage."""
    if model not in WORD_SECONDS:
        raise ProviderRefused("The demo provider has no such model.", upstream_status=404, param="model")
    messages = [message for message in body.get("messages") or () if isinstance(message, dict)]
    text = compose_json(body["response_format"]) if wants_json(body) else compose(model, messages)
    words, reason = shorten(re.findall(r"\S+\s*", text), body)
    base = {
        "id": "chatcmpl-demo-" + hashlib.sha256(repr((model, messages)).encode()).hexdigest()[:16],
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }
    yield Chunk(base | piece_of_text("", role="assistant"))
    for word in words:
        time.sleep(WORD_SECONDS[model])
        early = ended_early(cancellation)
        if early is not None:
            raise early
        yield Chunk(base | piece_of_text(word))
    yield Chunk(base | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}, None, reason)
    usage = Usage(estimate_messages(messages), estimate_tokens("".join(words)))
    yield Chunk(base | {"choices": [], "usage": openai_usage(usage)}, usage)


def wants_json(body: dict[str, Any]) -> bool:
    """Say whether the answer is to be JSON."""
    wanted = body.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_schema", "json_object")


def compose_json(wanted: dict[str, Any]) -> str:
    """Return made-up JSON: what fits the schema, or a plain object where there is none."""
    described = wanted.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    value = fitting(schema) if schema else {"answer": "This is a demo answer: no model was asked."}
    return json.dumps(value, ensure_ascii=False)


def compose(model: str, messages: list[dict[str, Any]]) -> str:
    """Return the answer's text, plainly labelled."""
    asked = [message_text(message) for message in messages if message.get("role") == "user"]
    text = asked[-1] if asked else ""
    words = text.split()
    system = sum(message.get("role") in ("system", "developer") for message in messages)
    lines = [
        "This is a demo answer: no model was asked.",
        f"Your message has {len(words)} {'word' if len(words) == 1 else 'words'} and {len(text)} characters.",
    ]
    if words:
        lines.append(f"It begins: “{first_sentence(text)}”")
    if model == "demo-careful":
        lines.append(careful_facts(text, len(messages), system))
    lines.append("Add a provider and its key, and a real model answers here.")
    return "\n".join(lines)


def first_sentence(text: str) -> str:
    """Return the first sentence, a dozen words of it at most."""
    words = re.split(r"(?<=[.!?])\s", text.strip(), maxsplit=1)[0].split()
    return " ".join(words[:MOST_QUOTED_WORDS]) + ("…" if len(words) > MOST_QUOTED_WORDS else "")


def careful_facts(text: str, messages: int, system: int) -> str:
    """Return what the slower model adds."""
    longest = max(re.findall(r"\w+", text) or ["none"], key=len)
    prompt = "with a prompt from its endpoint" if system else "without a prompt"
    count = "one message" if messages == 1 else f"{messages} messages"
    return f"The longest word is “{longest[:40]}”. The conversation has {count}, {prompt}."


def shorten(words: list[str], body: dict[str, Any]) -> tuple[list[str], str]:
    """Keep to the caller's maximum of output tokens; return the words and the finish reason."""
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    if not isinstance(most, int):
        return words, "stop"
    spent = 0
    for index, word in enumerate(words):
        spent += estimate_tokens(word)
        if spent > most:
            return words[:index], "length"
    return words, "stop"
