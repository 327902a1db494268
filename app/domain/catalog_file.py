"""Reads the catalog's JSON, strictly: a field that is unknown, missing or wrong is refused with its path."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from app.domain.catalog import AUTO, DIALECTS, FEATURES, MANUAL, Catalog, LongContext, Model, Vendor
from app.domain.pricing import FREE, MAX_NANO_USD, Price

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_MODEL_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}/[\w.:@/-]{1,160}", re.ASCII)
_Item = TypeVar("_Item", Model, Vendor)


def parse(raw: dict[str, Any]) -> Catalog:
    """Return the catalog that this decoded JSON describes. ValueError names the path of what is wrong."""
    top = _Row(raw, "catalog")
    top.text("as_of")
    top.text("generated_from")
    vendors = _keyed(top.take("vendors"), "vendors", _vendor, lambda vendor: vendor.slug)
    models = _keyed(top.take("models"), "models", _model, lambda model: model.id)
    top.finish()
    for model in models.values():
        if model.vendor not in vendors:
            raise ValueError(f"models[{model.id}].id: no such vendor.")
    return Catalog(vendors, models)


class _Row:
    """One JSON object, read field by field. What nobody asked for is refused at the end."""

    def __init__(self, raw: Any, path: str) -> None:
        if not isinstance(raw, dict):
            raise ValueError(f"{path}: an object is expected.")
        self.path = path
        self._rest = dict(raw)

    def take(self, name: str) -> Any:
        """Return a field as it is, for another reader."""
        return self._rest.pop(name, None)

    def refuse(self, name: str, why: str) -> ValueError:
        return ValueError(f"{self.path}.{name}: {why}")

    def text(self, name: str, default: str | None = None, among: frozenset[str] | None = None) -> str:
        value = self._rest.pop(name, default)
        if not isinstance(value, str) or (among is not None and value not in among):
            raise self.refuse(name, "one of " + ", ".join(sorted(among)) if among else "a text is expected.")
        return value

    def flag(self, name: str) -> bool:
        value = self._rest.pop(name, False)
        if not isinstance(value, bool):
            raise self.refuse(name, "true or false is expected.")
        return value

    def count(self, name: str, least: int = 1) -> int | None:
        """Read an optional whole number; `true` is not one."""
        value = self._rest.pop(name, None)
        if value is not None and (type(value) is not int or not least <= value <= MAX_NANO_USD):
            raise self.refuse(name, f"a whole number from {least} on is expected.")
        return value

    def required_count(self, name: str, least: int = 1) -> int:
        value = self.count(name, least)
        if value is None:
            raise self.refuse(name, "is missing.")
        return value

    def features(self) -> frozenset[str]:
        value = self._rest.pop("features", [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.refuse("features", "a list of texts is expected.")
        if unknown := set(value) - FEATURES:
            raise self.refuse("features", f"unknown: {', '.join(sorted(unknown))}.")
        return frozenset(value)

    def finish(self) -> None:
        if self._rest:
            raise self.refuse(sorted(self._rest)[0], "unknown field.")


def _keyed(
    rows: Any, path: str, read: Callable[[_Row], _Item], key: Callable[[_Item], str]
) -> Mapping[str, _Item]:
    if not isinstance(rows, list):
        raise ValueError(f"{path}: a list is expected.")
    items: dict[str, _Item] = {}
    for index, raw in enumerate(rows):
        row = _Row(raw, f"{path}[{index}]")
        item = read(row)
        row.finish()
        if key(item) in items:
            raise ValueError(f"{row.path}: {key(item)} is there twice.")
        items[key(item)] = item
    return items


def _vendor(row: _Row) -> Vendor:
    slug = row.text("slug")
    if not _SLUG.fullmatch(slug):
        raise row.refuse("slug", "lower-case letters, digits and hyphens.")
    return Vendor(
        slug=slug,
        name=row.text("name"),
        dialect=row.text("dialect", among=DIALECTS),
        base_url=row.text("base_url", ""),
        zdr=row.flag("zdr"),
        may_train=row.flag("may_train"),
        key_url=row.text("key_url", ""),
        note=row.text("note", ""),
    )


def _model(row: _Row) -> Model:
    model_id = row.text("id")
    if not _MODEL_ID.fullmatch(model_id):
        raise row.refuse("id", "vendor/model is expected.")
    free = row.flag("free")
    return Model(
        id=model_id,
        display_name=row.text("display_name"),
        price=_price_or_free(row, free),
        free=free,
        context_tokens=row.count("context_tokens"),
        max_output_tokens=row.count("max_output_tokens"),
        features=row.features(),
        quantization=row.text("quantization", "") or None,
        quality=_quality(row),
        deprecated=row.flag("deprecated"),
        source=row.text("source", AUTO, among=frozenset({AUTO, MANUAL})),
        note=row.text("note", ""),
        long_context=_long_context(row),
    )


def _quality(row: _Row) -> int | None:
    value = row.count("quality", 0)
    if value is not None and value > 100:
        raise row.refuse("quality", "a whole number from 0 to 100 is expected.")
    return value


def _price_or_free(row: _Row, free: bool) -> Price | None:
    """A model has a price, or says that it is free, or neither: then its cost is unknown."""
    raw = row.take("price")
    if free and raw is not None:
        raise row.refuse("price", "a free model has none.")
    if raw is None:
        return FREE if free else None
    price = _price(raw, f"{row.path}.price")
    if not price.input_nano_usd_per_million and not price.output_nano_usd_per_million:
        raise row.refuse("price", "is zero: say free instead.")
    return price


def _price(raw: Any, path: str) -> Price:
    row = _Row(raw, path)
    price = Price(
        row.required_count("input_nano_usd_per_million", 0),
        row.required_count("output_nano_usd_per_million", 0),
        row.count("cache_read_nano_usd_per_million", 0),
        row.count("cache_write_nano_usd_per_million", 0),
    )
    row.finish()
    return price


def _long_context(model: _Row) -> LongContext | None:
    raw = model.take("long_context")
    if raw is None:
        return None
    row = _Row(raw, f"{model.path}.long_context")
    above = row.required_count("above_input_tokens")
    price = _price(row.take("price"), f"{row.path}.price")
    row.finish()
    return LongContext(above, price)
