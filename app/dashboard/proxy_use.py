"""How applications reach a project's proxy: the base URL of each provider, and code to copy."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g, request

from app.dashboard.addresses import public_root
from app.dashboard.auth import actor
from app.domain.pricing import Price
from app.domain.proxy_snippets import Route, snippets
from app.domain.snippets import Snippet
from app.models import Project
from app.services import model_choices
from app.services.model_choices import Shelf

UNKNOWN_MODEL = "the-model-to-use"


@dataclass(frozen=True, slots=True)
class Use:
    """The providers at the proxy, and which of them the samples call. `samples` is empty without any."""

    routes: tuple[tuple[Shelf, Route], ...]
    chosen: Route | None
    samples: tuple[Snippet, ...]


def use_of(project: Project) -> Use | None:
    """Return how to call the project's proxy; None where it serves none. `?provider=` picks the samples."""
    if "proxy" not in project.surfaces:
        return None
    shelves = model_choices.list_shelves(actor(), g.workspace.id, project.id)
    ordered = sorted(shelves, key=lambda shelf: (shelf.state != "ready", shelf.provider.dialect == "demo"))
    routes = tuple((shelf, route_to(shelf)) for shelf in ordered)
    chosen = pick([route for _, route in routes], request.args.get("provider", ""))
    return Use(routes, chosen, snippets(chosen) if chosen else ())


def route_to(shelf: Shelf) -> Route:
    """Return a provider's place at the proxy, with its least expensive model as the example."""
    priced = [choice for choice in shelf.choices if choice.facts.price and "tools" in choice.facts.features]
    cheapest = sorted(priced or shelf.choices, key=lambda c: price_of(c.facts.price))
    model = cheapest[0].model_id.partition("/")[2] if cheapest else UNKNOWN_MODEL
    return Route(public_root(), shelf.provider.slug, shelf.provider.dialect, model)


def price_of(price: Price | None) -> int:
    """Return by what the examples are chosen."""
    return price.output_nano_usd_per_million if price else 0


def pick(routes: list[Route], slug: str) -> Route | None:
    """Return the route of this provider, else the first one."""
    return next((route for route in routes if route.slug == slug), routes[0] if routes else None)
