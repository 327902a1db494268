"""What an answer would cost before it is given: catalog prices times multipliers, integer nano-dollars."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.calls import Usage
from app.domain.catalog import Model
from app.domain.pricing import MILLION, MOST_OF_ONE_CALL, cost_nano_usd
from app.domain.targets import Candidate

CUBED = MILLION**3


@dataclass(frozen=True, slots=True)
class Estimate:
    """About how much a request uses; `account_ppm` is the account's own multiplier (M7)."""

    input_tokens: int
    output_tokens: int
    account_ppm: int = MILLION

    def nano_usd(self, candidate: Candidate) -> int | None:
        """Return what the model would cost; None when its price is not known.

        The same as `cost_at`, without its care for caches: this is done for every model there is.
        """
        facts = candidate.facts
        price = facts.price_at(self.input_tokens) if facts else None
        if facts is None or price is None:
            return None
        given = self.input_tokens * price.input_nano_usd_per_million
        made = self.output_tokens * price.output_nano_usd_per_million
        total = (given + made) * self.account_ppm * facts.multiplier_ppm
        return min((2 * total + CUBED) // (2 * CUBED), MOST_OF_ONE_CALL)


def cost_at(facts: Model | None, usage: Usage, account_ppm: int) -> int | None:
    """Return what so much costs at a model's catalog price; None when that is not known."""
    price = facts.price_at(usage.input_tokens) if facts else None
    if facts is None or price is None:
        return None
    return cost_nano_usd(usage, price, (account_ppm, facts.multiplier_ppm))


def savings_nano_usd(
    baseline: Model | None, facts: Model | None, usage: Usage, account_ppm: int, extras_nano_usd: int = 0
) -> int | None:
    """Return what was saved against the baseline for the same tokens; never less than nothing (O37).

    What else the answer needed, such as a repair, counts against it. None: a price is not known.
    """
    would = cost_at(baseline, usage, account_ppm)
    did = None if would is None else cost_at(facts, usage, account_ppm)
    return None if would is None or did is None else max(0, would - did - extras_nano_usd)
