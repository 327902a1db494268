"""What a project can be answered by: its providers, the models they offer, and its aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.aliases import Alias
from app.domain.catalog import Catalog, Model
from app.domain.gateway_settings import GatewaySettings
from app.domain.targets import Candidate, CredentialValue, Skipped

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
        if seller.state != "ready":
            return Skipped(model_id, STATES[seller.state])
        return Candidate(
            model_id=model_id,
            provider_id=seller.id,
            provider_slug=slug,
            provider_name=seller.name,
            dialect=seller.dialect,
            base_url=seller.base_url,
            model=name,
            facts=self.models.get(model_id) or self.known.find_served(slug, seller.vendor, name),
            credentials=seller.credentials,
            watched=seller.watched,
            zdr=seller.zdr,
            may_train=seller.may_train,
        )
