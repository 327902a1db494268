"""What guardrails did with one call: their verdicts, and what was taken out to be put back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# would_block: by a rule that only watches; failed: it could not run.
OUTCOMES = (
    "passed",
    "blocked",
    "masked",
    "redacted",
    "flagged",
    "would_block",
    "not_evaluated",
    "failed",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one guardrail said of one side of a call. `kinds`: what was found; never the match (O40)."""

    rule: str  # a kind of domain.guardrails.settings, with the customer's own name: pattern:order-number
    side: str  # input | output
    action: str  # block | mask | redact | flag | shadow
    outcome: str
    kinds: tuple[str, ...] = ()  # e-mail, AWS access key, …
    count: int = 0
    detail: str = ""  # in plain words: why it did not run, what the judge said of the rule

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"kinds": list(self.kinds)}


@dataclass(slots=True)
class Guarding:
    """The guardrails of one call. `told`: the answer as it left; None: as it came.

    `vault` maps placeholders like [[EMAIL_001]] to what they stand for; it never leaves this process.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    vault: dict[str, str] = field(default_factory=dict, repr=False)
    told: list[str] | None = None
