"""Past requests at other prices: what the same tokens would have cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.catalog import SNAPSHOT
from app.domain.endpoints import check_model_id
from app.domain.errors import InvalidFields, InvalidInput
from app.domain.fields import Collector, refuse_unknown
from app.domain.pricing import FREE, Price
from app.domain.what_ifs import NO_PRICE, Cost, Difference, Fate, Logged
from app.services import model_rows
from app.services.what_ifs import samples
from app.services.what_ifs.samples import Scene

MOST_MODELS = 50
FIELDS = frozenset({f"{name}_usd_per_million" for name in model_rows.PRICES} | {"multiplier", "free"})


@dataclass(frozen=True, slots=True)
class NewPrice:
    """What is proposed for a model; None: as it is."""

    price: Price | None
    multiplier_ppm: int | None


def parse_prices(proposal: Mapping[str, Any]) -> dict[str, NewPrice]:
    """Return new prices by `provider/model`; raise InvalidFields with `models.<id>.<field>`."""
    given = proposal.get("models")
    if not isinstance(given, Mapping) or not 0 < len(given) <= MOST_MODELS:
        raise InvalidInput(f"Give 1 to {MOST_MODELS} models with their new prices.", param="models")
    found, errors = dict[str, NewPrice](), dict[str, str]()
    for model_id, fields in given.items():
        try:
            check_model_id(model_id, "")
            found[model_id] = parse_price(fields)
        except InvalidFields as error:
            errors |= {f"models.{model_id}.{name}": message for name, message in error.errors.items()}
        except InvalidInput as error:
            errors[f"models.{model_id}"] = error.message
    if errors:
        raise InvalidFields(errors)
    return found


def parse_price(fields: Any) -> NewPrice:
    """Return one model's new price; raise InvalidFields."""
    if not isinstance(fields, Mapping):
        raise InvalidInput("Must be an object.")
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    names = {name: f"{name}_usd_per_million" for name in model_rows.PRICES}
    prices = {name: collect.take(model_rows.price, fields, field) for name, field in names.items()}
    multiplier = collect.take(model_rows.multiplier_ppm, fields)
    if not fields.get("free") and not collect.errors:
        for name in ("input", "output"):
            if prices[name] is None and any(value is not None for value in prices.values()):
                collect.errors[f"{name}_usd_per_million"] = "Please fill this in."
    collect.finish()
    if fields.get("free"):
        return NewPrice(FREE, multiplier)
    given, sold, *cached = prices.values()
    return NewPrice(None if given is None or sold is None else Price(given, sold, *cached), multiplier)


def differences(scene: Scene, prices: Mapping[str, NewPrice]) -> Iterator[Difference]:
    """Yield what each request would have cost."""
    for row in scene.rows:
        before = samples.logged(row)
        new = prices.get(before.model) or prices.get(SNAPSHOT.sub("", before.model))
        cost = Cost(before.nano_usd, "" if before.nano_usd is not None else NO_PRICE)
        yield Difference(before, Fate(before.model, repriced(before, new) if new else cost, before.refusal))


def repriced(before: Logged, new: NewPrice) -> Cost:
    """Return the cost at a new price; what tools, judges and repairs cost beside it stays."""
    if before.paid_elsewhere or before.cached or not before.answered:
        return Cost(before.nano_usd)
    price = new.price or before.price
    if price is None:
        return Cost(None, NO_PRICE)
    ppm = before.model_ppm if new.multiplier_ppm is None else new.multiplier_ppm
    return before.costs_at(price, ppm)


def models_used(scene: Scene) -> list[str]:
    """Return the models that answered, the most used first."""
    used = Counter(samples.model_of(row) for row in scene.rows)
    return [model for model, _count in used.most_common() if model]
