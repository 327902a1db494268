"""How applications call a project's models: one address for all, one for each provider, code to copy."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g, request

from app.dashboard.addresses import public_root
from app.dashboard.auth import actor
from app.domain.pricing import Price
from app.domain.proxy_snippets import Route, door, door_snippets, snippets
from app.domain.snippets import Snippet
from app.models import Project
from app.services import model_choices
from app.services.model_choices import Shelf

UNKNOWN_MODEL = "the-model-to-use"


@dataclass(frozen=True, slots=True)
class Use:
    """The one door to every model, the providers' own places, and which of them the samples call."""

    door: Route
    routes: tuple[tuple[Shelf, Route], ...]
    chosen: Route
    samples: tuple[Snippet, ...]


def use_of(project: Project) -> Use | None:
    """Return how to call models; None where the project has no such route. `?provider=` picks samples."""
    if "proxy" not in project.surfaces:
        return None
    shelves = model_choices.list_shelves(actor(), g.workspace.id, project.id)
    ordered = sorted(shelves, key=lambda shelf: (shelf.state != "ready", shelf.provider.dialect == "demo"))
    routes = tuple((shelf, route_to(shelf)) for shelf in ordered)
    every = door(public_root())
    slug = request.args.get("provider", "")
    chosen = next((route for _, route in routes if route.slug == slug), every)
    return Use(every, routes, chosen, snippets(chosen) if chosen.slug else door_snippets(public_root()))


def route_to(shelf: Shelf) -> Route:
    """Return a provider's place at the proxy, with its least expensive model as the example."""
    priced = [choice for choice in shelf.choices if choice.facts.price and "tools" in choice.facts.features]
    cheapest = sorted(priced or shelf.choices, key=lambda c: price_of(c.facts.price))
    model = cheapest[0].model_id.partition("/")[2] if cheapest else UNKNOWN_MODEL
    return Route(public_root(), shelf.provider.slug, shelf.provider.dialect, model)


def price_of(price: Price | None) -> int:
    """Return by what the examples are chosen."""
    return price.output_nano_usd_per_million if price else 0
