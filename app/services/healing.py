"""Makes buffered answers the JSON that was asked for: mended here, else by asking the model once more (R11).

A stream passes as it comes: it cannot be taken back. What stays wrong goes out as the model wrote it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from app.domain import healing
from app.domain.calls import Call, Chunk
from app.domain.chat import choices_of
from app.domain.record_parts import Healing
from app.domain.records import Record
from app.services import answer_schemas, guardrails, repairs
from app.services.answer_schemas import Complaint, Unusable

RANK = ("mended", "repaired", "failed")
Json = dict[str, Any]


def check(call: Call) -> None:
    """Raise InvalidRequest when the body's `healing` says what it cannot."""
    if "healing" in call.body:
        healing.mode_of(call.body)


def mend(chunks: Generator[Chunk, None, None], record: Record) -> Generator[Chunk, None, None]:
    """Return the answer's chunks, mended where JSON was asked for in one piece."""
    asked = record.request.get("response_format")
    if not isinstance(asked, dict) or asked.get("type") not in healing.FORMATS:
        return chunks
    mode = healing.mode_of(record.call.body)
    if mode == "off":
        return chunks
    if record.streamed:
        record.healing = Healing("streamed")
        return chunks
    return Mending(record, asked, mode).follow(chunks)


class Mending:
    """The mending of one answer, with all its choices."""

    def __init__(self, record: Record, asked: Mapping[str, Any], mode: str) -> None:
        self.record, self.asked = record, asked
        self.may_ask = mode == "repair"
        self.has_changed = False

    def follow(self, chunks: Generator[Chunk, None, None]) -> Generator[Chunk, None, None]:
        """Yield the chunks with every choice mended."""
        with closing(chunks):
            for chunk in chunks:
                yield self.mended(chunk) if chunk.data is not None else chunk

    def mended(self, chunk: Chunk) -> Chunk:
        """Return the answer with what could be mended."""
        assert chunk.data is not None
        choices = [self.choice(choice, chunk) for choice in choices_of(chunk.data)]
        if not self.has_changed:
            return chunk
        return replace(chunk, data={**chunk.data, "choices": choices}, source=None)

    def choice(self, choice: Json, chunk: Chunk) -> Json:
        """Return one choice with its text mended; tool calls and refusals have none."""
        message = choice.get("message")
        if not isinstance(message, dict) or not is_mendable(choice, message):
            return choice
        text = message["content"]
        better = self.text(text, chunk)
        if better == text:
            return choice
        self.has_changed = True
        return {**choice, "message": {**message, "content": better}}

    def text(self, text: str, chunk: Chunk) -> str:
        """Return the text as JSON that was asked for; as it came where that cannot be had."""
        if len(text) > healing.MOST_CHARACTERS:
            self.record.warnings.append("the answer was too long to be checked as JSON")
            return text
        healed = healing.heal(text)
        try:
            complaint = answer_schemas.complaint(healed.text, self.asked)
        except Unusable as error:
            self.record.warnings.append(f"the schema could not be used to check the answer: {error}")
            complaint = None if healed.valid else Complaint("it is not JSON", "it is not JSON")
        if complaint is None:
            if healed.steps:
                self.note("mended", healed.steps)
            return healed.text
        return self.ask_again(text, complaint, chunk)

    def ask_again(self, text: str, complaint: Complaint, chunk: Chunk) -> str:
        """Let the model mend its own answer, once in a call and only where what is held covers it."""
        may_ask, self.may_ask = self.may_ask and not guardrails.stops_answer(self.record, text), False
        why = "" if may_ask else "it was not asked again"
        if may_ask:
            try:
                repaired = healing.heal(repairs.ask(self.record, self.asked, text, complaint.detail, chunk))
                if answer_schemas.complaint(repaired.text, self.asked) is None:
                    self.note("repaired", repaired.steps)
                    return repaired.text
                why = "asking the model again did not help"
            except repairs.NotAsked as error:
                why = str(error)
            except Unusable:
                why = "asking the model again did not help"
        self.note("failed")
        self.record.warnings.append(f"the answer is not the JSON that was asked for: {complaint.text}; {why}")
        return text

    def note(self, outcome: str, steps: tuple[str, ...] = ()) -> None:
        """Remember what was done; of several choices the worst outcome counts."""
        before = self.record.healing or Healing(outcome)
        worst = max(before.outcome, outcome, key=RANK.index)
        self.record.healing = Healing(worst, tuple(dict.fromkeys((*before.steps, *steps))))


def is_mendable(choice: Json, message: Json) -> bool:
    """Say whether a choice is a text of the model's own: no tool calls, and nothing that a filter stopped."""
    is_text = isinstance(message.get("content"), str) and not message.get("tool_calls")
    return is_text and choice.get("finish_reason") != "content_filter"
