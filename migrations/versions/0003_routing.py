"""One door to every model: aliases, plugins, memories, rules of keys, and what receipts tell of routing."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.Uuid(as_uuid=False)
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TABLES = ("aliases", "plugin_settings", "memories")
ADDED = {
    "keys": ("rules", "parent_id"),
    "projects": ("gateway",),
    "model_overrides": ("quality", "features", "quantization"),
    "records": ("tag", "cached", "savings_nano_usd", "routing", "extras", "warnings", "healing"),
}


def upgrade() -> None:
    make_aliases()
    make_plugin_settings()
    make_memories()
    add_to_keys()
    with op.batch_alter_table("credentials") as table:
        table.add_column(sa.Column("key_id", ID, nullable=True))
        table.create_foreign_key("fk_credentials_key_id", "keys", ["key_id"], ["id"])
    op.add_column("projects", sa.Column("gateway", JSON, nullable=False, server_default="{}"))
    op.add_column("model_overrides", sa.Column("quality", sa.Integer(), nullable=True))
    op.add_column("model_overrides", sa.Column("features", JSON, nullable=True))
    op.add_column("model_overrides", sa.Column("quantization", sa.String(16), nullable=True))
    add_to_records()


def make_aliases() -> None:
    op.create_table(
        "aliases",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("models", JSON, nullable=False),
        sa.Column("preset", JSON, nullable=False),
        sa.Column("description", sa.String(1000), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "name"),
    )
    op.create_index("ix_aliases_workspace_id", "aliases", ["workspace_id"], unique=False)
    op.create_index(
        "uq_aliases_workspace",
        "aliases",
        ["workspace_id", "name"],
        unique=True,
        postgresql_where=sa.text("project_id IS NULL"),
        sqlite_where=sa.text("project_id IS NULL"),
    )


def make_plugin_settings() -> None:
    op.create_table(
        "plugin_settings",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("plugin", sa.String(32), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.String(500), nullable=False),
        sa.Column("preview", sa.String(32), nullable=False),
        sa.Column("options", JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "plugin"),
    )


def make_memories() -> None:
    op.create_table(
        "memories",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("end_user", sa.String(200), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_memories_project_id_end_user", "memories", ["project_id", "end_user", "created_at"], unique=False
    )


def add_to_keys() -> None:
    op.add_column("keys", sa.Column("rules", JSON, nullable=False, server_default="{}"))
    op.add_column("keys", sa.Column("parent_id", ID, nullable=True))
    with op.batch_alter_table("keys") as table:
        table.add_column(sa.Column("previous_hash", sa.LargeBinary(32), nullable=True))
        table.create_unique_constraint("uq_keys_previous_hash", ["previous_hash"])


def add_to_records() -> None:
    op.add_column("records", sa.Column("tag", sa.String(64), nullable=True))
    op.add_column("records", sa.Column("cached", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("records", sa.Column("savings_nano_usd", sa.BigInteger(), nullable=True))
    op.add_column("records", sa.Column("routing", JSON, nullable=True))
    op.add_column("records", sa.Column("extras", JSON, nullable=True))
    op.add_column("records", sa.Column("warnings", JSON, nullable=True))
    op.add_column("records", sa.Column("healing", JSON, nullable=True))


def downgrade() -> None:
    """Take everything away again."""
    with op.batch_alter_table("keys") as table:
        table.drop_constraint("uq_keys_previous_hash", type_="unique")
        table.drop_column("previous_hash")
    with op.batch_alter_table("credentials") as table:
        table.drop_constraint("fk_credentials_key_id", type_="foreignkey")
        table.drop_column("key_id")
    for table_name, columns in ADDED.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table_name} DROP COLUMN {column}")
    for table_name in reversed(TABLES):
        op.drop_table(table_name)
