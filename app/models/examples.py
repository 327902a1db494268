"""Saved examples of an endpoint, which double as checks of every version before it is published."""

from __future__ import annotations

from sqlalchemy import ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, JsonDict, JsonList, Ref


class Example(db.Model):  # type: ignore[name-defined]
    """A request that an endpoint must answer well. `body`: a native one; `expected`: domain.examples."""

    __tablename__ = "examples"
    __table_args__ = (UniqueConstraint("endpoint_id", "name"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    endpoint_id: Mapped[Ref] = mapped_column(ForeignKey("endpoints.id"))
    name: Mapped[str] = mapped_column(String(100))
    body: Mapped[JsonDict]
    expected: Mapped[JsonDict]
    created_at: Mapped[Created]


class ExampleRun(db.Model):  # type: ignore[name-defined]
    """How one version last answered one example. `example_hash`: of the example as it was then."""

    __tablename__ = "example_runs"
    __table_args__ = (UniqueConstraint("example_id", "version_id"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    example_id: Mapped[Ref] = mapped_column(ForeignKey("examples.id"))
    version_id: Mapped[Ref] = mapped_column(ForeignKey("endpoint_versions.id"))
    example_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    passed: Mapped[bool]
    complaints: Mapped[JsonList]
    answer: Mapped[str] = mapped_column(Text, default="")
    measured: Mapped[JsonDict]  # output_tokens, cost_nano_usd (None: not known), milliseconds
    request_id: Mapped[Ref]
    created_at: Mapped[Created]
