"""A workspace's own rows of the model catalog, and what is known of a model there (P27)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.calls import Usage
from app.domain.catalog import Catalog, Model, Override
from app.domain.endpoints import check_model_id
from app.domain.errors import InvalidInput, NotFound
from app.domain.fields import Collector, refuse_unknown, switch, text, whole
from app.domain.pricing import cost_nano_usd, nano_to_usd, usd_to_nano
from app.models import Endpoint, EndpointVersion, ModelOverride, Provider
from app.services import access, audit, catalog

PRICES = ("input", "output", "cache_read", "cache_write")
FIELDS = frozenset({f"{p}_usd_per_million" for p in PRICES} | {"free", "context_tokens", "max_output_tokens"})

EXAMPLE = Usage(input_tokens=1_000, output_tokens=500)


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model as the workspace sees it: `facts` None: nothing is known of it; `own`: it has an own row."""

    id: str  # provider/model
    provider: Provider | None  # None: an own row for a provider that does not exist
    facts: Model | None
    own: bool = False
    used: bool = False  # an endpoint asks for it

    @property
    def example_nano_usd(self) -> int | None:
        """The cost of an example call; None when the price is not known."""
        price = self.facts.price_at(EXAMPLE.input_tokens) if self.facts else None
        return None if price is None else cost_nano_usd(EXAMPLE, price)


def facts(session: Session, provider: Provider, model: str) -> Model | None:
    """Return what is known of a provider's model; the workspace's own row wins over the shipped one."""
    where = (
        ModelOverride.workspace_id == provider.workspace_id,
        ModelOverride.model_id == f"{provider.slug}/{model}",
    )
    rows = [as_override(row) for row in session.scalars(select(ModelOverride).where(*where))]
    known = catalog.shipped().with_overrides(rows) if rows else catalog.shipped()
    return known.find_served(provider.slug, provider.vendor, model)


def known_models(session: Session, workspace_id: str) -> Catalog:
    """Return the catalog as the workspace sees it."""
    rows = session.scalars(select(ModelOverride).where(ModelOverride.workspace_id == workspace_id))
    return catalog.shipped().with_overrides(as_override(row) for row in rows)


def as_override(row: ModelOverride) -> Override:
    """Return a row as the catalog takes it."""
    names = [f"{price}_nano_usd_per_million" for price in PRICES]
    values = {name: None if row.free else getattr(row, name) for name in names}
    return Override(
        model_id=row.model_id,
        **values,
        free=row.free,
        context_tokens=row.context_tokens,
        max_output_tokens=row.max_output_tokens,
    )


def set_row(actor: Actor, workspace_id: str, model_id: str, fields: Mapping[str, Any]) -> str:
    """Set the row of `provider/model`; return `created`, `changed` or `unchanged`. Admins only."""
    check_model_id(model_id, "id")
    values = parse(fields)

    def work(session: Session) -> str:
        access.require(session, actor, workspace_id, "admin")
        where = ModelOverride.workspace_id == workspace_id, ModelOverride.model_id == model_id
        row = session.scalars(select(ModelOverride).where(*where)).first()
        before = {name: getattr(row, name) for name in values} if row else {}
        changes = audit.difference(before, values)
        if row is not None and not changes:
            return "unchanged"
        if row is None:
            session.add(ModelOverride(workspace_id=workspace_id, model_id=model_id, **values))
        else:
            for name, value in values.items():
                setattr(row, name, value)
        verb = "change" if row else "create"
        audit.write(session, actor, workspace_id, audit.Change(f"model.{verb}", None, model_id, changes))
        return "changed" if row else "created"

    return database.transaction(work)


def remove_row(actor: Actor, workspace_id: str, model_id: str) -> None:
    """Remove the workspace's own row; the shipped one, if any, holds again. Admins only."""

    def work(session: Session) -> None:
        access.require(session, actor, workspace_id, "admin")
        where = ModelOverride.workspace_id == workspace_id, ModelOverride.model_id == model_id
        if not session.execute(delete(ModelOverride).where(*where)).rowcount:  # type: ignore[attr-defined]
            raise NotFound
        audit.write(session, actor, workspace_id, audit.Change("model.delete", None, model_id, {}))

    database.transaction(work)


def list_rows(actor: Actor, workspace_id: str) -> list[ModelOverride]:
    """Return the workspace's own rows, by model."""

    def work(session: Session) -> list[ModelOverride]:
        access.require(session, actor, workspace_id, "viewer")
        where = ModelOverride.workspace_id == workspace_id
        return list(session.scalars(select(ModelOverride).where(where).order_by(ModelOverride.model_id)))

    return database.read(work)


def offered(actor: Actor, workspace_id: str, query: str = "") -> list[ModelView]:
    """Return the models of the workspace's providers, those used or priced here included, by id.

    `query`: words that must all be in the id, the model's name or the provider's.
    """

    def work(session: Session) -> list[ModelView]:
        access.require(session, actor, workspace_id, "viewer")
        where = Provider.workspace_id == workspace_id
        by_slug = {row.slug: row for row in session.scalars(select(Provider).where(where))}
        known, used = known_models(session, workspace_id), set(used_models(session, workspace_id))
        shipped = catalog.shipped()
        ids = {f"{row.slug}/{m.name}" for row in by_slug.values() for m in shipped.list(row.vendor)}
        return [view(known, by_slug, model_id, used) for model_id in sorted(ids | known.own | used)]

    return [found for found in database.read(work) if matches(found, query)]


def view(known: Catalog, by_slug: Mapping[str, Provider], model_id: str, used: set[str]) -> ModelView:
    """Return one model with what is known of it at its provider."""
    slug, _, name = model_id.partition("/")
    provider = by_slug.get(slug)
    own = known.models[model_id] if model_id in known.own else None
    found = own or catalog.shipped().find_served(slug, provider.vendor if provider else slug, name)
    return ModelView(model_id, provider, found, own=own is not None, used=model_id in used)


def matches(found: ModelView, query: str) -> bool:
    """Say whether every word of the query is in the model's id or names."""
    names = (found.id, found.facts.display_name if found.facts else "", getattr(found.provider, "name", ""))
    text = " ".join(names).lower()
    return all(word in text for word in query.lower().split())


def used_models(session: Session, workspace_id: str) -> Iterator[str]:
    """Yield the models that published endpoints ask for."""
    configs = session.scalars(
        select(EndpointVersion.config)
        .join(Endpoint, Endpoint.published_version_id == EndpointVersion.id)
        .where(Endpoint.workspace_id == workspace_id)
    )
    for config in configs:
        yield config["model"]
        yield from config.get("failover") or ()


def find_row(actor: Actor, workspace_id: str, model_id: str) -> ModelOverride | None:
    """Return the workspace's own row of a model, if it has one."""
    return next((row for row in list_rows(actor, workspace_id) if row.model_id == model_id), None)


def parse(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row's columns; prices come as decimal texts in USD per million tokens."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    values: dict[str, Any] = {"free": collect.take(switch, fields, "free") or False}
    for name in PRICES:
        needed = name in ("input", "output") and not values["free"]
        values[f"{name}_nano_usd_per_million"] = collect.take(
            price, fields, f"{name}_usd_per_million", needed
        )
    for name in ("context_tokens", "max_output_tokens"):
        values[name] = collect.take(whole, fields, name, 1, 100_000_000)
    collect.finish()
    for name in ("input", "output"):
        values[f"{name}_nano_usd_per_million"] = values[f"{name}_nano_usd_per_million"] or 0
    return values


def price(fields: Mapping[str, Any], name: str, needed: bool) -> int | None:
    """Return a price in nano-dollars per million tokens."""
    value = text(fields, name, most=30, required=needed)
    try:
        return usd_to_nano(value) if value else None
    except ValueError as error:
        raise InvalidInput(str(error), param=name) from None


def as_fields(row: ModelOverride) -> dict[str, Any]:
    """Return a row in the form that `set_row` takes, for forms and `export`."""
    fields: dict[str, Any] = {}
    for name in PRICES:
        value = getattr(row, f"{name}_nano_usd_per_million")
        if value is not None and not row.free:
            fields[f"{name}_usd_per_million"] = nano_to_usd(value)
    if row.free:
        fields["free"] = True
    for name in ("context_tokens", "max_output_tokens"):
        if getattr(row, name) is not None:
            fields[name] = getattr(row, name)
    return fields


def fields_of(facts: Model) -> dict[str, Any]:
    """Return the catalog's facts in the form that `set_row` takes, to begin an own row with."""
    limits = {name: getattr(facts, name) for name in ("context_tokens", "max_output_tokens")}
    fields: dict[str, Any] = {name: limit for name, limit in limits.items() if limit is not None}
    if facts.free or facts.price is None:
        return {**fields, "free": facts.free}
    for name in PRICES:
        value = getattr(facts.price, f"{name}_nano_usd_per_million")
        if value is not None:
            fields[f"{name}_usd_per_million"] = nano_to_usd(value)
    return fields
