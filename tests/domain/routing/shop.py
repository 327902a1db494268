"""A few models to choose from, as routing sees them; nothing of them exists anywhere."""

from __future__ import annotations

from typing import Any

from app.domain.catalog import Model
from app.domain.pricing import Price
from app.domain.targets import Candidate

USD = 10**9
ALL = frozenset({"tools", "vision", "json_schema", "reasoning", "streaming", "sampling"})


def candidate(model_id: str, price: str | None = "1/4", quality: int | None = 60, **fields: Any) -> Candidate:
    """Return a model that is ready; `price` is dollars per million tokens, of input and of output."""
    seller = {name: fields.pop(name) for name in ("zdr", "may_train", "dialect") if name in fields}
    slug, _, name = model_id.partition("/")
    given, made = (round(float(part) * USD) for part in price.split("/")) if price else (0, 0)
    facts = Model(
        id=model_id,
        display_name=name,
        price=Price(given, made) if price else None,
        quality=quality,
        **{"features": ALL, "context_tokens": 100_000, **fields},
    )
    return Candidate(
        model_id=model_id,
        provider_id=slug,
        provider_slug=slug,
        provider_name=slug.title(),
        base_url="",
        model=name,
        facts=facts,
        credentials=(),
        **{"dialect": "openai", **seller},
    )


TINY = candidate("one/tiny", "0.1/0.4", 45)
SMALL = candidate("one/small", "0.2/0.8", 60)
MIDDLE = candidate("two/middle", "1/4", 76)
LARGE = candidate("three/large", "5/25", 92)
SHOP = (LARGE, MIDDLE, SMALL, TINY)
