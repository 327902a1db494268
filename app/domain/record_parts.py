"""The parts of a record: attempts, what was paid for beside the answer, what became of JSON."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.calls import Usage


@dataclass(slots=True)
class Attempt:
    """One try of one candidate with one credential."""

    model_id: str
    provider: str
    credential: str
    status: str  # answered | failed | timed_out | limited | refused | skipped
    reason: str
    milliseconds: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "model_id": self.model_id,
            "provider": self.provider,
            "credential": self.credential,
            "status": self.status,
            "reason": self.reason,
            "milliseconds": self.milliseconds,
        }


@dataclass(frozen=True, slots=True)
class Extra:
    """Something paid for beside the answer itself: a repair, a further round with a tool, a picture.

    `provider_nano_usd` is without our multipliers.
    """

    kind: str  # repair | round | image
    label: str
    usage: Usage
    nano_usd: int
    provider_nano_usd: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        counts = {"input_tokens": self.usage.input_tokens, "output_tokens": self.usage.output_tokens}
        return {"kind": self.kind, "label": self.label, "nano_usd": self.nano_usd, **counts}

    def given_away(self) -> Extra:
        """Return it as it counts in a call that failed: for nothing."""
        return replace(self, usage=Usage(), nano_usd=0, provider_nano_usd=0)


@dataclass(frozen=True, slots=True)
class Healing:
    """What became of an answer that was to be JSON. `steps`: names of domain.healing.STEPS.

    `outcome`: mended | repaired (by asking the model again) | failed | streamed (then nothing is done).
    """

    outcome: str
    steps: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"outcome": self.outcome, "steps": list(self.steps)}


@dataclass(frozen=True, slots=True)
class Slot:
    """Where an answer stands, or is to be kept, in its project's cache."""

    key: str
    seconds: int
    generation: str = "0"  # answers of another one were thrown away


@dataclass(slots=True)
class Session:
    """A turn of a conversation that we keep. `history`: the messages of the turns before it.

    `is_new`: this turn began it. `ask`: what the client said in this turn, as guardrails left it. `heard`:
    what left of the answer, piece by piece.
    """

    id: str
    history: list[dict[str, Any]]
    is_new: bool = False
    ask: list[dict[str, Any]] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list, repr=False)
