"""The catalog: which models exist, what they cost and can do, and who sells them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.domain.pricing import FREE, MILLION, Price

# sampling: takes the caller's temperature and top_p; many reasoning models refuse them
# embeddings: turns texts into vectors, and answers no chat
FEATURES = frozenset({"embeddings", "json_schema", "reasoning", "sampling", "streaming", "tools", "vision"})
TEXT, EMBEDDING = "text", "embedding"
DIALECTS = frozenset({"anthropic", "demo", "openai"})
AUTO, MANUAL = "auto", "manual"
SNAPSHOT = re.compile(r"-(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})$")


@dataclass(frozen=True, slots=True)
class LongContext:
    """Another price for the whole call once its input is longer than this."""

    above_input_tokens: int
    price: Price


@dataclass(frozen=True, slots=True)
class Model:
    """One model as one vendor sells it. `id` is "vendor/name"; `name` is what the upstream calls it.

    `price` None: cost unknown. `max_output_tokens` None: no limit of its own, only the context's.
    `multiplier_ppm`: the operator's factor on the price, in parts per million (M7).
    `quality`: an estimate from 0 to 100 of how good its answers are; None: nobody gave one.
    """

    id: str
    display_name: str
    price: Price | None = None
    free: bool = False
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    features: frozenset[str] = frozenset({"sampling", "streaming"})
    quantization: str | None = None
    quality: int | None = None
    deprecated: bool = False
    source: str = AUTO
    note: str = ""
    long_context: LongContext | None = None
    multiplier_ppm: int = MILLION

    @property
    def vendor(self) -> str:
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        return self.id.partition("/")[2]

    @property
    def modality(self) -> str:
        """What it makes of a text: another text, or an embedding."""
        return EMBEDDING if "embeddings" in self.features else TEXT

    def price_at(self, input_tokens: int) -> Price | None:
        """Return the price that holds for a call with this much input."""
        if self.long_context and input_tokens > self.long_context.above_input_tokens:
            return self.long_context.price
        return self.price


@dataclass(frozen=True, slots=True)
class Vendor:
    """Who sells models: how to speak to them, and what they do with what they are sent.

    An empty `base_url` means there is nothing to reach. Privacy facts are cautious where not confirmed.
    """

    slug: str
    name: str
    dialect: str
    base_url: str
    zdr: bool  # zero data retention is to be had
    may_train: bool
    key_url: str = ""  # where a person gets a key
    note: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """A workspace's own row: it changes the shipped model of that id, or adds one. None: as shipped.

    Input and output price come together, and make the whole price: none of the shipped one is kept.
    """

    model_id: str
    input_nano_usd_per_million: int | None = None
    output_nano_usd_per_million: int | None = None
    cache_read_nano_usd_per_million: int | None = None
    cache_write_nano_usd_per_million: int | None = None
    free: bool = False
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    features: frozenset[str] | None = None
    quantization: str | None = None
    quality: int | None = None
    multiplier_ppm: int = MILLION

    def price(self) -> Price | None:
        """Return this row's own price; ValueError when only half of it is there."""
        given, sold = self.input_nano_usd_per_million, self.output_nano_usd_per_million
        if self.free:
            return FREE
        if given is None and sold is None:
            return None
        if given is None or sold is None:
            raise ValueError(f"{self.model_id}: give the input and the output price together.")
        cached = self.cache_read_nano_usd_per_million, self.cache_write_nano_usd_per_million
        return Price(given, sold, *cached)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Vendors by slug and models by id, both in order. `own` are the ids a workspace wrote itself.

    `shipped`: the catalog without those; a provider that sells a vendor's models takes them from there.
    """

    vendors: Mapping[str, Vendor] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    shipped: Catalog | None = None

    def find(self, model_id: str) -> Model | None:
        """Return the model of this id. A dated snapshot without a row of its own counts as its family."""
        if model_id in self.models:
            return self.models[model_id]
        family = self.models.get(SNAPSHOT.sub("", model_id))
        return family and replace(family, id=model_id)

    def find_served(self, provider_slug: str, vendor: str, name: str) -> Model | None:
        """Return the row for a workspace's provider: one it wrote for that slug wins over the vendor's.

        A dated snapshot without a row of its own takes what was written for its family.
        """
        written, sold = f"{provider_slug}/{name}", f"{vendor}/{name}"
        if written in self.own:
            return self.models[written]
        shipped, family = self.shipped or self, SNAPSHOT.sub("", written)
        if family in self.own and sold not in shipped.models:
            return replace(self.models[family], id=written)
        return shipped.find(sold)

    def list(self, vendor: str | None = None) -> tuple[Model, ...]:
        """Return the models, of one vendor or of all, by id."""
        return tuple(model for model in self.models.values() if vendor in (None, model.vendor))

    def with_overrides(self, rows: Iterable[Override], vendors: Mapping[str, str] | None = None) -> Catalog:
        """Return a catalog in which a workspace's own rows win; this one stays as it is.

        `vendors`: whose models the workspace's providers sell, by slug, where the two differ.
        """
        shipped, written = self.shipped or self, {}
        for row in rows:
            slug, _, name = row.model_id.partition("/")
            sold = shipped.find(f"{(vendors or {}).get(slug, slug)}/{name}")
            written[row.model_id] = _override(sold, row)
        models = {**self.models, **written}
        return Catalog(self.vendors, dict(sorted(models.items())), self.own | written.keys(), shipped)


def _override(shipped: Model | None, row: Override) -> Model:
    model = replace(shipped, id=row.model_id) if shipped else Model(row.model_id, row.model_id)
    if (price := row.price()) is not None:
        model = replace(model, price=price, free=row.free, long_context=None, note="")
    return replace(
        model,
        source=MANUAL,
        context_tokens=row.context_tokens or model.context_tokens,
        max_output_tokens=row.max_output_tokens or model.max_output_tokens,
        features=model.features if row.features is None else row.features,
        quantization=row.quantization or model.quantization,
        quality=model.quality if row.quality is None else row.quality,
        multiplier_ppm=row.multiplier_ppm,
    )
