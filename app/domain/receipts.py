"""The receipt of a call: a stored record told in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.answer_notes import Noted, notes
from app.domain.bills import Billed, Cost, cost
from app.domain.charges import Charge, Charged, charge
from app.domain.policies.rules import DOWNGRADE
from app.domain.sentences import Sentence

OWN_STEPS = (
    "auth", "parse", "target", "admission", "prompt", "hold", "guardrails", "schema", "settle", "end",
)  # fmt: skip
WAITING_STEPS = ("turns", "plugins", "upstream", "stream")


class Stored(Billed, Charged, Noted, Protocol):
    """What the receipt reads of a stored record."""

    error_message: Any
    finish_reason: Any
    model_requested: Any
    action: Any
    routing: Any
    attempts: Any
    steps: Any


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One entry of the timeline. `tone`: ok, warn or error."""

    model_id: str
    credential: str
    title: Sentence
    detail: str
    tone: str
    milliseconds: int

    @property
    def tells_time(self) -> bool:
        """Say whether the title says how long it took."""
        return "seconds" in self.title.values and "%(seconds)s" in self.title.text


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long one step took, in microseconds."""

    name: str
    label: Sentence
    microseconds: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A record in plain words."""

    outcome: Sentence
    outcome_tone: str
    reason: Sentence | None
    notes: tuple[Sentence, ...]
    attempts: tuple[AttemptLine, ...]
    cost: Cost
    charge: Charge
    own_steps: tuple[StepTime, ...]
    waiting_steps: tuple[StepTime, ...]

    @property
    def own_microseconds(self) -> int:
        """The gateway's own time."""
        return sum(step.microseconds for step in self.own_steps)


TONES = {
    "succeeded": "ok",
    "replayed": "ok",
    "client_left": "warn",
    "refused": "warn",
    "rejected": "warn",
}  # all others: error

OUTCOMES = {
    "succeeded": Sentence("Answered"),
    "refused": Sentence("Refused"),
    "failed": Sentence("Failed"),
    "client_left": Sentence("Client left"),
    "rejected": Sentence("Answer stopped"),
    "cut": Sentence("Cut off"),
    "aborted": Sentence("Aborted"),
    "crashed": Sentence("Gateway stopped"),
    "replayed": Sentence("Replayed"),
}

FINISHES = {
    "stop": Sentence("The model finished its answer."),
    "length": Sentence("The answer reached its limit of output tokens and stops there."),
    "tool_calls": Sentence("The model asks the application to run a tool."),
    "content_filter": Sentence("The provider's content filter stopped the answer."),
}

FAILURES = {
    "timed_out": "%(who)s timed out after %(seconds)s s",
    "limited": "%(who)s limited our rate",
    "key_refused": "%(who)s refused our key",
    "refused": "%(who)s refused the request",
    "skipped": "%(who)s could not be tried",
}
FAILED = "%(who)s failed after %(seconds)s s"

STEPS = {
    "auth": Sentence("Key and rights"),
    "parse": Sentence("Reading the request"),
    "target": Sentence("Finding who may answer"),
    "admission": Sentence("Letting it in"),
    "prompt": Sentence("Applying the prompt"),
    "hold": Sentence("Holding the most it may cost"),
    "guardrails": Sentence("Guardrails on what was asked"),
    "schema": Sentence("Variables and input schema"),
    "settle": Sentence("Charging it, giving the rest back"),
    "end": Sentence("Refusing the call"),
    "turns": Sentence("Waiting for earlier turns of its conversation"),
    "plugins": Sentence("Waiting for the plugins"),
    "upstream": Sentence("Waiting for the provider's first word"),
    "stream": Sentence("Passing the answer on"),
}


def tone_of(outcome: str) -> str:
    """Return the colour of an outcome: ok, warn or error."""
    return TONES.get(outcome, "error")


def receipt(row: Stored, names: Mapping[str, str]) -> Receipt:
    """Tell a stored record; `names` gives the providers' names by slug."""
    attempts = [dict(attempt) for attempt in row.attempts]
    return Receipt(
        outcome=outcome(row),
        outcome_tone=tone_of(row.outcome),
        reason=reason(row, attempts, names),
        notes=tuple(notes(row)),
        attempts=tuple(attempt_line(attempt, attempts, names) for attempt in attempts),
        cost=cost(row),
        charge=charge(row, attempts),
        own_steps=step_times(steps_of(row), OWN_STEPS),
        waiting_steps=step_times(steps_of(row), WAITING_STEPS),
    )


def outcome(row: Stored) -> Sentence:
    """Say how the call ended."""
    values = {"error": row.error_message or ""}
    if row.outcome == "succeeded":
        return FINISHES.get(row.finish_reason or "stop", FINISHES["stop"])
    if row.outcome == "refused":
        return Sentence("The call was refused before any model was asked: “%(error)s”", values)
    if row.outcome == "failed":
        return Sentence("No model answered: “%(error)s”", values)
    if row.outcome == "rejected":
        return Sentence("A model answered, and its answer was stopped here: “%(error)s”", values)
    if row.outcome == "cut":
        return Sentence("The answer began, then it was cut off: “%(error)s”", values)
    if row.outcome == "client_left":
        return left(row.first_token_ms)
    if row.outcome == "replayed":
        return Sentence("This request had been answered before, so its stored answer was given again.")
    if row.outcome == "crashed":
        return Sentence(
            "The gateway stopped during the call; how far it came is not known. The fault is ours."
        )
    return Sentence("The gateway itself failed, so the call ended early. The fault is ours.")


def left(first_token_ms: int | None) -> Sentence:
    """Say when the client hung up."""
    if first_token_ms is None:
        return Sentence("The client hung up before the first word of the answer.")
    return Sentence("The client hung up before the answer was complete.")


def reason(row: Stored, attempts: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Sentence | None:
    """Say which model answered, and why that one; None when no model was asked."""
    if not attempts:
        return None
    failed = [attempt for attempt in attempts if attempt["status"] != "answered"]
    answered = next((attempt for attempt in attempts if attempt["status"] == "answered"), None)
    story = joined([failure(attempt, attempts, names) for attempt in failed])
    if answered is None:
        return Sentence("%(story)s. Nobody was left to answer.", {"story": story})
    who = name_of(answered, attempts, names)
    if failed:
        return Sentence("%(story)s, so %(who)s answered.", {"story": story, "who": who})
    if row.action == DOWNGRADE:
        values = {"asked": row.model_requested, "model": answered["model_id"]}
        return Sentence("%(asked)s was asked for; by the policy %(model)s answered in its place.", values)
    if row.routing and row.routing["classification"]:
        values = {"asked": row.model_requested, "model": answered["model_id"]}
        return Sentence("“%(asked)s” chose %(model)s, and it answered.", values)
    if "/" in row.model_requested and answered["model_id"] not in row.model_requested.split(", "):
        values = {"asked": row.model_requested, "who": who}
        return Sentence("%(asked)s could not be tried, so %(who)s answered.", values)
    return Sentence("%(model)s was asked first and answered.", {"model": answered["model_id"]})


def joined(sentences: Sequence[Sentence]) -> Sentence:
    """Put sentences in a row, with commas."""
    text = ", ".join(f"%(part{number})s" for number in range(len(sentences)))
    return Sentence(text, {f"part{number}": part for number, part in enumerate(sentences)})


def failure(
    attempt: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> Sentence:
    """Say what went wrong with one attempt."""
    spent = attempt["milliseconds"] / 1000
    seconds = f"{spent:.1f}" if spent >= 0.05 else f"{spent:.3f}"
    values = {"who": name_of(attempt, attempts, names), "seconds": seconds}
    return Sentence(FAILURES.get(attempt["status"], FAILED), values)


def name_of(
    attempt: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> str:
    """Return the provider's name; the model's id where several models of it were tried."""
    models = {other["model_id"] for other in attempts if other["provider"] == attempt["provider"]}
    return attempt["model_id"] if len(models) > 1 else names.get(attempt["provider"], attempt["provider"])


def attempt_line(
    attempt: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> AttemptLine:
    """Return one entry of the timeline."""
    answered = attempt["status"] == "answered"
    who = {"who": name_of(attempt, attempts, names)}
    title = Sentence("%(who)s answered", who) if answered else failure(attempt, attempts, names)
    tone = "ok" if answered else "warn" if attempt["status"] == "skipped" else "error"
    return AttemptLine(
        model_id=attempt["model_id"],
        credential=attempt["credential"],
        title=title,
        detail=attempt["reason"],
        tone=tone,
        milliseconds=attempt["milliseconds"],
    )


def steps_of(row: Stored) -> dict[str, int]:
    """Return the steps; without a first word the last one was waiting, or ours if nobody was asked."""
    steps = dict(row.steps)
    if "upstream" not in steps and "stream" in steps:
        steps["upstream" if row.attempts else "end"] = steps.pop("stream")
    return steps


def step_times(steps: Mapping[str, int], names: Sequence[str]) -> tuple[StepTime, ...]:
    """Return the steps that ran, in order."""
    return tuple(StepTime(name, STEPS[name], int(steps[name])) for name in names if name in steps)
