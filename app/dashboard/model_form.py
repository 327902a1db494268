"""The form of a model's price: where it comes from, what it is, and what an example call then costs."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, g, url_for
from flask_babel import gettext as _

from app.dashboard import forms, model_abilities, pages
from app.dashboard.auth import actor
from app.domain.bills import factor
from app.domain.calls import Usage
from app.domain.errors import InvalidFields, InvalidInput
from app.domain.pricing import Price, cost_nano_usd, format_usd, nano_to_usd
from app.services import model_rows, price_list, providers
from app.services.price_list import EXAMPLE, ModelView

PRICES = tuple(f"{name}_usd_per_million" for name in model_rows.PRICES)
SHIPPED, OWN, FREE = "shipped", "own", "free"
# the tokens whose cost stands beside each price
COUNTED = {
    "input": EXAMPLE.input_tokens,
    "output": EXAMPLE.output_tokens,
    "cache_read": 1_000,
    "cache_write": 1_000,
}


def fields(found: ModelView | None = None) -> dict[str, Any]:
    """Return the form as the service takes it; InvalidFields where an own price is promised but not given."""
    origin = forms.text("price")
    typed = {name: forms.amount(name) for name in PRICES}
    if origin == OWN and not any(typed.values()):
        raise InvalidFields({PRICES[0]: _("Please fill this in."), PRICES[1]: _("Please fill this in.")})
    limits = {name: forms.whole(name) for name in model_rows.LIMITS}
    multiplier = forms.amount("multiplier")
    return {
        **(typed if origin not in (SHIPPED, FREE) else {}),
        **limits,
        "free": origin == FREE,
        **({"multiplier": multiplier} if multiplier else {}),
        **model_abilities.fields(found),
    }


def values_of(found: ModelView) -> dict[str, Any]:
    """Return a model as the form shows it: its own price, or the shipped one to begin with."""
    row = model_rows.find_row(actor(), g.workspace.id, found.id)
    own = model_rows.as_fields(row) if row else {}
    prices = own if found.own_price else (model_rows.fields_of(found.shipped) if found.shipped else {})
    free = bool(own.get("free"))
    origin = FREE if free else OWN if found.own_price or not has_price(found) else SHIPPED
    limits = {name: own.get(name) for name in model_rows.LIMITS}
    multiplier = own.get("multiplier", "1")
    abilities = model_abilities.values_of(found, own)
    return {**prices, **limits, **abilities, "id": found.id, "price": origin, "multiplier": multiplier}


def typed(model_id: str) -> dict[str, Any]:
    """Return what was typed, to show it again."""
    return {**forms.typed(), "features": forms.many("features"), "id": model_id}


def blank(model_id: str) -> dict[str, Any]:
    """Return an empty form."""
    return {**model_abilities.blank(), "id": model_id, "price": OWN, "multiplier": "1"}


def has_price(found: ModelView | None) -> bool:
    """Say whether the catalog knows what the model costs."""
    return found is not None and found.shipped is not None and found.shipped.price is not None


def page(
    values: dict[str, Any], errors: dict[str, str] | None = None, found: ModelView | None = None
) -> Response:
    """Render the form; `found` is the model when it is not to be named any more."""
    slugs = [row.slug for row in providers.list_all(actor(), g.workspace.id) if row.dialect != "demo"]
    account_ppm = found.account_ppm if found else price_list.account_rate(actor(), g.workspace.id)
    return pages.page(
        "models/form.html",
        status=422 if errors else 200,
        values=values,
        errors=errors or {},
        found=found,
        origins=origins(found),
        suggestions=[f"{slug}/" for slug in slugs],
        examples=examples(values, found, account_ppm),
        counted=COUNTED,
        account_rate=factor(account_ppm),
        shipped=json.dumps(shipped_prices(found)),
        may_multiply=actor().is_operator,
        abilities=model_abilities.choices(),
        precisions=model_abilities.precisions(found),
        back=url_for("models.index", q=found.id) if found else url_for("models.index"),
    )


def shipped_prices(found: ModelView | None) -> dict[str, str]:
    """Return the catalog's prices by the names of the form's fields, for the sums as one types."""
    known = model_rows.fields_of(found.shipped) if found and found.shipped else {}
    return {name: known[name] for name in PRICES if name in known}


def origins(found: ModelView | None) -> list[tuple[str, str, str]]:
    """Return where the price can come from."""
    own = (OWN, str(_("A price of our own")), str(_("What your contract says. It holds for later calls.")))
    free = (FREE, str(_("Free")), str(_("Calls cost nothing. A price of zero is never assumed.")))
    if found is None or not has_price(found) or found.shipped is None or found.shipped.price is None:
        return [own, free]
    price = found.shipped.price
    given, sold = (
        format_usd(n) for n in (price.input_nano_usd_per_million, price.output_nano_usd_per_million)
    )
    told = _("%(given)s in, %(sold)s out per million tokens, as vendors list it.", given=given, sold=sold)
    return [(SHIPPED, str(_("As shipped")), str(told)), own, free]


def examples(values: dict[str, Any], found: ModelView | None, account_ppm: int) -> dict[str, str]:
    """Return what some tokens of each kind cost at the form's prices, and a whole example call."""
    price = price_of(values, found)
    if price is None:
        return dict.fromkeys((*COUNTED, "call"), "–")
    factors = account_ppm, model_ppm(values)
    uses = {
        "input": Usage(input_tokens=COUNTED["input"]),
        "output": Usage(output_tokens=COUNTED["output"]),
        "cache_read": Usage(input_tokens=1_000, cache_read_tokens=1_000),
        "cache_write": Usage(input_tokens=1_000, cache_write_tokens=1_000),
        "call": EXAMPLE,
    }
    return {name: f"${nano_to_usd(cost_nano_usd(usage, price, factors))}" for name, usage in uses.items()}


def price_of(values: dict[str, Any], found: ModelView | None) -> Price | None:
    """Return the price that the form says; None while it is not one."""
    if values.get("price") == FREE:
        return Price(0, 0)
    if values.get("price") == SHIPPED and found is not None and found.shipped is not None:
        return found.shipped.price
    try:
        given, sold, read, written = (model_rows.price(cleaned(values), name) for name in PRICES)
    except InvalidInput:
        return None
    return None if given is None or sold is None else Price(given, sold, read, written)


def model_ppm(values: dict[str, Any]) -> int:
    """Return the form's multiplier; one while it is none."""
    try:
        return model_rows.multiplier_ppm(cleaned(values)) or model_rows.MILLION
    except InvalidInput:
        return model_rows.MILLION


def cleaned(values: dict[str, Any]) -> dict[str, Any]:
    """Return typed numbers with a point for the comma."""
    return {name: forms.with_point(text.strip()) for name, text in values.items() if isinstance(text, str)}
