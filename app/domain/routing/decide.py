"""The whole decision, from the models that are ready to the chain that is tried, with its reasons (R20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.domain.calls import Usage
from app.domain.catalog import Model
from app.domain.decisions import Classification, Considered, Decision
from app.domain.routing import filters
from app.domain.routing.costs import Estimate, cost_at
from app.domain.routing.filters import Ask, Dropped, quality_of
from app.domain.routing.needs import Needs
from app.domain.routing.rank import Measurements, Ranking, chain_of, floor_of, rank
from app.domain.targets import Candidate

MOST_CONSIDERED = 24  # of each, those that fit and those that are excluded: a receipt is no catalog
AUTO, IN_ORDER, BY_POLICY = "auto", "in_order", "by_policy"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen. `chain` is empty where every model was excluded; `dropped` says by what."""

    chain: tuple[Candidate, ...]
    eligible: tuple[Candidate, ...]  # who else may come first, where the conversation was answered by it
    dropped: tuple[Dropped, ...]
    decision: Decision
    baseline: Model | None = None


def choose(
    requested: str,
    ready: Sequence[Candidate],
    kind: Classification,
    needs: Needs,
    ask: Ask,
    account_ppm: int,
    *,
    baseline: Model | None = None,
    measured: Measurements | None = None,
) -> Choice:
    """Choose among all models: hard filters, then the order. The same inputs give the same choice."""
    fitting, dropped = filters.split(ready, filters.for_chosen(ask, ready))
    estimate = Estimate(needs.input_tokens, needs.expected_output(kind), account_ppm)
    floor = least_quality(kind, ask, baseline)
    ranking = rank(fitting, estimate, floor, ask.wishes, measured)
    chain = chain_of(ranking) if ask.wishes.fallback else ranking.order[:1]
    against = baseline or dearest(ranking)
    decision = Decision(
        requested=requested,
        strategy=ask.wishes.policy or AUTO,
        chain=tuple(candidate.model_id for candidate in chain),
        considered=tuple(considered(ranking, chain, dropped, floor)),
        classification=kind,
        min_quality=floor,
        baseline_model=against.id if against else None,
        baseline_nano_usd=cost_at(against, usage_of(estimate), account_ppm),
        fitting=len(fitting),
        excluded=len(dropped),
    )
    return Choice(chain, ranking.eligible, tuple(dropped), decision, against)


def least_quality(kind: Classification, ask: Ask, baseline: Model | None) -> int:
    """Return the floor: what project or key set, else by the kind of request.

    Who asks for the cheapest has no floor of ours, and who names a baseline finds that good enough.
    """
    by_hand = ask.min_quality, ask.rules.min_quality
    if by_hand == (None, None) and ask.wishes.policy == "lowest_cost":
        return 0
    floor = floor_of(kind, *by_hand)
    is_named = ask.wishes.baseline_model is not None
    known = baseline.quality if baseline and is_named and by_hand == (None, None) else None
    return floor if known is None else min(floor, known)


def dearest(ranking: Ranking) -> Model | None:
    """Return the dearest model that fits, by what it would cost; the first of equals by id."""
    priced = [(cost, c) for c in ranking.order if (cost := ranking.costs[c.model_id]) is not None]
    if not priced:
        return None
    found = min(priced, key=lambda pair: (-pair[0], pair[1].model_id))[1]
    return replace(found.facts, id=found.model_id) if found.facts else None


def usage_of(estimate: Estimate) -> Usage:
    """Return the estimate as usage."""
    return Usage(estimate.input_tokens, estimate.output_tokens)


def considered(
    ranking: Ranking, chain: Sequence[Candidate], dropped: Sequence[Dropped], floor: int
) -> Iterator[Considered]:
    """Yield the chain, then who else fits, then who was excluded; each with its price, quality and reason."""
    first = {candidate.model_id for candidate in chain}
    others = [candidate for candidate in ranking.order if candidate.model_id not in first]
    for number, candidate in enumerate([*chain, *others][:MOST_CONSIDERED]):
        yield Considered(
            model_id=candidate.model_id,
            score=quality_of(candidate),
            estimated_nano_usd=ranking.costs[candidate.model_id],
            reasons=reasons_for(candidate, ranking, floor, is_first=number == 0),
        )
    yield from excluded(dropped)


def excluded(dropped: Sequence[Dropped]) -> Iterator[Considered]:
    """Yield the models that were excluded, and by what."""
    for each in dropped[:MOST_CONSIDERED]:
        yield Considered(
            model_id=each.candidate.model_id,
            score=quality_of(each.candidate),
            estimated_nano_usd=None,
            reasons=(f"It {each.by.words}.",),
            filtered_out_by=each.by.name,
        )


def reasons_for(candidate: Candidate, ranking: Ranking, floor: int, *, is_first: bool) -> tuple[str, ...]:
    """Say in plain words why a model that fits stands where it stands."""
    found = []
    if quality_of(candidate) < floor:
        found.append(f"Its quality is below {floor}.")
        if is_first:
            found.append("No model that fits is better.")
    elif is_first:
        found.append(f"Its quality is at least {floor}.")
    if candidate.model_id in ranking.slow:
        found.append("It was lately slower than preferred.")
    if ranking.costs[candidate.model_id] is None:
        found.append("Its price is not known.")
    return tuple(found)


def stay(decision: Decision, chain: Sequence[Candidate]) -> Decision:
    """Return the decision after the conversation stayed with the model that answered it before."""
    return replace(decision, chain=tuple(candidate.model_id for candidate in chain), sticky=True)
