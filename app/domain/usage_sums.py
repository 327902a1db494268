"""What is added up over some calls."""

from __future__ import annotations

from dataclasses import dataclass

MEASURES = {
    "spend": ("cost_nano_usd",),
    "savings": ("savings_nano_usd",),
    "calls": ("calls",),
    "tokens": ("input_tokens", "output_tokens"),
    "input": ("input_tokens",),
    "output": ("output_tokens",),
    "errors": ("errors",),
}


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over some calls. `unpriced` counts those whose price is not known.

    `errors` counts those that failed, `blocked` those that a guardrail or a policy stopped.
    """

    calls: int = 0
    errors: int = 0
    blocked: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: int = 0
    savings_nano_usd: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def __sub__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, name) - getattr(other, name) for name in self.__slots__))

    def of(self, measure: str) -> int:
        """Return one measure."""
        return sum(getattr(self, name) for name in MEASURES[measure])
