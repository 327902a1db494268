"""What kind of work a request is, told from cheap signs in it: no model is asked, and the work is bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.decisions import Classification
from app.domain.routing.conversations import messages_of
from app.domain.routing.texts import Seen, quoted, see
from app.domain.routing.words import CATEGORIES
from app.domain.tokens import message_text

CHAT = "chat"
MOST_CHARACTERS = 4_096  # of the last message: its beginning, and its end where the question often stands
TAIL_CHARACTERS = 1_024
SYSTEM_CHARACTERS = 1_024
LONG, VERY_LONG = 1_500, 8_000  # characters
MANY_TURNS = 8  # messages
MANY_TOOLS = 5
MODERATE_FROM, COMPLEX_FROM = 2, 4  # points
DEMANDING = ("code", "reasoning", "analysis")

Points = dict[str, int]
Reasons = list[tuple[str, str]]  # category, in plain words


def classify(body: Mapping[str, Any]) -> Classification:
    """Return the category and complexity of an OpenAI chat body, with the reasons in plain words."""
    messages = messages_of(body)
    asked = last_text(messages)
    seen = see(shortened(asked))
    points, reasons = points_of(seen, see(system_text(messages)), body)
    category, confidence = winner(points)
    hardness, why = hardness_of(seen, len(asked), len(messages), body, category)
    told = [reason for name, reason in reasons if name == category]
    if category == CHAT:
        told = ["nothing points to a special kind of work"]
    signs = tuple(dict.fromkeys((*told, *why)))
    return Classification(category, complexity(hardness), confidence, signs)


def complexity(hardness: int) -> str:
    """Return the one word for so many points."""
    if hardness >= COMPLEX_FROM:
        return "complex"
    return "moderate" if hardness >= MODERATE_FROM else "simple"


def last_text(messages: list[dict[str, Any]]) -> str:
    """Return the text of the last message of the user."""
    found = next((item for item in reversed(messages) if item.get("role") == "user"), None)
    return message_text(found) if found else ""


def system_text(messages: list[dict[str, Any]]) -> str:
    """Return the beginning of what the application told the model first."""
    first = messages[0] if messages else {}
    return message_text(first)[:SYSTEM_CHARACTERS] if first.get("role") in ("system", "developer") else ""


def shortened(text: str) -> str:
    """Return a text's beginning and end, so that a long one costs no more than a short one."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[: MOST_CHARACTERS - TAIL_CHARACTERS]}\n{text[-TAIL_CHARACTERS:]}"


def points_of(asked: Seen, system: Seen, body: Mapping[str, Any]) -> tuple[Points, Reasons]:
    """Return how much speaks for each category, and by which signs."""
    points, reasons = dict.fromkeys(CATEGORIES, 0), Reasons()

    def add(name: str, number: int, reason: str) -> None:
        points[name] += number
        reasons.append((name, reason))

    for name, words in asked.telling().items():
        add(name, 2 * len(words), f"it says {quoted(words)}")
    for name, words in system.telling().items():
        add(name, min(2, len(words)), f"its instructions say {quoted(words)}")
    if asked.has_code():
        add("code", 4, "it contains code")
    if asked.has_sum():
        add("reasoning", 2, "it contains a calculation")
    if asks_for_schema(body):
        add("extraction", 3, "the answer must follow a JSON schema")
    if asks_to_think(body):
        add("reasoning", 3, "it asks the model to think")
    return points, reasons


def asks_for_schema(body: Mapping[str, Any]) -> bool:
    """Say whether the answer must follow a JSON schema."""
    wanted = body.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") == "json_schema"


def asks_to_think(body: Mapping[str, Any]) -> bool:
    """Say whether the request asks for more than a little reasoning."""
    return body.get("reasoning_effort") in ("medium", "high", "xhigh")


def winner(points: Points) -> tuple[str, int]:
    """Return the category with the most points and how sure that is, 0 to 100."""
    ranked = sorted(points.items(), key=lambda item: -item[1])
    (name, most), (_, second) = ranked[:2]
    if most < 2:
        return CHAT, 60
    return name, min(95, 40 + 50 * (most - second) // most + min(10, most))


def hardness_of(
    asked: Seen, length: int, turns: int, body: Mapping[str, Any], category: str
) -> tuple[int, list[str]]:
    """Return how much speaks for a hard request, in points, and what does."""
    tools = body.get("tools")
    count = len(tools) if isinstance(tools, list) else 0
    hard = asked.hard()
    signs = (
        (length > VERY_LONG, 2, "it is very long"),
        (LONG < length <= VERY_LONG, 1, "it is long"),
        (turns > MANY_TURNS, 1, "it is a long conversation"),
        (0 < count <= MANY_TOOLS, 1, "it brings tools"),
        (count > MANY_TOOLS, 2, "it brings many tools"),
        (category in DEMANDING, 1, f"{category} is demanding work"),
        (asked.asks_much(), 1, "it asks for several things"),
        (bool(hard), min(2, len(hard)), f"it says {quoted(hard)}"),
        (asks_to_think(body), 2, "it asks the model to think"),
        (asks_for_schema(body), 1, "the answer must follow a JSON schema"),
    )
    true = [(points, reason) for holds, points, reason in signs if holds]
    return sum(points for points, _ in true), [reason for _, reason in true]
