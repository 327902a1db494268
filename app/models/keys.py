"""Keys: what an application shows to be let in. Only the SHA-256 is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, Json, JsonDict, JsonList, Name, Ref, UtcDateTime


class Key(db.Model):  # type: ignore[name-defined]
    """A client's key of one project, booked on one account (P18)."""

    __tablename__ = "keys"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), index=True)
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id"))
    project_id: Mapped[Ref] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[Name]
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    preview: Mapped[str] = mapped_column(String(64))  # prefix and last 4
    scopes: Mapped[JsonList]
    limits: Mapped[JsonDict] = mapped_column(
        default=dict
    )  # domain.limits.Limits; each replaces the endpoint's
    endpoints: Mapped[list[Any] | None] = mapped_column(Json)  # the slugs it may call; None: all (P20)
    rules: Mapped[JsonDict] = mapped_column(default=dict)  # domain.key_rules.KeyRules (R17, A19)
    parent_id: Mapped[Ref | None]  # the key that made it through the API; revoked with it
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)  # until first use (A19)
    guardrails: Mapped[JsonDict] = mapped_column(default=dict)  # domain.guardrails.settings
    labels: Mapped[JsonDict] = mapped_column(default=dict)  # what the customer notes beside it, shown back
    created_by: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[Created]
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
