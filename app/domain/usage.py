"""Reading the token counts of an answer in every shape that upstreams use; what cannot be true is absent."""

from __future__ import annotations

from typing import Any

from app.domain.calls import Usage

MOST_TOKENS = 500_000_000  # the sum of a message's three input counts still fits the column
NOTHING = Usage()
DETAILED = frozenset({"prompt_tokens_details", "completion_tokens_details", "prompt_cache_hit_tokens"})


def count(value: Any) -> int | None:
    """Return a believable token count, else None."""
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None


def detail(usage: dict[str, Any], group: str, name: str, most: int) -> int:
    """Return a part of a count, never more than the whole; 0 when absent."""
    part = usage.get(group)
    found = count(part.get(name)) if isinstance(part, dict) else None
    return min(found, most) if found else 0


def chat_usage(usage: Any) -> Usage | None:
    """Read the `usage` object of OpenAI's chat completions and its relatives; None unless believable."""
    if not isinstance(usage, dict):
        return None
    total_in, total_out = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    if total_in is None or total_out is None:
        return None
    if DETAILED.isdisjoint(usage):  # 2 µs less where only the three sums are told
        return Usage(total_in, total_out)
    cached = detail(usage, "prompt_tokens_details", "cached_tokens", total_in)
    total_out += uncounted_reasoning(usage, total_in, total_out)
    return Usage(
        input_tokens=total_in,
        output_tokens=total_out,
        cache_read_tokens=cached or min(count(usage.get("prompt_cache_hit_tokens")) or 0, total_in),
        cache_write_tokens=detail(usage, "prompt_tokens_details", "cache_write_tokens", total_in - cached),
        reasoning_tokens=detail(usage, "completion_tokens_details", "reasoning_tokens", total_out),
    )


def uncounted_reasoning(usage: dict[str, Any], total_in: int, total_out: int) -> int:
    """Return reasoning tokens that a vendor (xAI) counts in the total but not in the completion."""
    reasoning = detail(usage, "completion_tokens_details", "reasoning_tokens", MOST_TOKENS)
    return reasoning if usage.get("total_tokens") == total_in + total_out + reasoning else 0


def chunk_usage(data: dict[str, Any]) -> Usage | None:
    """Return the usage of one chat completion or chunk, wherever the vendor put it."""
    usage = data.get("usage")
    if usage is None and isinstance(data.get("x_groq"), dict):
        usage = data["x_groq"].get("usage")
    if usage is None:
        choices = data.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        usage = first.get("usage") if isinstance(first, dict) else None
    return None if usage is None else chat_usage(usage)


def responses_usage(usage: Any) -> Usage | None:
    """Read the `usage` object of OpenAI's responses; None unless believable."""
    if not isinstance(usage, dict):
        return None
    total_in, total_out = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    if total_in is None or total_out is None:
        return None
    return Usage(
        input_tokens=total_in,
        output_tokens=total_out,
        cache_read_tokens=detail(usage, "input_tokens_details", "cached_tokens", total_in),
        reasoning_tokens=detail(usage, "output_tokens_details", "reasoning_tokens", total_out),
    )


def embeddings_usage(usage: Any) -> Usage | None:
    """Read the `usage` object of embeddings, which have no output; None unless believable."""
    total_in = count(usage.get("prompt_tokens")) if isinstance(usage, dict) else None
    return None if total_in is None else Usage(input_tokens=total_in)


def messages_usage(usage: Any, before: Usage | None = None) -> Usage | None:
    """Read the `usage` object of Anthropic's messages: cache tokens come on top of its `input_tokens`.

    A stream sends it in parts and cumulatively (O4): what is missing now is as it was `before`.
    """
    if not isinstance(usage, dict):
        return before
    base = before or NOTHING
    fresh_in = latest(
        usage, "input_tokens", base.input_tokens - base.cache_read_tokens - base.cache_write_tokens
    )
    read = latest(usage, "cache_read_input_tokens", base.cache_read_tokens)
    written = latest(usage, "cache_creation_input_tokens", base.cache_write_tokens)
    out = latest(usage, "output_tokens", base.output_tokens)
    if fresh_in is None or read is None or written is None or out is None:
        return None
    if before is None and usage.get("input_tokens") is None:
        return None
    thinking = detail(usage, "output_tokens_details", "thinking_tokens", out)
    return Usage(fresh_in + read + written, out, read, written, thinking)


def latest(usage: dict[str, Any], name: str, last: int) -> int | None:
    """Return a count, the last one where it is not said again, None when it is not believable."""
    value = usage.get(name)
    return last if value is None else count(value)
