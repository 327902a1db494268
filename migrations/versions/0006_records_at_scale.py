"""Indexes by which lists of requests and sums of usage stay quick with tens of millions of rows.

On PostgreSQL an index is made partition by partition while nothing is written to `records`: calls go on, and
records wait in memory. Where that takes too long, make the indexes before the upgrade, under these names
(`CREATE INDEX CONCURRENTLY` on each partition, then attach it): what is there is kept.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# name: table, columns, condition
INDEXES = {
    "ix_records_key_id": ("records", ("key_id", "created_at"), "key_id IS NOT NULL"),
    "ix_records_project_id": ("records", ("project_id", "created_at"), "project_id IS NOT NULL"),
    "ix_records_client_request_id": (
        "records", ("workspace_id", "client_request_id"), "client_request_id IS NOT NULL",
    ),
    "ix_records_outcome": ("records", ("workspace_id", "outcome", "created_at"), "outcome <> 'succeeded'"),
    "ix_records_source": ("records", ("workspace_id", "source", "created_at"), "source <> 'api'"),
    "ix_records_saved": (
        "records", ("project_id", "created_at", "savings_nano_usd"), "savings_nano_usd IS NOT NULL",
    ),
    "ix_records_action": ("records", ("workspace_id", "action", "created_at"), "action IS NOT NULL"),
    "ix_records_arm": ("records", ("workspace_id", "arm", "created_at"), "arm IS NOT NULL"),
    "ix_records_person": ("records", ("workspace_id", "caller_label", "created_at"), "key_id IS NULL"),
    "ix_records_model": (
        "records", ("workspace_id", "provider", "model_answered", "created_at"), "provider IS NOT NULL",
    ),
    "ix_records_unanswered": (
        "records", ("workspace_id", "model_requested", "created_at"), "model_answered IS NULL",
    ),
    "ix_usage_hours_end_user": ("usage_hours", ("workspace_id", "end_user", "starts_at"), "end_user <> ''"),
}  # fmt: skip


def upgrade() -> None:
    for name, (table, columns, condition) in INDEXES.items():
        where = sa.text(condition)
        op.create_index(
            name, table, list(columns), postgresql_where=where, sqlite_where=where, if_not_exists=True
        )


def downgrade() -> None:
    for name, (table, _, _) in reversed(INDEXES.items()):
        op.drop_index(name, table)
