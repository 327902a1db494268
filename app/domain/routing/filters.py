"""What excludes a model whatever it costs: rules of the key, wishes of the request, abilities (O46).

Rules and wishes hold for every model, also for one that the client names. What a model can do excludes it
only where the choice is ours: who names a model knows why, and what it does not support is dropped (A4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.key_rules import NO_RULES, KeyRules
from app.domain.policies.rules import NO_BOUNDS, Bounds
from app.domain.pricing import format_usd, nano_to_usd
from app.domain.routing.costs import Estimate
from app.domain.routing.needs import Needs
from app.domain.targets import Candidate
from app.domain.wishes import NO_WISHES, QUANTIZATIONS, Wishes

DEFAULT_QUALITY = 50  # of a model of which nothing is known
RANKS = {name: number for number, name in enumerate(QUANTIZATIONS)}
ABILITIES = {
    "tools": "cannot use tools",
    "vision": "cannot see pictures",
    "json_schema": "cannot follow a JSON schema",
    "reasoning": "cannot think before it answers",
    "embeddings": "makes no embeddings",
}
UNPRICED, MAX_COST = "unpriced", "max_cost"


@dataclass(frozen=True, slots=True)
class Filter:
    """One reason to exclude models. `words` says of a model why: `may train on what it is sent`.

    Words that must be put together are, once somebody is told of them.
    """

    name: str
    said: str | Callable[[], str]
    excludes: Callable[[Candidate], bool]

    @property
    def words(self) -> str:
        """Return why a model is excluded."""
        return self.said if isinstance(self.said, str) else self.said()


@dataclass(frozen=True, slots=True)
class Dropped:
    """A model that was excluded, and by what."""

    candidate: Candidate
    by: Filter


@dataclass(frozen=True, slots=True)
class Ask:
    """What the filters go by. `min_quality` is the project's; it holds for models of our choice."""

    wishes: Wishes = NO_WISHES
    rules: KeyRules = NO_RULES
    counts_money: bool = False
    min_quality: int | None = None
    needs: Needs | None = None
    bounds: Bounds = NO_BOUNDS  # of a policy's rule
    longest: Estimate | None = None  # what one answer may cost: for the key's limit on that

    @property
    def limits_cost(self) -> bool:
        """Say whether one request may only cost so much."""
        return limits_cost(self.rules, self.bounds)


def limits_cost(rules: KeyRules, bounds: Bounds) -> bool:
    """Say whether a key or a policy's rule lets one request only cost so much."""
    mosts = rules.max_cost_nano_usd_per_request, bounds.max_nano_usd_per_request
    return mosts != (None, None)


def quality_of(candidate: Candidate) -> int:
    """Return how good the model is, 0 to 100."""
    facts = candidate.facts
    return DEFAULT_QUALITY if facts is None or facts.quality is None else facts.quality


def for_named(ask: Ask) -> tuple[Filter, ...]:
    """Return what may exclude a model that the client named."""
    return (*by_rules(ask.rules), *by_bounds(ask), *by_wishes(ask.wishes), *by_money(ask))


def for_chosen(ask: Ask, among: Sequence[Candidate]) -> tuple[Filter, ...]:
    """Return what may exclude a model that we would choose."""
    found = [
        *by_rules(ask.rules),
        *by_bounds(ask),
        *by_wishes(ask.wishes),
        *by_fitness(ask),
        *by_abilities(ask.needs),
    ]
    if any(each.dialect != "demo" and ask.rules.allows(each.model_id) for each in among):
        words = "is the built-in demo, which steps back where a real provider is set up"
        found.append(Filter("demo", words, lambda candidate: candidate.dialect == "demo"))
    return (*found, *by_money(ask))


def split(
    candidates: Sequence[Candidate], filters: Sequence[Filter]
) -> tuple[list[Candidate], list[Dropped]]:
    """Return who is left and who is excluded, each by the first filter that excludes it."""
    left, dropped = list[Candidate](), list[Dropped]()
    for candidate in candidates:
        for each in filters:
            if each.excludes(candidate):
                dropped.append(Dropped(candidate, each))
                break
        else:
            left.append(candidate)
    return left, dropped


def by_rules(rules: KeyRules) -> Iterator[Filter]:
    """Yield the key's own rules (R17)."""
    if rules.models or rules.allowed_providers or rules.excluded_providers:
        yield Filter(
            "key_rules", "is not among those that this key may use", lambda c: not rules.allows(c.model_id)
        )
    least = rules.min_quality
    if least is not None:
        words = f"is below the quality of {least} that this key asks for"
        yield Filter("key_min_quality", words, lambda c: quality_of(c) < least)


def by_bounds(ask: Ask) -> Iterator[Filter]:
    """Yield the bounds of a policy's rule."""
    bounds, longest = ask.bounds, ask.longest
    if bounds is NO_BOUNDS:
        return
    only, never = frozenset(bounds.providers), frozenset(bounds.excluded_providers)
    if only or never:
        words = "is not at a provider that the policy allows"
        yield Filter("policy_providers", words, lambda c: not is_at(c.provider_slug, only, never))
    least, most = bounds.min_quality, bounds.max_input_nano_usd_per_million
    if least is not None:
        words = f"is below the quality of {least} that the policy asks for"
        yield Filter("policy_min_quality", words, lambda c: quality_of(c) < least)
    if most is not None:
        yield Filter("policy_max_input", lambda: policy_input_words(most), lambda c: input_price(c) > most)
    whole = bounds.max_nano_usd_per_request
    if whole is not None and longest is not None:
        yield Filter(
            "policy_max_cost", lambda: policy_cap_words(whole), lambda c: costs_more(c, longest, whole)
        )


def policy_cap_words(whole: int) -> str:
    """Say that a model may cost more than a policy's rule allows."""
    return f"may cost more than the ${nano_to_usd(whole)} that the policy allows for one request"


def policy_input_words(most: int) -> str:
    """Say that a model's input costs more than a policy's rule allows."""
    return f"costs more than the {format_usd(most)} per million tokens of input that the policy allows"


def is_at(slug: str, only: frozenset[str], never: frozenset[str]) -> bool:
    """Say whether a provider is among those that are left."""
    return (not only or slug in only) and slug not in never


def costs_more(candidate: Candidate, longest: Estimate, most: int) -> bool:
    """Say whether one answer may cost more; of a model without a price nobody knows, so it may."""
    cost = longest.nano_usd(candidate)
    return cost is None or cost > most


def by_wishes(wishes: Wishes) -> Iterator[Filter]:
    """Yield the request's own exclusions (R8, R10, A14)."""
    if wishes is NO_WISHES:
        return
    if wishes.providers:
        chosen = frozenset(wishes.providers)
        words = "is not at one of the providers asked for"
        yield Filter("providers", words, lambda c: c.provider_slug not in chosen)
    if wishes.no_training:
        words = "is at a provider that may train on what it is sent"
        yield Filter("data_collection", words, lambda c: c.may_train)
    if wishes.zdr:
        yield Filter("zdr", "is at a provider without zero data retention", lambda c: not c.zdr)
    if wishes.min_quantization or wishes.max_quantization:
        words = "is coarser or finer than asked for, or its precision is not known"
        yield Filter("quantization", words, lambda c: not is_between(c, wishes))
    most = wishes.max_input_nano_usd_per_million
    if most is not None:
        words = f"costs more than {format_usd(most)} per million tokens of input"
        yield Filter("max_cost_per_1m_input", words, lambda c: input_price(c) > most)


def by_fitness(ask: Ask) -> Iterator[Filter]:
    """Yield what makes a model unfit to be chosen by us."""
    least = ask.min_quality
    if least is not None:
        words = f"is below the quality of {least} that this project asks for"
        yield Filter("min_quality", words, lambda c: quality_of(c) < least)
    yield Filter("deprecated", "is being retired", lambda c: c.facts is not None and c.facts.deprecated)


def by_abilities(needs: Needs | None) -> Iterator[Filter]:
    """Yield what a model must be able to do and to hold; what is not known to be there is missing."""
    if needs is None:
        return
    for feature in sorted(needs.features):
        yield Filter(feature, ABILITIES[feature], lacks(feature))
    if "embeddings" not in needs.features:
        yield Filter("modality", "only makes embeddings", lambda c: features_of(c) == {"embeddings"})
    size = needs.context_tokens
    yield Filter("context", f"cannot hold about {size:,} tokens", lambda c: is_too_small(c, size))


def by_money(ask: Ask) -> Iterator[Filter]:
    """Yield what money excludes, last: whoever is excluded here would have done otherwise."""
    if ask.counts_money:
        yield Filter(UNPRICED, "has no known price, and money is counted", lambda c: not has_price(c))
    most, longest = ask.rules.max_cost_nano_usd_per_request, ask.longest
    if most is not None and longest is not None:
        words = f"may cost more than the ${nano_to_usd(most)} that this key may spend on one request"
        yield Filter(MAX_COST, words, lambda c: (longest.nano_usd(c) or 0) > most)


def has_price(candidate: Candidate) -> bool:
    """Say whether what the model costs is known; with a key of the caller's own it costs nothing here."""
    facts = candidate.facts
    return candidate.is_own or (facts is not None and facts.price is not None)


def input_price(candidate: Candidate) -> float:
    """Return what a million tokens of input cost, in nano-dollars; beyond any limit when not known."""
    price = candidate.facts.price if candidate.facts else None
    return float("inf") if price is None else price.input_nano_usd_per_million


def is_between(candidate: Candidate, wishes: Wishes) -> bool:
    """Say whether a model's precision is as asked; one of which nothing is known may be anything: no."""
    rank = RANKS.get((candidate.facts.quantization or "").lower()) if candidate.facts else None
    if rank is None:
        return False
    least = RANKS[wishes.min_quantization] if wishes.min_quantization else 0
    most = RANKS[wishes.max_quantization] if wishes.max_quantization else len(RANKS)
    return least <= rank <= most


def features_of(candidate: Candidate) -> Any:
    """Return what the model is known to be able to do."""
    return candidate.facts.features if candidate.facts else frozenset()


def lacks(feature: str) -> Callable[[Candidate], bool]:
    """Return the test for models that cannot do it."""
    return lambda candidate: feature not in features_of(candidate)


def is_too_small(candidate: Candidate, tokens: int) -> bool:
    """Say whether so much does not fit into the model's context."""
    limit = candidate.facts.context_tokens if candidate.facts else None
    return limit is not None and tokens > limit


def told(dropped: Sequence[Dropped]) -> str:
    """Say which filter excluded how many models, and why, in plain words."""
    counts: dict[tuple[str, str], int] = {}
    for each in dropped:
        counts[each.by.name, each.by.words] = counts.get((each.by.name, each.by.words), 0) + 1
    parts = [
        f"'{name}' excluded {count} {'models' if count > 1 else 'model'} (it {words})"
        for (name, words), count in counts.items()
    ]
    return "; ".join(parts)
