"""Providers and the credentials that open them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, Json, Name, Nano, Ref, UtcDateTime


class Provider(db.Model):  # type: ignore[name-defined]
    """An upstream of a workspace. `slug` is the {provider} of model ids and of /v1/{provider}/…"""

    __tablename__ = "providers"
    __table_args__ = (UniqueConstraint("workspace_id", "slug"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), index=True)
    slug: Mapped[str] = mapped_column(String(64))
    name: Mapped[Name]
    dialect: Mapped[str] = mapped_column(String(16))  # openai | anthropic | demo
    base_url: Mapped[str] = mapped_column(String(500), default="")
    vendor: Mapped[str] = mapped_column(String(64))  # whose prices apply
    zdr: Mapped[bool] = mapped_column(default=False)
    may_train: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)  # the workspace-wide switch (P25)
    alert_nano_usd_per_day: Mapped[Nano | None]
    stop_nano_usd_per_day: Mapped[Nano | None]
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime())  # set: passed its stop threshold (M10)
    resumed_on: Mapped[date | None]  # the UTC day of the last reactivation
    resumed_from_nano_usd: Mapped[Nano] = mapped_column(default=0)  # that day's spend until then (O31)
    created_at: Mapped[Created]


class Credential(db.Model):  # type: ignore[name-defined]
    """A provider's secret: sealed for this row and the provider's origin; masked for ever (P26)."""

    __tablename__ = "credentials"
    __table_args__ = (UniqueConstraint("provider_id", "name"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), index=True)
    provider_id: Mapped[Ref] = mapped_column(ForeignKey("providers.id"), index=True)
    project_id: Mapped[Ref | None] = mapped_column(ForeignKey("projects.id"))  # set: only for this project
    key_id: Mapped[Ref | None] = mapped_column(ForeignKey("keys.id"))  # set: the key's own (R18)
    name: Mapped[Name]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)  # nonce + ciphertext
    sealed_with: Mapped[str] = mapped_column(String(16))  # id of the sealing key
    origin: Mapped[str] = mapped_column(String(500))
    preview: Mapped[str] = mapped_column(String(32))
    active: Mapped[bool] = mapped_column(default=True)
    refused_at: Mapped[datetime | None] = mapped_column(UtcDateTime())  # the upstream said 401 or 403 (L20)
    created_at: Mapped[Created]


class ModelOverride(db.Model):  # type: ignore[name-defined]
    """A workspace's own row of the model catalog; it wins over the shipped one. Prices per million tokens.

    Input and output price come together; without them the shipped price holds, times the multiplier.
    """

    __tablename__ = "model_overrides"
    __table_args__ = (
        UniqueConstraint("workspace_id", "model_id"),
        CheckConstraint("multiplier_ppm > 0", name="multiplier"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), index=True)
    model_id: Mapped[str] = mapped_column(String(200))  # provider/model
    input_nano_usd_per_million: Mapped[Nano | None]
    output_nano_usd_per_million: Mapped[Nano | None]
    cache_read_nano_usd_per_million: Mapped[Nano | None]
    cache_write_nano_usd_per_million: Mapped[Nano | None]
    free: Mapped[bool] = mapped_column(default=False)
    multiplier_ppm: Mapped[int] = mapped_column(default=1_000_000)
    context_tokens: Mapped[int | None]
    max_output_tokens: Mapped[int | None]
    quality: Mapped[int | None]  # 0 to 100
    features: Mapped[list[Any] | None] = mapped_column(Json)
    quantization: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[Created]
