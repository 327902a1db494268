"""What a key may learn about its own project (P29)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.callers import Caller, may_call
from app.domain.endpoint_routes import models_of_rules
from app.domain.endpoints import EndpointConfig, parse_config
from app.domain.errors import NotFound
from app.domain.openapi import About, Described, document
from app.domain.pricing import nano_to_usd
from app.domain.questions import questions_of
from app.models import Account, Endpoint, EndpointVersion, Key


def info(caller: Caller) -> dict[str, Any]:
    """Return the project and what the key may do."""
    return {
        "project": {
            "uuid": caller.project_id,
            "name": caller.project_name,
            "surfaces": list(caller.surfaces),
        },
        "token": {
            "name": caller.label,
            "scopes": list(caller.scopes),
            "expires_at": caller.expires_at.isoformat() if caller.expires_at else None,
            "limits": caller.limits.as_dict(),
            "endpoints": None if caller.endpoints is None else list(caller.endpoints),
            "labels": labels(caller),
        },
    }


def labels(caller: Caller) -> dict[str, str]:
    """Return what was noted beside the key."""
    query = select(Key.labels).where(Key.id == caller.key_id)
    return database.read(lambda session: session.scalar(query)) or {}


def balance(caller: Caller) -> dict[str, Any]:
    """Return what is left on the account that pays (A22); a metered one has no balance."""

    def work(session: Session) -> dict[str, Any]:
        payer = session.get_one(Account, caller.payer_id)
        held = payer.balance_nano_usd, payer.reserved_nano_usd
        amounts = {"balance": held[0], "reserved": held[1], "free": held[0] - held[1]}
        is_prepaid = payer.billing == "prepaid"
        told = {name: nano_to_usd(amount) if is_prepaid else None for name, amount in amounts.items()}
        return {"object": "balance", "billing": payer.billing, "currency": "USD", **told}

    return database.read(work)


def endpoints(caller: Caller) -> dict[str, Any]:
    """Return the active endpoints, by slug; their prompts stay inside."""
    return {"endpoints": [public(endpoint, config) for endpoint, config in active(caller)]}


def models(caller: Caller) -> dict[str, Any]:
    """Return each model that an active endpoint may use, first choices and failovers, once."""
    chains = [(config.model, *config.failover, *models_of_rules(config)) for _, config in active(caller)]
    return {"models": sorted({model for chain in chains for model in chain})}


def endpoint(caller: Caller, slug: str) -> dict[str, Any]:
    """Return one of these endpoints; raise NotFound, also for one that the key may not call."""
    found = next((public(row, config) for row, config in active(caller) if row.slug == slug), None)
    if found is None:
        raise NotFound("Endpoint not found.")
    return {"endpoint": found}


def openapi(caller: Caller, base_url: str) -> dict[str, Any]:
    """Return the OpenAPI file of the endpoints that the key may call."""
    about = About(caller.project_id, caller.project_name, base_url)
    return document(about, [Described(row.slug, row.name, config) for row, config in active(caller)])


def public(endpoint: Endpoint, config: EndpointConfig) -> dict[str, Any]:
    """Return what may be told of an endpoint: what a client must send and will get, not how it is made."""
    return {
        "slug": endpoint.slug,
        "name": endpoint.name,
        "description": config.description,
        "model": config.model,
        "streaming_enabled": config.streams,
        "variables": [variable.as_dict() for variable in config.variables],
        "form": questions_of(config).as_dict(),
        "input_schema": config.input_schema,
        "output_schema": config.output_schema,
        "session": config.session.as_dict() if config.session else None,
        "url": f"/api/{endpoint.project_id}/{endpoint.slug}",
    }


def active(caller: Caller) -> list[tuple[Endpoint, EndpointConfig]]:
    """Read the active endpoints that the key may call, with their published configuration."""

    def work(session: Session) -> list[tuple[Endpoint, EndpointConfig]]:
        rows = session.execute(
            select(Endpoint, EndpointVersion.config)
            .join(EndpointVersion, EndpointVersion.id == Endpoint.published_version_id)
            .where(Endpoint.project_id == caller.project_id, Endpoint.active)
            .order_by(Endpoint.slug)
        )
        return [(row, parse_config(config)) for row, config in rows if may_call(caller, row.slug)]

    return database.read(work)
