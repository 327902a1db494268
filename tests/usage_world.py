"""Rows of records as the pipeline hands them to their writer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from app.database import database
from app.domain.ids import new_id
from app.models import UsageHour
from app.services import records
from tests.world import Tenant


def row(tenant: Tenant, at: datetime | None = None, **changes: Any) -> dict[str, Any]:
    """Return the row of one answered call of this tenant."""
    return {
        "id": new_id(),
        "created_at": at or datetime.now(UTC),
        "workspace_id": tenant.workspace.id,
        "account_id": tenant.key.account_id,
        "project_id": tenant.project.id,
        "key_id": tenant.key.id,
        "endpoint_id": tenant.endpoint.id,
        "endpoint_slug": "hello",
        "caller_label": "ci",
        "surface": "endpoints",
        "source": "api",
        "end_user": None,
        "stream": False,
        "outcome": "succeeded",
        "status": 200,
        "error_code": None,
        "model_requested": "demo/demo-fast",
        "model_answered": "demo-fast",
        "provider": "demo",
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "estimated": False,
        "cost_nano_usd": 7,
        "held_nano_usd": None,
        "savings_nano_usd": None,
        **dict.fromkeys(("policy_key", "plan", "region")),
        "attempts": [],
        "steps": {},
        "duration_ms": 12,
        "payer_id": tenant.key.account_id,
        "provider_id": tenant.provider.id,
        "provider_nano_usd": 6,
        **changes,
    }


def write(*rows: dict[str, Any]) -> None:
    """Write the records as the writer does: a batch that had to wait too long for a lock is tried again."""
    while (error := records.attempt(list(rows))) is not None and not records.is_refusal(error):
        pass
    assert error is None, error


def hours() -> list[UsageHour]:
    """Return what is counted, oldest first."""
    return database.read(lambda s: list(s.scalars(select(UsageHour).order_by(UsageHour.starts_at))))
