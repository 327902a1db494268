"""Policies, rollouts, rules that alert, webhooks; usage by policy, plan and region."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.Uuid(as_uuid=False)
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TABLES = (
    "policies", "policy_versions", "policy_publications", "rollouts", "arm_counts", "alert_rules",
    "alert_samples", "webhooks", "deliveries", "reported_hours",
)  # fmt: skip
OF_RECORDS = {
    "policy_key": sa.String(64),
    "policy_version": sa.Integer(),
    "action": sa.String(16),
    "policy_rule": sa.String(60),
    "policy_state": sa.String(8),
    "rollout_id": ID,
    "arm": sa.String(8),
    "plan": sa.String(64),
    "region": sa.String(64),
    "context": JSON,
    "reported": JSON,
}
INDEXED = {"ix_records_end_user": "end_user", "ix_records_policy_key": "policy_key"}
BEFORE = (
    "workspace_id", "starts_at", "account_id", "project_id", "key_id", "endpoint_id", "provider", "model",
    "end_user", "source",
)  # fmt: skip
NEW_DIMENSIONS = {"policy": 64, "plan": 64, "region": 64}
NEW_SUMS = {"blocked": sa.Integer(), "savings_nano_usd": sa.BigInteger()}


def upgrade() -> None:
    op.add_column("endpoints", sa.Column("rollout_plan", JSON, nullable=False, server_default="{}"))
    for name, kind in OF_RECORDS.items():
        op.add_column("records", sa.Column(name, kind, nullable=True))
    for name, column in INDEXED.items():
        given = sa.text(f"{column} IS NOT NULL")
        scope = "project_id" if column == "policy_key" else "workspace_id"
        columns = [scope, column, "created_at"]
        op.create_index(name, "records", columns, postgresql_where=given, sqlite_where=given)
    for name, length in NEW_DIMENSIONS.items():
        op.add_column("usage_hours", sa.Column(name, sa.String(length), nullable=False, server_default=""))
    for name, kind in NEW_SUMS.items():
        op.add_column("usage_hours", sa.Column(name, kind, nullable=False, server_default="0"))
    op.drop_index("uq_usage_hours_dimensions", "usage_hours")
    op.execute("DELETE FROM usage_hours")  # counted anew, with what was saved and blocked (fill_usage)
    op.create_index("uq_usage_hours_dimensions", "usage_hours", [*BEFORE, *NEW_DIMENSIONS], unique=True)
    make_policies()
    make_rollouts()
    make_alert_rules()
    make_webhooks()
    make_reported_hours()


def make_table(name: str, *columns: sa.schema.SchemaItem, keys: tuple[str, ...] = ("id",)) -> None:
    """Make a table; unless told otherwise, with an id and a workspace."""
    own = (sa.Column("id", ID, nullable=False), *of_workspace()) if keys == ("id",) else ()
    op.create_table(name, *own, *columns, sa.PrimaryKeyConstraint(*keys))


def of_workspace() -> tuple[sa.schema.SchemaItem, ...]:
    """Return the column that says whose a row is."""
    column = sa.Column("workspace_id", ID, nullable=False)
    return column, sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"])


def make_policies() -> None:
    make_table(
        "policies",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("live_version_id", ID, nullable=True),
        sa.Column("draft_version_id", ID, nullable=True),
        sa.Column("rollout_plan", JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.UniqueConstraint("project_id", "key"),
    )
    op.create_index("ix_policies_workspace_id", "policies", ["workspace_id"])
    make_table(
        "policy_versions",
        sa.Column("policy_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("config", JSON, nullable=False),
        sa.Column("author", sa.String(254), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.id"]),
        sa.UniqueConstraint("policy_id", "number"),
    )
    make_append_only("policy_versions")
    make_table(
        "policy_publications",
        sa.Column("policy_id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("author", sa.String(254), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["policy_versions.id"]),
    )
    op.create_index("ix_policy_publications_policy_id", "policy_publications", ["policy_id", "created_at"])


def make_rollouts() -> None:
    make_table(
        "rollouts",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("subject_type", sa.String(16), nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("old_version_id", ID, nullable=False),
        sa.Column("new_version_id", ID, nullable=False),
        sa.Column("old_number", sa.Integer(), nullable=False),
        sa.Column("new_number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("step_at", TIME, nullable=False),
        sa.Column("counted", JSON, nullable=False),
        sa.Column("plan", JSON, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("reason", JSON, nullable=True),
        sa.Column("author", sa.String(254), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
    )
    given = sa.text("ended_at IS NULL")
    how = {"unique": True, "postgresql_where": given, "sqlite_where": given}
    op.create_index("uq_rollouts_under_way", "rollouts", ["subject_id"], **how)
    op.create_index("ix_rollouts_subject_id_created_at", "rollouts", ["subject_id", "created_at"])
    op.create_index("ix_rollouts_workspace_id_created_at", "rollouts", ["workspace_id", "created_at"])
    make_table(
        "arm_counts",
        sa.Column("rollout_id", ID, nullable=False),
        sa.Column("arm", sa.String(8), nullable=False),
        sa.Column("measure", sa.String(16), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"]),
        keys=("rollout_id", "arm", "measure", "bucket"),
    )


def make_alert_rules() -> None:
    make_table(
        "alert_rules",
        sa.Column("project_id", ID, nullable=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("config", JSON, nullable=False),
        sa.Column("checked_at", TIME, nullable=True),
        sa.Column("fired_at", TIME, nullable=True),
        sa.Column("measured", JSON, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.UniqueConstraint("workspace_id", "name"),
    )
    make_table(
        "alert_samples",
        sa.Column("rule_id", ID, nullable=False),
        sa.Column("starts_at", TIME, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["rule_id"], ["alert_rules.id"], ondelete="CASCADE"),
        keys=("rule_id", "starts_at"),
    )


def make_webhooks() -> None:
    make_table(
        "webhooks",
        sa.Column("project_id", ID, nullable=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_with", sa.String(16), nullable=False),
        sa.Column("previous_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", TIME, nullable=True),
        sa.Column("events", JSON, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("failing_since", TIME, nullable=True),
        sa.Column("rests_until", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.UniqueConstraint("workspace_id", "name"),
    )
    make_table(
        "deliveries",
        sa.Column("webhook_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("event", sa.String(48), nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", TIME, nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(300), nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], ondelete="CASCADE"),
    )
    op.create_index("ix_deliveries_webhook_id_created_at", "deliveries", ["webhook_id", "created_at"])
    op.create_index("ix_deliveries_state_next_try_at", "deliveries", ["state", "next_try_at"])


def make_reported_hours() -> None:
    texts = {
        "account_id": 36, "project_id": 36, "key_id": 36, "endpoint_id": 36, "provider": 64, "model": 200,
        "end_user": 200, "source": 16, **NEW_DIMENSIONS,
    }  # fmt: skip
    small = ("calls", "errors", "blocked", "unpriced")
    wide = ("input_tokens", "output_tokens", "cost_nano_usd", "savings_nano_usd")
    make_table(
        "reported_hours",
        sa.Column("starts_at", TIME, nullable=False),
        *(sa.Column(name, sa.String(length), nullable=False) for name, length in texts.items()),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in small),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in wide),
    )
    columns = [*BEFORE, *NEW_DIMENSIONS]
    op.create_index("uq_reported_hours_dimensions", "reported_hours", columns, unique=True)


def make_append_only(table: str) -> None:
    """Have the database itself refuse to change or delete a row."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION refuse_change_of_{table}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION refuse_change_of_{table}()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def downgrade() -> None:
    """Take everything away again; usage by hour is counted anew from the records."""
    for name in INDEXED:
        op.drop_index(name, "records")
    for table_name in reversed(TABLES):
        op.drop_table(table_name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_policy_versions()")
    op.drop_index("uq_usage_hours_dimensions", "usage_hours")
    op.execute("DELETE FROM usage_hours")
    of_hours = (*NEW_DIMENSIONS, *NEW_SUMS)
    added = {"usage_hours": of_hours, "records": OF_RECORDS, "endpoints": ("rollout_plan",)}
    for table_name, names in added.items():
        for name in names:
            op.execute(f"ALTER TABLE {table_name} DROP COLUMN {name}")
    op.create_index("uq_usage_hours_dimensions", "usage_hours", list(BEFORE), unique=True)
