"""How much to hold for a call, and what it is charged in the end. Pure; integer nano-dollars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from app.domain.bounds import UNLIMITED_OUTPUT, Bound
from app.domain.budgets import BudgetFacts, in_force
from app.domain.callers import Caller
from app.domain.calls import Usage
from app.domain.pricing import Price, cost_nano_usd
from app.domain.targets import Candidate, Target

LEAST_OUTPUT = 16  # an answer that could be no longer is refused rather than begun
FREE_OPERATIONS = frozenset({"models", "count_tokens"})
NOBODY = 2**62  # a bound that nothing reaches
MOST_CHARACTERS_PER_TOKEN = 16  # an answer of so many more is longer than what was asked for
SPARE_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a call runs: whose balance, which budgets, and the plan's price for overage.

    `priced`: a model without a price is refused, although nothing of this call is counted.
    """

    prepaid: bool = False
    periods: tuple[BudgetFacts, ...] = ()  # per day and month, by id
    per_request: tuple[BudgetFacts, ...] = ()
    overage_nano_usd_per_million: int = 0
    priced: bool = False

    @property
    def holds(self) -> bool:
        """Say whether anything is held in SQL before the call."""
        return self.prepaid or bool(self.periods)

    @property
    def counts_tokens(self) -> bool:
        """Say whether any budget is in tokens."""
        return any(budget.cap_tokens is not None for budget in (*self.periods, *self.per_request))

    @property
    def needs_price(self) -> bool:
        """Say whether a model without a price must be refused (M11, decisions)."""
        budgets = (*self.periods, *self.per_request)
        hard = any(budget.hard and budget.cap_nano_usd is not None for budget in budgets)
        return self.prepaid or self.priced or hard

    def uncounted(self) -> Terms:
        """Return the same for a call in shadow: it may use no more than a real one, and nothing is held."""
        return Terms(per_request=self.per_request, priced=self.needs_price)


FREELY = Terms()
MOST_REMEMBERED = 4_096  # terms of callers at targets
_terms: dict[tuple[int, int, bool], tuple[Caller, tuple[BudgetFacts, ...], Terms]] = {}


@dataclass(frozen=True, slots=True)
class Quote:
    """The most a call can cost and use, with answers of at most `output_tokens` each."""

    nano_usd: int
    tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Free:
    """What is still free: of the balance and of every budget, the least of each."""

    nano_usd: int = NOBODY
    tokens: int = NOBODY

    def fits(self, quote: Quote) -> bool:
        """Say whether so much may be held."""
        return quote.nano_usd <= self.nano_usd and quote.tokens <= self.tokens

    def least(self, other: Free) -> Free:
        """Return what both allow."""
        return Free(min(self.nano_usd, other.nano_usd), min(self.tokens, other.tokens))


@dataclass(frozen=True, slots=True)
class Hold:
    """What is held for one call. `most_output`: the limit to set for the client; None: its own stands."""

    id: str
    nano_usd: int
    tokens: int
    terms: Terms
    most_output: int | None
    stored: bool  # False: only caps of single calls applied, and nothing stands in the database
    longest_answer: int = field(default=NOBODY)  # tokens, of all copies together

    @property
    def most_characters(self) -> int:
        """The length at which a stream that will not end is ended: generous, for tokens can be long (L8)."""
        return self.longest_answer * MOST_CHARACTERS_PER_TOKEN + SPARE_CHARACTERS


def terms_of(caller: Caller, target: Target) -> Terms:
    """Return the terms of a call; FREELY where nothing is counted before it."""
    if target.operation in FREE_OPERATIONS or not (caller.prepaid or caller.budgets or target.budgets):
        return FREELY
    place = id(caller), id(target.budgets), target.in_shadow  # several steps ask, and budgets are compared
    known = _terms.get(place)
    if known is not None and known[0] is caller and known[1] is target.budgets:
        return known[2]
    terms = made_terms(caller, target)
    if len(_terms) >= MOST_REMEMBERED:
        _terms.clear()
    _terms[place] = caller, target.budgets, terms
    return terms


def made_terms(caller: Caller, target: Target) -> Terms:
    """Return the terms of a call on whose caller or target something is counted."""
    budgets = in_force(caller.budgets, target.budgets)
    plan = caller.plan
    terms = Terms(
        prepaid=caller.prepaid,
        periods=tuple(budget for budget in budgets if budget.period != "request"),
        per_request=tuple(budget for budget in budgets if budget.period == "request"),
        overage_nano_usd_per_million=(plan and not plan.hard_cap and plan.overage_nano_usd_per_million) or 0,
    )
    return terms.uncounted() if target.in_shadow else terms


def cap_per_request(terms: Terms) -> Free:
    """Return what one call may use at most."""
    free = Free()
    for budget in terms.per_request:
        if budget.hard:
            usd, tokens = budget.cap_nano_usd, budget.cap_tokens
            free = free.least(Free(NOBODY if usd is None else usd, NOBODY if tokens is None else tokens))
    return free


def longest(candidates: Sequence[Candidate], bound: Bound) -> int:
    """Return how long one answer can get: as the client limits it, else as the models do."""
    if bound.output_tokens is not None:
        return bound.output_tokens
    return max(model_limit(candidate) for candidate in candidates)


def model_limit(candidate: Candidate) -> int:
    """Return the model's own limit on one answer."""
    facts = candidate.facts
    return (facts and (facts.max_output_tokens or facts.context_tokens)) or UNLIMITED_OUTPUT


def quote(
    candidates: Sequence[Candidate], bound: Bound, output_tokens: int, caller: Caller, terms: Terms
) -> Quote:
    """Return the worst case over the whole chain (reliability 1.3)."""
    given = bound.all_input_tokens + bound.repair_input_tokens(output_tokens)
    usage = Usage(given, bound.all_output_tokens(output_tokens))
    tokens = usage.input_tokens + usage.output_tokens * (1 + bound.read_tokens) + bound.beside_tokens
    worst = max(cost_at_worst(candidate, usage, caller.rate_multiplier_ppm) for candidate in candidates)
    worst += bound.fixed_nano_usd + bound.read_nano_usd(usage.output_tokens)
    return Quote(worst + overage_nano_usd(tokens, terms), tokens, output_tokens)


def overage_nano_usd(tokens: int, terms: Terms) -> int:
    """Return what so many tokens over the plan's included ones cost (R12)."""
    return cost_nano_usd(Usage(tokens), Price(terms.overage_nano_usd_per_million, 0))


def cost_at_worst(candidate: Candidate, usage: Usage, multiplier_ppm: int) -> int:
    """Return what so much costs if all input were of the dearest kind; 0 when the price is not known."""
    facts = candidate.facts
    prices = [price for price in (facts.price, facts.price_at(usage.input_tokens)) if price] if facts else []
    if not prices or facts is None or candidate.is_own:
        return 0
    dearest = Price(
        max(dearest_input(price) for price in prices), max(p.output_nano_usd_per_million for p in prices)
    )
    return cost_nano_usd(usage, dearest, (multiplier_ppm, facts.multiplier_ppm))


def dearest_input(price: Price) -> int:
    """Return the highest price of input: some charge more for what is written to a cache or read from it."""
    cached = price.cache_read_nano_usd_per_million, price.cache_write_nano_usd_per_million
    return max(price.input_nano_usd_per_million, *(each or 0 for each in cached))


def input_nano_usd(candidate: Candidate, tokens: int, caller: Caller) -> int:
    """Return what so much plain input costs: the charge when the worker dies (reliability 1.4)."""
    price = candidate.facts.price_at(tokens) if candidate.facts and not candidate.is_own else None
    return cost_nano_usd(Usage(tokens), price, multipliers(candidate, caller)) if price else 0


def multipliers(candidate: Candidate, caller: Caller) -> tuple[int, int]:
    """Return the account's and the model's multiplier, in parts per million (M7)."""
    return caller.rate_multiplier_ppm, candidate.facts.multiplier_ppm if candidate.facts else 1_000_000


prices = attrgetter(*(field.name for field in fields(Price)))  # a tenth of the time of `astuple`


def price_snapshot(candidates: Sequence[Candidate], caller: Caller) -> dict[str, Any]:
    """Return what the hold was computed with, by model id (O28)."""
    found: dict[str, Any] = {}
    for candidate in candidates:
        price = candidate.facts.price if candidate.facts else None
        if price is not None:
            found[candidate.model_id] = [*prices(price), *multipliers(candidate, caller)]
    return found


def largest_fitting(
    candidates: Sequence[Candidate], bound: Bound, caller: Caller, terms: Terms, free: Free
) -> Quote | None:
    """Return the quote with the longest answer that what is free covers; None when not even input fits."""
    low, high = -1, longest(candidates, bound)
    while low < high:
        middle = (low + high + 1) // 2
        if free.fits(quote(candidates, bound, middle, caller, terms)):
            low = middle
        else:
            high = middle - 1
    return None if low < 0 else quote(candidates, bound, low, caller, terms)
