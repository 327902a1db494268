"""A workspace's own rows of the model catalog, and what is known of a model there (P27)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.bills import factor
from app.domain.catalog import FEATURES, SNAPSHOT, Catalog, Model, Override
from app.domain.endpoints import check_model_id
from app.domain.errors import InvalidInput, NotAllowed, NotFound
from app.domain.fields import Collector, refuse_unknown, switch, text, texts, whole
from app.domain.pricing import MILLION, nano_to_usd, usd_to_nano
from app.domain.wishes import QUANTIZATIONS
from app.models import ModelOverride, Provider
from app.services import access, audit, catalog

PRICES = ("input", "output", "cache_read", "cache_write")
LIMITS = ("context_tokens", "max_output_tokens")
ABILITIES = ("quality", "features", "quantization")
FIELDS = frozenset({f"{p}_usd_per_million" for p in PRICES} | {"free", "multiplier", *LIMITS, *ABILITIES})
OPERATORS = "Only an operator changes a model's multiplier."
MOST_PPM = 1_000 * MILLION
FACTOR = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")


def facts(session: Session, provider: Provider, model: str) -> Model | None:
    """Return what is known of a provider's model; the workspace's own row wins over the shipped one."""
    ids = {f"{provider.slug}/{name}" for name in (model, SNAPSHOT.sub("", model))}
    where = ModelOverride.workspace_id == provider.workspace_id, ModelOverride.model_id.in_(ids)
    rows = [as_override(row) for row in session.scalars(select(ModelOverride).where(*where))]
    known = catalog.shipped().with_overrides(rows, {provider.slug: provider.vendor})
    return known.find_served(provider.slug, provider.vendor, model)


def known_models(session: Session, workspace_id: str) -> Catalog:
    """Return the catalog as the workspace sees it."""
    rows = session.scalars(select(ModelOverride).where(ModelOverride.workspace_id == workspace_id))
    where = Provider.workspace_id == workspace_id
    providers = session.scalars(select(Provider).where(where))
    vendors = {provider.slug: provider.vendor for provider in providers}
    return catalog.shipped().with_overrides([as_override(row) for row in rows], vendors)


def as_override(row: ModelOverride) -> Override:
    """Return a row as the catalog takes it."""
    prices = [None if row.free else getattr(row, f"{price}_nano_usd_per_million") for price in PRICES]
    given, sold, read, written = prices
    return Override(
        model_id=row.model_id,
        input_nano_usd_per_million=given,
        output_nano_usd_per_million=sold,
        cache_read_nano_usd_per_million=read,
        cache_write_nano_usd_per_million=written,
        free=row.free,
        context_tokens=row.context_tokens,
        max_output_tokens=row.max_output_tokens,
        features=None if row.features is None else frozenset(row.features),
        quantization=row.quantization,
        quality=row.quality,
        multiplier_ppm=row.multiplier_ppm,
    )


def set_row(actor: Actor, workspace_id: str, model_id: str, fields: Mapping[str, Any]) -> str:
    """Set the row of `provider/model`; return `created`, `changed` or `unchanged`. Admins only.

    The multiplier is the operator's: left out, it stays as it is. A row that would leave everything as
    shipped is removed.
    """
    check_model_id(model_id, "id")
    values = parse(fields)

    def work(session: Session) -> str:
        access.require(session, actor, workspace_id, "admin")
        row = get(session, workspace_id, model_id)
        given = values["multiplier_ppm"]
        stands = row.multiplier_ppm if row else MILLION
        new = {**values, "multiplier_ppm": stands if given is None else given}
        if new["multiplier_ppm"] != stands and not actor.is_operator:
            raise NotAllowed(OPERATORS)
        if not says_nothing(new):
            return store(session, actor, workspace_id, model_id, row, new)
        if row is not None:
            drop(session, actor, row)
        elif given is None:
            raise InvalidInput("Give a price, or say that it is free.", param="input_usd_per_million")
        return "changed" if row else "unchanged"

    return database.transaction(work)


def says_nothing(values: Mapping[str, Any]) -> bool:
    """Say whether a row like this would leave everything as shipped."""
    rest = [value for name, value in values.items() if name not in ("free", "multiplier_ppm")]
    return not values["free"] and values["multiplier_ppm"] == MILLION and not any(v is not None for v in rest)


def store(
    session: Session,
    actor: Actor,
    workspace_id: str,
    model_id: str,
    row: ModelOverride | None,
    values: Mapping[str, Any],
) -> str:
    """Insert or change the row, and say which it was."""
    before = {name: getattr(row, name) for name in values} if row else {}
    changes = audit.difference(before, dict(values))
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


def remove_row(actor: Actor, workspace_id: str, model_id: str) -> None:
    """Remove the workspace's own row; the shipped one, if any, holds again. Admins only.

    An operator's multiplier stays when others remove what they set beside it.
    """

    def work(session: Session) -> None:
        access.require(session, actor, workspace_id, "admin")
        row = get(session, workspace_id, model_id)
        if row is None:
            raise NotFound
        if row.multiplier_ppm != MILLION and not actor.is_operator:
            kept = {**parse({}), "multiplier_ppm": row.multiplier_ppm}
            if store(session, actor, workspace_id, model_id, row, kept) == "unchanged":
                raise NotAllowed(OPERATORS)
            return
        drop(session, actor, row)

    database.transaction(work)


def drop(session: Session, actor: Actor, row: ModelOverride) -> None:
    """Delete the row."""
    session.delete(row)
    audit.write(session, actor, row.workspace_id, audit.Change("model.delete", None, row.model_id, {}))


def get(session: Session, workspace_id: str, model_id: str) -> ModelOverride | None:
    """Return the workspace's own row of a model."""
    where = ModelOverride.workspace_id == workspace_id, ModelOverride.model_id == model_id
    return session.scalars(select(ModelOverride).where(*where)).first()


def list_rows(actor: Actor, workspace_id: str) -> list[ModelOverride]:
    """Return the workspace's own rows, by model."""

    def work(session: Session) -> list[ModelOverride]:
        access.require(session, actor, workspace_id, "viewer")
        where = ModelOverride.workspace_id == workspace_id
        return list(session.scalars(select(ModelOverride).where(where).order_by(ModelOverride.model_id)))

    return database.read(work)


def own_prices(session: Session, workspace_id: str) -> set[str]:
    """Return the models that have a price of their own here, or are free."""
    priced = or_(ModelOverride.free, ModelOverride.input_nano_usd_per_million.is_not(None))
    where = ModelOverride.workspace_id == workspace_id, priced
    return set(session.scalars(select(ModelOverride.model_id).where(*where)))


def find_row(actor: Actor, workspace_id: str, model_id: str) -> ModelOverride | None:
    """Return the workspace's own row of a model, if it has one."""
    return next((row for row in list_rows(actor, workspace_id) if row.model_id == model_id), None)


def parse(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row's columns; prices come as decimal texts in USD per million tokens.

    Without input and output price the shipped price holds; a free model has none.
    """
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    free = collect.take(switch, fields, "free") or False
    prices = {name: collect.take(price, fields, f"{name}_usd_per_million") for name in PRICES}
    if not free and not collect.errors:
        check_whole(prices, collect)
    values: dict[str, Any] = {f"{name}_nano_usd_per_million": value for name, value in prices.items()}
    if free:
        values |= {"input_nano_usd_per_million": 0, "output_nano_usd_per_million": 0}
    limits = {name: collect.take(whole, fields, name, 1, 100_000_000) for name in LIMITS}
    abilities = {
        "quality": collect.take(whole, fields, "quality", 0, 100),
        "features": collect.take(features, fields),
        "quantization": collect.take(quantization, fields),
    }
    multiplier = collect.take(multiplier_ppm, fields)
    collect.finish()
    return {"free": free, **values, **limits, **abilities, "multiplier_ppm": multiplier}


def features(fields: Mapping[str, Any]) -> list[str] | None:
    """Return what the model can do; None: as shipped. Whatever chats can stream, so that need not be said."""
    value = fields.get("features")
    if value is None:
        return None
    named = set(texts(fields, "features", most=len(FEATURES)))
    if unknown := named - FEATURES:
        must = f"Choose from: {', '.join(sorted(FEATURES))}."
        raise InvalidInput(f"Unknown: {', '.join(sorted(unknown))}. {must}", param="features")
    if "embeddings" in named and named != {"embeddings"}:
        raise InvalidInput("A model that makes embeddings does nothing else.", param="features")
    return sorted(named if "embeddings" in named else named | {"streaming"})


def quantization(fields: Mapping[str, Any]) -> str | None:
    """Return the precision of the model's weights; None: as shipped."""
    value = text(fields, "quantization", most=16).lower()
    if value and value not in QUANTIZATIONS:
        raise InvalidInput(f"Choose from: {', '.join(QUANTIZATIONS)}.", param="quantization")
    return value or None


def check_whole(prices: Mapping[str, int | None], collect: Collector) -> None:
    """Note what is missing when only a part of the price is given."""
    if any(value is not None for value in prices.values()):
        for name in ("input", "output"):
            if prices[name] is None:
                collect.errors[f"{name}_usd_per_million"] = "Please fill this in."
    if prices["input"] == prices["output"] == 0:
        collect.errors["input_usd_per_million"] = "This costs nothing: say that it is free instead."


def multiplier_ppm(fields: Mapping[str, Any]) -> int | None:
    """Return the multiplier in parts per million; it is written as a decimal text, like 1.5."""
    written = text(fields, "multiplier", most=30)
    if not written:
        return None
    if FACTOR.fullmatch(written):
        whole_part, _, decimals = written.partition(".")
        ppm = int(whole_part) * MILLION + int(decimals.ljust(6, "0"))
        if 0 < ppm <= MOST_PPM:
            return ppm
    raise InvalidInput("Write a number above 0, at most 1000, like 1.25.", param="multiplier")


def price(fields: Mapping[str, Any], name: str) -> int | None:
    """Return a price in nano-dollars per million tokens."""
    value = text(fields, name, most=30)
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
    if row.multiplier_ppm != MILLION:
        fields["multiplier"] = factor(row.multiplier_ppm)
    for name in (*LIMITS, *ABILITIES):
        if getattr(row, name) is not None:
            fields[name] = getattr(row, name)
    return fields


def fields_of(facts: Model) -> dict[str, Any]:
    """Return the catalog's facts in the form that `set_row` takes, to begin an own row with."""
    limits = {name: getattr(facts, name) for name in LIMITS}
    fields: dict[str, Any] = {name: limit for name, limit in limits.items() if limit is not None}
    if facts.free or facts.price is None:
        return {**fields, "free": facts.free}
    for name in PRICES:
        value = getattr(facts.price, f"{name}_nano_usd_per_million")
        if value is not None:
            fields[f"{name}_usd_per_million"] = nano_to_usd(value)
    return fields
