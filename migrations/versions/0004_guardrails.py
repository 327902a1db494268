"""Endpoints as products: guardrails, examples and drafts, sessions, and what receipts tell of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.Uuid(as_uuid=False)
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TABLES = ("publications", "examples", "example_runs", "chat_sessions", "chat_turns")
ADDED = {
    "workspaces": ("guardrails",),
    "projects": ("guardrails", "management_api"),
    "keys": ("guardrails",),
    "endpoints": ("draft_version_id", "pinned", "form_shared"),
    "records": ("guardrails", "session_id", "parent_request_id", "routing_decision"),
}


def upgrade() -> None:
    for table in ("workspaces", "projects", "keys"):
        op.add_column(table, sa.Column("guardrails", JSON, nullable=False, server_default="{}"))
    off = {"nullable": False, "server_default": sa.false()}
    op.add_column("projects", sa.Column("management_api", sa.Boolean(), **off))
    op.add_column("endpoints", sa.Column("draft_version_id", ID, nullable=True))
    op.add_column("endpoints", sa.Column("pinned", sa.Boolean(), **off))
    op.add_column("endpoints", sa.Column("form_shared", sa.Boolean(), **off))
    op.add_column("records", sa.Column("guardrails", JSON, nullable=True))
    op.add_column("records", sa.Column("session_id", ID, nullable=True))
    op.add_column("records", sa.Column("parent_request_id", ID, nullable=True))
    op.add_column("records", sa.Column("routing_decision", sa.String(60), nullable=True))
    index_records("ix_records_parent_request_id", ["parent_request_id"], "parent_request_id IS NOT NULL")
    index_records("ix_records_guarded", ["workspace_id", "created_at"], "guardrails IS NOT NULL")
    make_publications()
    make_examples()
    make_sessions()


def make_publications() -> None:
    op.create_table(
        "publications",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("endpoint_id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("author", sa.String(254), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["endpoint_versions.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_publications_endpoint_id", "publications", ["endpoint_id", "created_at"])
    op.execute(
        "INSERT INTO publications (id, workspace_id, endpoint_id, version_id, author, created_at)"
        " SELECT id, workspace_id, endpoint_id, id, author, created_at FROM endpoint_versions"
    )


def make_examples() -> None:
    op.create_table(
        "examples",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("endpoint_id", ID, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("expected", JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("endpoint_id", "name"),
    )
    op.create_table(
        "example_runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("example_id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("example_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("complaints", JSON, nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("measured", JSON, nullable=False),
        sa.Column("request_id", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.ForeignKeyConstraint(["example_id"], ["examples.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["endpoint_versions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("example_id", "version_id"),
    )


def make_sessions() -> None:
    op.create_table(
        "chat_sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("endpoint_id", ID, nullable=False),
        sa.Column("key_id", ID, nullable=True),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_chat_sessions_endpoint_id", "chat_sessions", ["endpoint_id", "used_at"])
    op.create_index("ix_chat_sessions_workspace_id", "chat_sessions", ["workspace_id"])
    op.create_index("ix_chat_sessions_expires_at", "chat_sessions", ["expires_at"])
    op.create_table(
        "chat_turns",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("messages", JSON, nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.ForeignKeyConstraint(["session_id"], ["chat_sessions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_chat_turns_session_id", "chat_turns", ["session_id", "number"], unique=True)


def index_records(name: str, columns: list[str], condition: str) -> None:
    """Index the few records that meet a condition."""
    given = sa.text(condition)
    op.create_index(name, "records", columns, postgresql_where=given, sqlite_where=given)


def downgrade() -> None:
    """Take everything away again."""
    op.drop_index("ix_records_guarded", "records")
    op.drop_index("ix_records_parent_request_id", "records")
    for table_name in reversed(TABLES):
        op.drop_table(table_name)
    for table_name, columns in ADDED.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table_name} DROP COLUMN {column}")
