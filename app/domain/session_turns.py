"""What of a call belongs to its conversation: what was asked, and what left of the answer. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from app.domain import chat, prompts
from app.domain.calls import Chunk, Usage
from app.domain.records import Record

SAID = ("content", "refusal", "tool_calls", "function_call")
SHORTEST_INSIDE = 4  # characters: shorter ones also stand in words that mean something else
MOST_TOKENS_COUNTED = 10_000_000  # of one turn: no provider's strange number may fill the column

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """How a turn ended. Without `messages` nothing of it is kept. `ttl_seconds`: the session's idle time."""

    session_id: str
    turn_id: str
    messages: tuple[Json, ...]
    tokens: int
    ttl_seconds: int


def keeps(record: Record) -> bool:
    """Say whether the call is a turn of a conversation; one asked again or in shadow is none (P32)."""
    target, call = record.target, record.call
    if call.repeats is not None or call.shadowed is not None:
        return False
    return target is not None and target.config.session is not None


def continued(record: Record, request: Json) -> Json:
    """Return the request with what was said before this turn; only the endpoint's prompt stays first."""
    target, history = record.target, history_of(record)
    if not history or target is None:
        return request
    place = 1 if target.config.prompt else 0
    messages = request["messages"]
    return {**request, "messages": [*messages[:place], *history, *messages[place:]]}


def history_of(record: Record) -> Sequence[Json]:
    """Return what was said before this turn, also for a call in shadow beside it."""
    if record.session is not None:
        return record.session.history
    return record.call.shadowed.history if record.call.shadowed else ()


def note_ask(record: Record) -> None:
    """Note what the client said, as guardrails left it and before the template.

    Who sent nothing but variables said what the template made of them.
    """
    if record.session is None:
        return
    said = prompts.client_messages(record.call)
    sent = record.messages[-len(said) :]
    pairs = zip(said, sent, strict=True)
    record.session.ask = [shaped if message.get("content") == "" else message for message, shaped in pairs]


def listen(chunks: Generator[Chunk, None, None], record: Record) -> Generator[Chunk, None, None]:
    """Return the chunks, and note what leaves; the pieces of an answer of no conversation are not kept."""
    return chunks if record.session is None else noted(chunks, record.session.heard)


def noted(chunks: Generator[Chunk, None, None], heard: list[Json]) -> Generator[Chunk, None, None]:
    """Yield the chunks, each noted before it leaves."""
    with closing(chunks):
        for chunk in chunks:
            if chunk.data is not None:
                heard.append(chunk.data)
            yield chunk


def end_of(record: Record) -> TurnEnd | None:
    """Return how the call's turn ended; None when it was none."""
    kept, target = record.session, record.target
    if kept is None or target is None or target.config.session is None:
        return None
    answer = answer_of(record, kept.heard)
    usage = record.usage or Usage()
    return TurnEnd(
        session_id=kept.id,
        turn_id=record.call.request_id,
        messages=(*kept.ask, answer) if answer and kept.ask else (),
        tokens=min(usage.input_tokens + usage.output_tokens + record.extra_tokens, MOST_TOKENS_COUNTED),
        ttl_seconds=target.config.session.ttl_seconds,
    )


def answer_of(record: Record, heard: list[Json]) -> Json | None:
    """Return the answer as the conversation keeps it; None where there is none to keep.

    Of a stream that its client left, that is the text until then; of a call that failed it is nothing.
    """
    has_left = record.outcome == "client_left" and record.streamed
    if not heard or not (record.outcome == "succeeded" or has_left):
        return None
    whole = chat.join(heard) if record.streamed else heard[-1]
    message = next((choice.get("message") for choice in chat.choices_of(whole)), None)
    said = {name: message[name] for name in SAID if message.get(name)} if isinstance(message, dict) else {}
    if has_left:
        said = {name: value for name, value in said.items() if name == "content"}
    if record.guarding and record.guarding.vault:
        said = hidden_again(said, record.guarding.vault)
    return {"role": "assistant", "content": None, **said} if said else None


def hidden_again(value: Any, vault: Mapping[str, str]) -> Any:
    """Return what left with the placeholders back in it: what they stand for is only told to the client."""
    if isinstance(value, dict):
        return {name: hidden_again(inner, vault) for name, inner in value.items()}
    if isinstance(value, list):
        return [hidden_again(inner, vault) for inner in value]
    if not isinstance(value, str):
        return value
    for name, secret in sorted(vault.items(), key=lambda pair: -len(pair[1])):
        for spelled in {secret, *(json.dumps(secret, ensure_ascii=plain)[1:-1] for plain in (True, False))}:
            value = spelling(spelled).sub(name, value)
    return value


def spelling(text: str) -> re.Pattern[str]:
    """Return what finds a text; a very short one only as a word of its own."""
    exact = re.escape(text)
    return re.compile(exact if len(text) >= SHORTEST_INSIDE else rf"(?<!\w){exact}(?!\w)")
