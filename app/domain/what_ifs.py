"""What would have happened: past requests under another policy, price, guardrail or routing, and the sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.calls import Usage
from app.domain.catalog import Model
from app.domain.pricing import MILLION, Price, cost_nano_usd, nano_to_usd

FEWEST, USUAL, MOST = 10, 200, 1000
CHANGES = ("policy", "prices", "guardrails", "routing")
# Why something cannot be told of a request.
NO_CONTENT, NO_PRICE, NO_ANSWER, CACHED = "no_content", "no_price", "no_answer", "cached"
ELSEWHERE, SPEND, NOT_NAMED, GOVERNED = "paid_elsewhere", "month_spend", "not_named", "governed"
NO_TIME = "no_time"


@dataclass(frozen=True, slots=True)
class Logged:
    """A request as it was: who answered, how much it used, at which price. `model`: empty where nobody did.

    `account_ppm`: the account's factor at the time. `beside_nano_usd`: what tools, judges and repairs cost.
    """

    id: str
    created_at: datetime
    requested: str
    model: str
    nano_usd: int | None
    usage: Usage = Usage()
    price: Price | None = None
    account_ppm: int = MILLION
    model_ppm: int = MILLION
    beside_nano_usd: int = 0
    refusal: str = ""  # why nobody answered
    cached: bool = False
    paid_elsewhere: bool = False
    end_user: str = ""

    @property
    def answered(self) -> bool:
        """Say whether anybody answered."""
        return not self.refusal

    def costs_with(self, model_id: str, facts: Model | None) -> Cost:
        """Return what the same tokens cost when this model answers, at its price of today."""
        if model_id == self.model:
            return Cost(self.nano_usd, "" if self.nano_usd is not None else NO_PRICE)
        why = self.untold_for_others()
        price = facts.price_at(self.usage.input_tokens) if facts else None
        if why or facts is None or price is None:
            return Cost(None, why or NO_PRICE)
        return self.costs_at(price, facts.multiplier_ppm)

    def untold_for_others(self) -> str:
        """Return why nobody can say what another model would have cost; empty where it can be said."""
        if self.paid_elsewhere:
            return ELSEWHERE
        if self.cached:
            return CACHED
        return "" if self.usage.input_tokens or self.usage.output_tokens else NO_ANSWER

    def costs_at(self, price: Price, model_ppm: int) -> Cost:
        """Return what the tokens cost at a price, with the account's factor and what was paid beside them."""
        cost = cost_nano_usd(self.usage, price, (self.account_ppm, model_ppm))
        return Cost(cost + self.beside_nano_usd)


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount; None: `untold` says why."""

    nano_usd: int | None
    untold: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """What a request would have come to. `refusal`: why nobody would have answered; `acts`: masked, flagged…

    `why`: the rule that decided, or what was found, in words.
    """

    model: str
    cost: Cost
    refusal: str = ""
    why: str = ""
    acts: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        shown = told(self.model, self.cost.nano_usd, self.refusal)
        return {**shown, "why": self.why, "acts": list(self.acts)}


@dataclass(frozen=True, slots=True)
class Difference:
    """A request before and after. `after` None: it cannot be told, `untold` says why."""

    before: Logged
    after: Fate | None
    untold: str = ""

    @property
    def blocks(self) -> bool:
        """Say whether a request that was answered would have been refused."""
        return self.after is not None and bool(self.after.refusal) and self.before.answered

    @property
    def opens(self) -> bool:
        """Say whether a request that was refused would have been answered."""
        return self.after is not None and not self.after.refusal and not self.before.answered

    @property
    def moves(self) -> bool:
        """Say whether another model would have answered."""
        both = self.after is not None and self.before.answered and not self.after.refusal
        return both and self.after is not None and self.after.model != self.before.model

    @property
    def saved_nano_usd(self) -> int | None:
        """Return how much less it would have cost; None where one of the two is not known."""
        before, after = self.before.nano_usd, self.after.cost.nano_usd if self.after else None
        return None if before is None or after is None else before - after

    @property
    def changes(self) -> bool:
        """Say whether anything would have been different."""
        acts = self.after is not None and bool(self.after.acts)
        return self.blocks or self.opens or self.moves or acts or bool(self.saved_nano_usd)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; amounts in dollars."""
        after = self.after
        return {
            "request_id": self.before.id,
            "created_at": self.before.created_at.isoformat(),
            "before": told(self.before.model, self.before.nano_usd, self.before.refusal),
            "after": after and after.as_dict(),
            "not_told": self.untold or (after.cost.untold if after else ""),
        }


def told(model: str, nano_usd: int | None, refusal: str) -> dict[str, Any]:
    """Return one side of a difference as JSON."""
    cost = None if nano_usd is None else nano_to_usd(nano_usd)
    return {"model": model or None, "cost_usd": cost, "refused": refusal or None}


@dataclass(slots=True)
class Totals:
    """All requests together. The two sums are of those whose cost is known before and after."""

    requests: int = 0
    moved: Counter[str] = field(default_factory=Counter)  # by the model that would have answered
    blocked: int = 0
    opened: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    priced: int = 0
    before_nano_usd: int = 0
    after_nano_usd: int = 0
    untold: Counter[str] = field(default_factory=Counter)  # requests of which nothing is told, by reason
    unpriced: Counter[str] = field(default_factory=Counter)  # those of which only the cost is not

    @property
    def saved_nano_usd(self) -> int:
        """Return how much less all would have cost; below nothing: more."""
        return self.before_nano_usd - self.after_nano_usd

    @property
    def compared(self) -> int:
        """Return of how many requests anything can be told."""
        return self.requests - self.untold.total()

    def add(self, one: Difference) -> None:
        """Count one request."""
        self.requests += 1
        if one.after is None:
            self.untold[one.untold] += 1
            return
        self.blocked += one.blocks
        self.opened += one.opens
        if one.moves:
            self.moved[one.after.model] += 1
        self.acts.update(one.after.acts)
        self.add_cost(one.before, one.after.cost)

    def add_cost(self, before: Logged, after: Cost) -> None:
        """Add what a request cost and would have cost, where both are known."""
        if before.nano_usd is None or after.nano_usd is None:
            self.unpriced[after.untold or NO_PRICE] += 1
            return
        self.priced += 1
        self.before_nano_usd += before.nano_usd
        self.after_nano_usd += after.nano_usd

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; amounts in dollars."""
        return {
            "requests": self.requests,
            "compared": self.compared,
            "moved": dict(self.moved.most_common()),
            "blocked": self.blocked,
            "opened": self.opened,
            "acts": dict(self.acts),
            "cost_before_usd": nano_to_usd(self.before_nano_usd),
            "cost_after_usd": nano_to_usd(self.after_nano_usd),
            "saved_usd": nano_to_usd(self.saved_nano_usd),
            "not_told": dict(self.untold),
            "cost_not_told": dict(self.unpriced),
        }


def totals_of(differences: Iterable[Difference]) -> Totals:
    """Return the sums."""
    totals = Totals()
    for each in differences:
        totals.add(each)
    return totals
