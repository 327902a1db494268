"""Sessions: what was said so far, kept by the gateway, one row per conversation and one per turn (P16)."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import Created, Id, JsonList, Ref, Time


class ChatSession(db.Model):  # type: ignore[name-defined]
    """A conversation with one endpoint, owned by the key (or, from the dashboard, the user) that began it.

    `messages`, `tokens` and `size_bytes` count what its finished turns hold.
    """

    __tablename__ = "chat_sessions"
    __table_args__ = (Index("ix_chat_sessions_endpoint_id", "endpoint_id", "used_at"),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"), index=True)
    project_id: Mapped[Ref] = mapped_column(ForeignKey("projects.id"))
    endpoint_id: Mapped[Ref] = mapped_column(ForeignKey("endpoints.id"))
    key_id: Mapped[Ref | None]
    user_id: Mapped[Ref | None]
    messages: Mapped[int] = mapped_column(default=0)
    tokens: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Created]
    used_at: Mapped[Time]
    expires_at: Mapped[Time] = mapped_column(index=True)


class ChatTurn(db.Model):  # type: ignore[name-defined]
    """One turn: what was asked and answered, as guardrails left it. Its id is the request's.

    Turns run one after another, in the order in which they came: `number` says it, given under the lock of
    the session's row. The first open one goes on; one whose `expires_at` has passed counts for nothing.
    """

    __tablename__ = "chat_turns"
    __table_args__ = (Index("ix_chat_turns_session_id", "session_id", "number", unique=True),)

    id: Mapped[Id]
    workspace_id: Mapped[Ref] = mapped_column(ForeignKey("workspaces.id"))
    session_id: Mapped[Ref] = mapped_column(ForeignKey("chat_sessions.id", ondelete="CASCADE"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))  # open | done
    messages: Mapped[JsonList] = mapped_column(default=list)
    tokens: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Created]
    expires_at: Mapped[Time]
