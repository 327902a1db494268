"""What a project can be answered by: its providers, the models they offer, and its aliases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from app.domain.aliases import Alias
from app.domain.catalog import Catalog, Model
from app.domain.gateway_settings import GatewaySettings
from app.domain.targets import Candidate, CredentialValue, Skipped

T = TypeVar("T")
MOST_MADE = 2_000
STATES = {
    "off": "the provider is switched off",
    "paused": "the provider is paused",
    "no_key": "the provider has no active API key",
}


@dataclass(frozen=True, slots=True)
class Seller:
    """A provider of the workspace as a call sees it. `state`: ready | off | paused | no_key."""

    id: str
    slug: str
    name: str
    dialect: str
    base_url: str
    vendor: str
    zdr: bool
    may_train: bool
    watched: bool
    state: str
    credentials: tuple[CredentialValue, ...]


@dataclass(frozen=True, slots=True)
class Lineup:
    """A project's providers by slug, their known models by `provider/model`, and its aliases by name.

    `by_name`: the ids under which a bare model name is offered. `known`: the catalog of the workspace.
    """

    project_id: str
    sellers: Mapping[str, Seller]
    models: Mapping[str, Model]
    by_name: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, Alias]
    known: Catalog
    gateway: GatewaySettings
    log_content: bool
    config_stamp: str | None
    read_at: float
    candidates: dict[str, Candidate | Skipped] = field(default_factory=dict)  # made once each
    kinds: dict[str, tuple[str, ...]] = field(default_factory=dict)  # made once each
    openings: dict[str, Lineup] = field(default_factory=dict)  # for whoever calls providers themselves
    made: dict[Any, Any] = field(default_factory=dict)  # what follows from names, by what it is; see `once`

    def once(self, name: Any, make: Callable[[], T]) -> T:
        """Return what `make` makes of the lineup and a name, made once; only so much is kept of strangers."""
        if name in self.made:
            return self.made[name]  # type: ignore[no-any-return]
        found = make()
        if len(self.made) < MOST_MADE:
            self.made[name] = found
        return found

    def facts(self, model_id: str) -> Model | None:
        """Return what is known of `provider/model`, a deprecated one or a dated snapshot included."""
        found = self.models.get(model_id)
        if found is not None:
            return found
        slug, _, name = model_id.partition("/")
        seller = self.sellers.get(slug)
        return self.known.find_served(slug, seller.vendor, name) if seller else None

    def of_kind(self, modality: str) -> tuple[str, ...]:
        """Return the ids of the known models that make texts, or embeddings."""
        ids = self.kinds.get(modality)
        if ids is None:
            found = self.models.items()
            ids = self.kinds[modality] = tuple(id for id, facts in found if facts.modality == modality)
        return ids

    def candidate(self, model_id: str) -> Candidate | Skipped:
        """Return who can answer as `provider/model`, or why nobody can; a model need not be known."""
        found = self.candidates.get(model_id)
        if found is None:
            found = self._candidate(model_id)
            if model_id in self.models:  # names that strangers make up are not kept
                self.candidates[model_id] = found
        return found

    def _candidate(self, model_id: str) -> Candidate | Skipped:
        slug, _, name = model_id.partition("/")
        seller = self.sellers.get(slug)
        if seller is None:
            return Skipped(model_id, "there is no such provider in this workspace")
        if seller.state not in ("ready", "no_key"):
            return Skipped(model_id, STATES[seller.state])
        found = self._at(seller, model_id, name)
        return found if seller.state == "ready" else Skipped(model_id, STATES["no_key"], found)

    def _at(self, seller: Seller, model_id: str, name: str) -> Candidate:
        return Candidate(
            model_id=model_id,
            provider_id=seller.id,
            provider_slug=seller.slug,
            provider_name=seller.name,
            dialect=seller.dialect,
            base_url=seller.base_url,
            model=name,
            facts=self.facts(model_id),
            credentials=seller.credentials,
            watched=seller.watched,
            zdr=seller.zdr,
            may_train=seller.may_train,
        )


def opened(lineup: Lineup, provider: str = "") -> Lineup:
    """Return the lineup of somebody who calls the providers themselves: none of them lacks a key.

    Beside those set up here it has every vendor of the catalog, and the `provider` that they name.
    """
    name = "" if provider in lineup.sellers else provider
    found = lineup.openings.get(name)
    if found is None:
        found = with_everybody(lineup, name)
        if not name or name in lineup.known.vendors:  # names that strangers make up are not kept
            lineup.openings[name] = found
    return found


def with_everybody(lineup: Lineup, provider: str) -> Lineup:
    """Return the lineup with who is not set up here; of `provider`, any model may be chosen, too."""
    own = {slug: with_key(seller) for slug, seller in lineup.sellers.items()}
    others = [slug for slug in dict.fromkeys((*lineup.known.vendors, provider)) if slug and slug not in own]
    sold = {slug: [each for each in lineup.known.list(slug) if not each.deprecated] for slug in others}
    names: dict[str, tuple[str, ...]] = {}
    for model in (each for models in sold.values() for each in models):
        names[model.name] = (*names.get(model.name, ()), model.id)
    return replace(
        lineup,
        sellers=own | {slug: elsewhere(slug, lineup.known) for slug in others},
        models={**lineup.models, **{model.id: model for model in sold.get(provider, [])}},
        by_name={**names, **lineup.by_name},
        candidates={},
        kinds={},
        openings={},
        made={},
    )


def with_key(seller: Seller) -> Seller:
    """Return a provider as whoever has a key for it sees it."""
    return replace(seller, state="ready") if seller.state == "no_key" else seller


def elsewhere(slug: str, known: Catalog) -> Seller:
    """Return a provider that is not set up here."""
    vendor = known.vendors.get(slug)
    return Seller(
        id="",
        slug=slug,
        name=vendor.name if vendor else slug,
        dialect=vendor.dialect if vendor else "openai",
        base_url="",
        vendor=slug,
        zdr=vendor is not None and vendor.zdr,
        may_train=vendor is None or vendor.may_train,
        watched=False,
        state="ready",
        credentials=(),
    )
