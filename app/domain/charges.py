"""What was held for a call, what of it was charged and given back, and why: in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.pricing import nano_to_usd
from app.domain.sentences import Sentence


class Charged(Protocol):
    """What is read of a stored record."""

    outcome: Any
    first_token_ms: Any
    cost_nano_usd: Any
    held_nano_usd: Any
    shortfall_nano_usd: Any
    overage_nano_usd: Any
    cached: Any


@dataclass(frozen=True, slots=True)
class Amount:
    """One amount, exact, in dollars."""

    label: Sentence
    usd: str
    hint: Sentence | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """The amounts that moved, and the rule by which they did."""

    amounts: tuple[Amount, ...]
    rules: tuple[Sentence, ...]


NOT_HELD = Sentence("Nothing had to be held: neither a prepaid balance nor a budget applies to this call.")
NOT_ASKED = ("refused", "failed", "replayed")  # the bill says why these cost nothing
RULES = {  # reliability 1.4
    "client_left": Sentence(
        "The client hung up after the provider was asked: charged are the input and the output until then."
    ),
    "rejected": Sentence("The answer was made and then stopped here: charged is what it used."),
    "cut": Sentence("The answer broke off: charged are the input and what was delivered."),
    "aborted": Sentence("The gateway itself failed: charged is at most what was delivered."),
    "crashed": Sentence("The gateway stopped during the call: only its input is charged, as estimated."),
}
FAILED_FIRST = Sentence("The failed attempts before the answer are not charged.")


def charge(row: Charged, attempts: Sequence[Mapping[str, Any]]) -> Charge:
    """Tell what moved for one call."""
    return Charge(tuple(amounts(row)), tuple(rules(row, attempts)))


def amounts(row: Charged) -> Iterator[Amount]:
    """Yield what was held, charged and given back; nothing where nothing was held."""
    if row.held_nano_usd is None:
        return
    charged = row.cost_nano_usd or 0
    hint = Sentence("The most that the call could have cost, so that nothing can be overdrawn.")
    yield Amount(Sentence("Held before the call"), nano_to_usd(row.held_nano_usd), hint)
    yield Amount(Sentence("Charged"), nano_to_usd(charged))
    yield Amount(Sentence("Given back"), nano_to_usd(row.held_nano_usd - charged))
    if row.shortfall_nano_usd:
        hint = Sentence("The call cost more than was held. The difference is the gateway's.")
        yield Amount(Sentence("Not charged"), nano_to_usd(row.shortfall_nano_usd), hint)


def rules(row: Charged, attempts: Sequence[Mapping[str, Any]]) -> Iterator[Sentence]:
    """Yield why so much was charged, where it is not simply what was used."""
    if row.outcome in RULES:
        yield RULES[row.outcome]
    elif any(attempt["status"] not in ("answered", "skipped") for attempt in attempts):
        yield FAILED_FIRST
    if row.held_nano_usd is None and row.outcome not in NOT_ASKED and not row.cached:
        yield NOT_HELD
