"""Puts scripted upstreams behind a tenant's endpoints."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.models import RecordRow
from app.services import credentials, endpoints, model_rows, providers
from tests.upstream import Upstream
from tests.world import Tenant

SECRET = "sk-upstream-secret-0001"


def add_provider(tenant: Tenant, upstream: Upstream, slug: str, *secrets: str, **fields: Any) -> str:
    """Add a provider at the upstream with one credential for each secret; return its id."""
    dialect = fields.pop("dialect", "openai")
    base_url = upstream.v1 if dialect == "openai" else upstream.url
    provider = providers.create(
        SYSTEM, tenant.workspace.id, {"slug": slug, "dialect": dialect, "base_url": base_url, **fields}
    )
    for number, secret in enumerate(secrets or (SECRET,)):
        values = {"name": f"key {number}", "secret": secret}
        credentials.create(SYSTEM, tenant.workspace.id, provider.id, values)
    return provider.id


def add_endpoint(tenant: Tenant, slug: str, model: str, *failover: str, **fields: Any) -> str:
    """Add a streaming endpoint on a chain of models; return its path."""
    values = {"slug": slug, "model": model, "failover": list(failover), "streaming_enabled": True, **fields}
    endpoints.create(SYSTEM, tenant.workspace.id, tenant.project.id, values)
    return f"/api/{tenant.project.id}/{slug}"


def set_price(tenant: Tenant, model: str, **prices: str) -> None:
    """Give a model a price of the workspace's own."""
    model_rows.set_row(SYSTEM, tenant.workspace.id, model, prices)


def records() -> list[RecordRow]:
    """Return every record, oldest first."""
    query = select(RecordRow).order_by(RecordRow.created_at)
    return database.read(lambda session: list(session.scalars(query)))
