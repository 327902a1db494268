"""The shipped catalog, read once per process, and what a workspace's own rows make of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import orjson

from app.domain.catalog import Catalog, Model, Override
from app.domain.catalog_file import parse

CATALOG_FILE = Path(__file__).resolve().parent.parent / "model_catalog.json"


@cache
def shipped() -> Catalog:
    """Return the catalog that comes with the product."""
    return parse(orjson.loads(CATALOG_FILE.read_bytes()))


def resolve(model_id: str, overrides: Iterable[Override] = ()) -> Model | None:
    """Return one model as a workspace with these rows sees it; None when nobody knows it."""
    return shipped().with_overrides(row for row in overrides if row.model_id == model_id).find(model_id)
