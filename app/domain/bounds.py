"""Upper bounds of what a request can use, known before anybody is asked; they need no tokenizer.

A token of a byte-level vocabulary is at least one byte, so the bytes of a text bound its tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.bodies import encoded
from app.domain.errors import InvalidRequest
from app.domain.pricing import MILLION

BYTES_PER_TOKEN = 4  # on average, for what is charged when nothing better is known
MESSAGE_TOKENS = 8  # what a provider adds round each message
TOOLS_TOKENS = 1_024  # what a provider adds when there are tools
IMAGE_TOKENS = 40_000  # the most that any vendor counts for one picture
FILE_TOKENS = 20_000  # a short document can become several pictures
UNLIMITED_OUTPUT = 16_384  # for a model of which no limit is known
MOST_OUTPUT = 10**9  # no provider gives longer answers; larger numbers only overflow
MOST_COPIES = 10_000
LIMIT_FIELDS = {
    "chat": ("max_completion_tokens", "max_tokens"),
    "responses": ("max_output_tokens",),
    "messages": ("max_tokens",),
}
PICTURES = ("image_url", "input_image", "image", "computer_screenshot")
FILES = frozenset({"file", "input_file", "document"})
RECORDINGS = frozenset({"video_url", "audio_url"})
SPOKEN = ("messages", "input", "system")  # elsewhere what looks like a picture is the text of a tool
LINKED = "Send the file itself: what a linked file may cost is not known beforehand."


@dataclass(frozen=True, slots=True)
class Bound:
    """The most a request can use. `output_tokens` is for one of `copies` answers; None: it sets no limit.

    `rounds`: how many more answers, each with `round_tokens` more input, are held for plugins' tools.
    `beside_tokens`: used by a judge of guardrails, who also reads `read_tokens` for each of the output.
    `repair_tokens`: what comes on top of the answer where the model may be asked to mend it; 0: it may not.
    """

    input_tokens: int
    output_tokens: int | None
    copies: int = 1
    estimated_input_tokens: int = 0  # about how much input it will be
    rounds: int = 0
    round_tokens: int = 0
    fixed_nano_usd: int = 0  # what is paid for beside the answers: pictures, a judge
    beside_tokens: int = 0
    read_tokens: int = 0
    read_nano_usd_per_million: int = 0  # what that costs, for a million of output
    repair_tokens: int = 0

    @property
    def all_input_tokens(self) -> int:
        """Return the input of every round together."""
        return self.input_tokens * (1 + self.rounds) + self.round_tokens * self.rounds

    def all_output_tokens(self, output_tokens: int) -> int:
        """Return the output of every round together, for answers of so many tokens."""
        mended = output_tokens if self.repair_tokens else 0
        return output_tokens * self.copies * (1 + self.rounds) + mended

    def read_nano_usd(self, output_tokens: int) -> int:
        """Return what reading so much output costs at most."""
        return -(-self.read_nano_usd_per_million * output_tokens // MILLION)

    def repair_input_tokens(self, output_tokens: int) -> int:
        """Return the input of the call that mends an answer of so many tokens."""
        return self.repair_tokens + BYTES_PER_TOKEN * output_tokens if self.repair_tokens else 0


def bound_of(body: dict[str, Any], operation: str = "chat", history_tokens: int = 0) -> Bound:
    """Return the bounds of a request's body; InvalidRequest where what it names cannot be bounded."""
    size = len(encoded(body))
    extra, saved = attachments([body.get(name) for name in SPOKEN])
    lists = (body.get("messages"), body.get("input"))
    messages = sum(len(part) for part in lists if isinstance(part, list))
    text_bytes = max(0, size - saved)
    tools = TOOLS_TOKENS if body.get("tools") or body.get("functions") else 0
    return Bound(
        input_tokens=text_bytes + messages * MESSAGE_TOKENS + tools + extra + history_tokens,
        output_tokens=0 if operation == "embeddings" else output_limit(body, operation),
        copies=copies_of(body),
        estimated_input_tokens=-(-text_bytes // BYTES_PER_TOKEN) + history_tokens,
    )


def larger(one: Bound, other: Bound) -> Bound:
    """Return what covers both of two bodies that stand for the same request."""
    limits = (one.output_tokens, other.output_tokens)
    return replace(
        one,
        input_tokens=max(one.input_tokens, other.input_tokens),
        output_tokens=None if None in limits else max(limit for limit in limits if limit is not None),
        estimated_input_tokens=max(one.estimated_input_tokens, other.estimated_input_tokens),
    )


def output_limit(body: Mapping[str, Any], operation: str) -> int | None:
    """Return the limit on one answer that the request sets; None when it sets none that makes sense.

    Of two the larger counts: which of them a provider knows is its own affair.
    """
    given: list[Any] = [body[name] for name in LIMIT_FIELDS.get(operation, ()) if body.get(name) is not None]
    if not given or not all(type(value) is int and value > 0 for value in given):
        return None
    return min(max(map(int, given)), MOST_OUTPUT)


def copies_of(body: Mapping[str, Any]) -> int:
    """Return how many answers the request asks for."""
    return max(1, copies(body.get("n")), copies(body.get("best_of")))


def copies(value: Any) -> int:
    """Return a number as lenient providers read it: "4" and 4.0 are 4; 0 for what is none."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value.lstrip("0")[:9] or 0)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(min(value, MOST_COPIES)) if is_number else 0


def attachments(value: Any) -> tuple[int, int]:
    """Return the tokens that pictures and files may add, and the bytes of pictures, which are no text."""
    if isinstance(value, list):
        found = [attachments(item) for item in value if isinstance(item, dict | list)]
        return sum(extra for extra, _ in found), sum(saved for _, saved in found)
    if not isinstance(value, dict):
        return 0, 0
    kind = value.get("type") if isinstance(value.get("type"), str) else ""
    if kind in FILES:
        return file_tokens(value), 0
    if kind in RECORDINGS and not str(url_in(value, kind)).startswith("data:"):
        raise InvalidRequest(LINKED)
    extra, saved = attachments([inner for name, inner in value.items() if name != "input"])
    return (extra + IMAGE_TOKENS, saved + picture_bytes(value)) if kind in PICTURES else (extra, saved)


def url_in(part: dict[str, Any], name: str) -> Any:
    """Return the address of a part's picture or recording, which may stand one level deeper."""
    value = part.get(name)
    return value.get("url") if isinstance(value, dict) else value


def picture_bytes(part: dict[str, Any]) -> int:
    """Return how much of a part is the picture itself."""
    source = part.get("source")
    found = url_in(part, "image_url"), source.get("data") if isinstance(source, dict) else None
    return sum(len(text) for text in found if isinstance(text, str))


def file_tokens(part: dict[str, Any]) -> int:
    """Return what a file in the request may add to its bytes; InvalidRequest when it is elsewhere."""
    raw = encoded(part)
    if any(name in raw for name in (b'"file_id"', b'"file_url"', b'"url"')):
        raise InvalidRequest(LINKED)
    return FILE_TOKENS + 3 * len(raw)
