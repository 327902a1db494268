"""What each model costs here: listed price, multipliers, an example call; and what has no price (M14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.calls import Usage
from app.domain.catalog import Catalog, Model
from app.domain.model_names import AUTO
from app.domain.model_variants import base_of
from app.domain.pricing import MILLION, cost_nano_usd, effective_nano_usd
from app.models import Account, Alias, Endpoint, EndpointVersion, Provider
from app.services import access, catalog, model_rows

EXAMPLE = Usage(input_tokens=1_000, output_tokens=500)


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model as the workspace sees it: `facts` None: nothing is known of it; `own`: it has an own row."""

    id: str  # provider/model
    provider: Provider | None  # None: an own row for a provider that does not exist
    facts: Model | None
    own: bool = False
    own_price: bool = False  # the own row holds a price, not just a multiplier or limits
    used: bool = False  # an endpoint asks for it
    account_ppm: int = MILLION  # the account's factor on every price
    shipped: Model | None = None  # what the catalog says, without the own row

    @property
    def multipliers_ppm(self) -> tuple[int, int]:
        """The account's factor and the model's."""
        return self.account_ppm, self.facts.multiplier_ppm if self.facts else MILLION

    @property
    def is_multiplied(self) -> bool:
        """Whether the price paid is another than the listed one."""
        return self.multipliers_ppm[0] * self.multipliers_ppm[1] != MILLION * MILLION

    @property
    def example_nano_usd(self) -> int | None:
        """The cost of an example call; None when the price is not known."""
        price = self.facts.price_at(EXAMPLE.input_tokens) if self.facts else None
        return None if price is None else cost_nano_usd(EXAMPLE, price, self.multipliers_ppm)

    def effective_nano_usd(self, kind: str) -> int | None:
        """What a million tokens cost here after both factors; `kind`: input, output, cache_read or _write."""
        price = self.facts.price if self.facts else None
        listed = getattr(price, f"{kind}_nano_usd_per_million", None)
        return None if listed is None else effective_nano_usd(listed, self.multipliers_ppm)


def offered(actor: Actor, workspace_id: str, query: str = "") -> list[ModelView]:
    """Return the models of the workspace's providers, those used or priced here included, by id.

    `query`: words that must all be in the id, the model's name or the provider's.
    """

    def work(session: Session) -> list[ModelView]:
        access.require(session, actor, workspace_id, "viewer")
        return views(session, workspace_id)

    return [found for found in database.read(work) if matches(found, query)]


def views(session: Session, workspace_id: str) -> list[ModelView]:
    """Return every model that the workspace knows, sells or uses."""
    where = Provider.workspace_id == workspace_id
    by_slug = {row.slug: row for row in session.scalars(select(Provider).where(where))}
    known, used = model_rows.known_models(session, workspace_id), set(used_models(session, workspace_id))
    account_ppm = rate_of(session, workspace_id)
    ids = {f"{row.slug}/{m.name}" for row in by_slug.values() for m in catalog.shipped().list(row.vendor)}
    priced = model_rows.own_prices(session, workspace_id)
    return [
        view(known, by_slug, model_id, used, priced, account_ppm)
        for model_id in sorted(ids | known.own | used)
    ]


def account_rate(actor: Actor, workspace_id: str) -> int:
    """Return the factor on every price of the workspace's account, in parts per million."""

    def work(session: Session) -> int:
        access.require(session, actor, workspace_id, "viewer")
        return rate_of(session, workspace_id)

    return database.read(work)


def rate_of(session: Session, workspace_id: str) -> int:
    """Return the factor on every price of the account that pays, in parts per million."""
    root = Account.workspace_id == workspace_id, Account.parent_id.is_(None)
    return session.scalars(select(Account.rate_multiplier_ppm).where(*root)).one()


def view(
    known: Catalog,
    by_slug: Mapping[str, Provider],
    model_id: str,
    used: set[str],
    priced: set[str],
    account_ppm: int,
) -> ModelView:
    """Return one model with what is known of it at its provider."""
    slug, _, name = model_id.partition("/")
    provider = by_slug.get(slug)
    vendor = provider.vendor if provider else slug
    return ModelView(
        model_id,
        provider,
        known.find_served(slug, vendor, name),
        own=model_id in known.own,
        own_price=model_id in priced,
        used=model_id in used,
        account_ppm=account_ppm,
        shipped=catalog.shipped().find_served(slug, vendor, name),
    )


def matches(found: ModelView, query: str) -> bool:
    """Say whether every word of the query is in the model's id or names."""
    names = (found.id, found.facts.display_name if found.facts else "", getattr(found.provider, "name", ""))
    text = " ".join(names).lower()
    return all(word in text for word in query.lower().split())


def used_models(session: Session, workspace_id: str) -> Iterator[str]:
    """Yield the models that published endpoints and aliases ask for."""
    configs = session.scalars(
        select(EndpointVersion.config)
        .join(Endpoint, Endpoint.published_version_id == EndpointVersion.id)
        .where(Endpoint.workspace_id == workspace_id)
    )
    for config in configs:
        yield config["model"]
        yield from config.get("failover") or ()
    for models in session.scalars(
        select(Alias.models).where(Alias.workspace_id == workspace_id, Alias.active)
    ):
        yield from (base_of(model) for model in models if model != AUTO)


def find(actor: Actor, workspace_id: str, model_id: str) -> ModelView:
    """Return one model as the workspace sees it, also one that nobody knows."""

    def work(session: Session) -> ModelView:
        access.require(session, actor, workspace_id, "viewer")
        found = (each for each in views(session, workspace_id) if each.id == model_id)
        return next(found, None) or unknown(session, workspace_id, model_id)

    return database.read(work)


def unknown(session: Session, workspace_id: str, model_id: str) -> ModelView:
    """Return a model that is neither listed nor used; a dated snapshot has the price of its family."""
    slug, _, name = model_id.partition("/")
    where = Provider.workspace_id == workspace_id, Provider.slug == slug
    provider = session.scalars(select(Provider).where(*where)).first()
    return ModelView(
        model_id,
        provider,
        model_rows.facts(session, provider, name) if provider else None,
        account_ppm=rate_of(session, workspace_id),
        shipped=catalog.shipped().find_served(slug, provider.vendor if provider else slug, name),
    )


def as_shipped(query: str = "") -> list[ModelView]:
    """Return the shipped catalog with its listed prices, by id; for those who stand outside a workspace."""
    views = (ModelView(model.id, None, model, shipped=model) for model in catalog.shipped().list())
    return [found for found in views if matches(found, query)]


def seller(found: ModelView) -> str:
    """Return the name of who sells the model here: its provider, else its vendor."""
    if found.provider is not None:
        return found.provider.name
    slug = found.id.partition("/")[0]
    vendor = catalog.shipped().vendors.get(slug)
    return vendor.name if vendor else slug
