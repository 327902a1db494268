"""Money: plans, budgets, holds and the ledger; spend by day and usage by hour; alerts; limits on keys."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.Uuid(as_uuid=False)
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TABLES = (
    "plans",
    "alerts",
    "budgets",
    "daily_spend",
    "usage_hours",
    "budget_periods",
    "idempotency_keys",
    "ledger_entries",
    "reservations",
)


def upgrade() -> None:
    make_plans()
    make_alerts()
    make_budgets()
    make_daily_spend()
    make_usage_hours()
    make_budget_periods()
    make_idempotency_keys()
    make_ledger_entries()
    make_reservations()
    add_to_accounts()
    add_columns()
    let_prices_be_absent(True)
    insert_plans()
    make_ledger_append_only()


def make_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("id", ID, nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("price_nano_usd_per_month", sa.BigInteger(), nullable=True),
        sa.Column("requests_per_minute", sa.Integer(), nullable=True),
        sa.Column("burst_per_second", sa.Integer(), nullable=True),
        sa.Column("included_tokens", sa.BigInteger(), nullable=True),
        sa.Column("overage_nano_usd_per_million", sa.BigInteger(), nullable=True),
        sa.Column("hard_cap", sa.Boolean(), nullable=False),
        sa.Column("trial_credit_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("plugins", JSON, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slug"),
    )


def make_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", TIME, nullable=True),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("sent_to", JSON, nullable=False),
        sa.Column("problem", sa.String(length=300), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "kind", "subject", "day"),
    )
    op.create_index("ix_alerts_state_next_try_at", "alerts", ["state", "next_try_at"], unique=False)
    op.create_index(
        "ix_alerts_workspace_id_created_at", "alerts", ["workspace_id", "created_at"], unique=False
    )


def make_budgets() -> None:
    op.create_table(
        "budgets",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("scope_type", sa.String(length=16), nullable=False),
        sa.Column("scope_id", ID, nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("cap_nano_usd", sa.BigInteger(), nullable=True),
        sa.Column("cap_tokens", sa.BigInteger(), nullable=True),
        sa.Column("hard", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("cap_nano_usd IS NOT NULL OR cap_tokens IS NOT NULL", name="any"),
        sa.CheckConstraint("cap_nano_usd IS NULL OR cap_nano_usd >= 0", name="usd"),
        sa.CheckConstraint("cap_tokens IS NULL OR cap_tokens >= 0", name="tokens"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("scope_type", "scope_id", "period"),
    )
    op.create_index("ix_budgets_workspace_id", "budgets", ["workspace_id"], unique=False)


def make_daily_spend() -> None:
    op.create_table(
        "daily_spend",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("scope_type", sa.String(length=16), nullable=False),
        sa.Column("scope_id", ID, nullable=False),
        sa.Column("spent_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("ledger_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("workspace_id", "day", "scope_type", "scope_id"),
    )


def make_usage_hours() -> None:
    op.create_table(
        "usage_hours",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("starts_at", TIME, nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("key_id", sa.String(length=36), nullable=False),
        sa.Column("endpoint_id", sa.String(length=36), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("end_user", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("unpriced", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_nano_usd", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "uq_usage_hours_dimensions",
        "usage_hours",
        [
            "workspace_id",
            "starts_at",
            "account_id",
            "project_id",
            "key_id",
            "endpoint_id",
            "provider",
            "model",
            "end_user",
            "source",
        ],
        unique=True,
    )


def make_budget_periods() -> None:
    op.create_table(
        "budget_periods",
        sa.Column("id", ID, nullable=False),
        sa.Column("budget_id", ID, nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("cap_nano_usd", sa.BigInteger(), nullable=True),
        sa.Column("cap_tokens", sa.BigInteger(), nullable=True),
        sa.Column("hard", sa.Boolean(), nullable=False),
        sa.Column("spent_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("reserved_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("spent_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("reserved_nano_usd >= 0 AND spent_nano_usd >= 0", name="usd"),
        sa.CheckConstraint("reserved_tokens >= 0 AND spent_tokens >= 0", name="tokens"),
        sa.ForeignKeyConstraint(["budget_id"], ["budgets.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("budget_id", "starts_on"),
    )


def make_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("request_id", ID, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("content_type", sa.String(length=100), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "key"),
        sa.UniqueConstraint("request_id"),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"], unique=False)


def make_ledger_entries() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("from_side", sa.String(length=16), nullable=False),
        sa.Column("to_side", sa.String(length=16), nullable=False),
        sa.Column("amount_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("balance_after_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("actor_label", sa.String(length=254), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("amount_nano_usd > 0", name="amount"),
        sa.CheckConstraint("from_side <> to_side", name="sides"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "kind", "ref"),
        sa.UniqueConstraint("account_id", "number"),
    )
    op.create_index(
        "ix_ledger_entries_account_id_created_at",
        "ledger_entries",
        ["account_id", "created_at"],
        unique=False,
    )


def make_reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("prepaid", sa.Boolean(), nullable=False),
        sa.Column("amount_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("amount_tokens", sa.BigInteger(), nullable=False),
        sa.Column("input_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("period_ids", JSON, nullable=False),
        sa.Column("price", JSON, nullable=True),
        sa.Column("about", JSON, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=True),
        sa.Column("charged_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("charged_tokens", sa.BigInteger(), nullable=False),
        sa.Column("shortfall_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.CheckConstraint("charged_nano_usd >= 0 AND charged_nano_usd <= amount_nano_usd", name="charged"),
        sa.CheckConstraint("charged_tokens >= 0 AND charged_tokens <= amount_tokens", name="tokens"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_reservations_account_id_created_at", "reservations", ["account_id", "created_at"], unique=False
    )
    op.create_index(
        "ix_reservations_open",
        "reservations",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'held'"),
        sqlite_where=sa.text("state = 'held'"),
    )


ACCOUNT_COLUMNS = (
    "billing VARCHAR(16) NOT NULL DEFAULT 'metered'",
    "balance_nano_usd BIGINT NOT NULL DEFAULT 0 CONSTRAINT ck_accounts_balance CHECK (balance_nano_usd >= 0)",
    "reserved_nano_usd BIGINT NOT NULL DEFAULT 0 CONSTRAINT ck_accounts_reserved "
    "CHECK (reserved_nano_usd >= 0 AND reserved_nano_usd <= balance_nano_usd)",
    "ledger_count INTEGER NOT NULL DEFAULT 0 "
    "CONSTRAINT ck_accounts_multiplier CHECK (rate_multiplier_ppm > 0)",  # SQLite checks only new columns
    "external_ref VARCHAR(200)",
    "active BOOLEAN NOT NULL DEFAULT TRUE",
    "spend_alert_nano_usd_per_day BIGINT",
    "low_balance_nano_usd BIGINT",
)


def add_to_accounts() -> None:
    """Add the money columns with their checks, which both databases take with the column alone."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    kind = "UUID" if is_postgresql else "CHAR(32)"
    for column in (*ACCOUNT_COLUMNS, f"plan_id {kind} REFERENCES plans (id)"):
        op.execute(f"ALTER TABLE accounts ADD COLUMN {column}")
    op.create_index("uq_accounts_external_ref", "accounts", ["workspace_id", "external_ref"], unique=True)


def add_columns() -> None:
    op.add_column("credentials", sa.Column("refused_at", TIME, nullable=True))
    op.add_column("keys", sa.Column("limits", JSON, nullable=False, server_default="{}"))
    op.add_column("keys", sa.Column("endpoints", JSON, nullable=True))
    op.add_column("keys", sa.Column("labels", JSON, nullable=False, server_default="{}"))
    op.add_column(
        "model_overrides", sa.Column("multiplier_ppm", sa.Integer(), nullable=False, server_default="1000000")
    )
    op.add_column("providers", sa.Column("alert_nano_usd_per_day", sa.BigInteger(), nullable=True))
    op.add_column("providers", sa.Column("stop_nano_usd_per_day", sa.BigInteger(), nullable=True))
    op.add_column("providers", sa.Column("paused_at", TIME, nullable=True))
    op.add_column("providers", sa.Column("resumed_on", sa.Date(), nullable=True))
    op.add_column(
        "providers", sa.Column("resumed_from_nano_usd", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column(
        "records", sa.Column("operation", sa.String(length=24), nullable=False, server_default="chat")
    )
    op.add_column("records", sa.Column("end_user", sa.String(length=200), nullable=True))
    op.add_column("records", sa.Column("upstream_id", sa.String(length=128), nullable=True))
    op.add_column("records", sa.Column("held_nano_usd", sa.BigInteger(), nullable=True))
    op.add_column(
        "records", sa.Column("shortfall_nano_usd", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column(
        "records", sa.Column("overage_nano_usd", sa.BigInteger(), nullable=False, server_default="0")
    )
    named = sa.text("upstream_id IS NOT NULL")
    op.create_index(
        "ix_records_upstream_id",
        "records",
        ["project_id", "upstream_id"],
        postgresql_where=named,
        sqlite_where=named,
    )
    unpriced = sa.text("cost_nano_usd IS NULL")
    op.create_index(
        "ix_records_unpriced",
        "records",
        ["workspace_id", "created_at"],
        postgresql_where=unpriced,
        sqlite_where=unpriced,
    )
    op.add_column("workspaces", sa.Column("alert_emails", JSON, nullable=False, server_default="[]"))
    op.add_column("workspaces", sa.Column("muted_alerts", JSON, nullable=False, server_default="[]"))


def let_prices_be_absent(absent: bool) -> None:
    """Let a workspace's own row hold only a multiplier, with the shipped price; SQLite rebuilds the table."""
    with op.batch_alter_table("model_overrides") as table:
        for side in ("input", "output"):
            name = f"{side}_nano_usd_per_million"
            table.alter_column(name, existing_type=sa.BigInteger(), nullable=absent)


def insert_plans() -> None:
    """Insert the four plans of the start (R12); operators edit them in the dashboard."""
    names = ("slug", "name", "price_nano_usd_per_month", "requests_per_minute", "burst_per_second")
    names += ("included_tokens", "overage_nano_usd_per_million", "hard_cap", "trial_credit_nano_usd")
    usd, million = 1_000_000_000, 1_000_000
    plans = (
        ("free", "Free", 0, 60, 10, 100_000, None, True, 5 * usd),
        ("team", "Team", 99 * usd, 600, 50, 10 * million, usd * 40 // 100, False, 0),
        ("business", "Business", 499 * usd, 3_000, 200, 50 * million, usd * 30 // 100, False, 0),
        ("enterprise", "Enterprise", None, None, None, None, None, False, 0),
    )
    table = sa.table(
        "plans", sa.column("id", ID), sa.column("position"), sa.column("created_at", TIME),
        *(sa.column(name) for name in names),
    )  # fmt: skip
    for position, values in enumerate(plans):
        fixed = {"id": f"00000000-0000-4000-8000-00000000000{position + 1}", "position": position}
        row = {**fixed, "created_at": datetime.now(UTC), **dict(zip(names, values, strict=True))}
        op.execute(table.insert().values(row))


def make_ledger_append_only() -> None:
    """Have the database itself refuse to change or delete an entry."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change_of_ledger_entries() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'ledger_entries is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change_of_ledger_entries()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_entries_no_{verb.lower()} BEFORE {verb} ON ledger_entries "
            "BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END"
        )


ADDED = {
    "credentials": ("refused_at",),
    "keys": ("limits", "endpoints", "labels",),
    "model_overrides": ("multiplier_ppm",),
    "providers": (
        "alert_nano_usd_per_day", "stop_nano_usd_per_day", "paused_at", "resumed_on", "resumed_from_nano_usd",
    ),
    "records": (
        "operation", "end_user", "upstream_id", "held_nano_usd", "shortfall_nano_usd", "overage_nano_usd",
    ),
    "workspaces": ("alert_emails", "muted_alerts",),
    "accounts": (
        "plan_id", "billing", "reserved_nano_usd", "balance_nano_usd", "ledger_count", "external_ref",
        "active", "spend_alert_nano_usd_per_day", "low_balance_nano_usd",
    ),
}  # fmt: skip


def downgrade() -> None:
    """Take everything away again; SQLite drops no column that a check names, so tables are rebuilt there."""
    op.execute("DELETE FROM model_overrides WHERE input_nano_usd_per_million IS NULL")
    let_prices_be_absent(False)
    op.drop_index("ix_records_unpriced", "records")
    op.drop_index("ix_records_upstream_id", "records")
    op.drop_index("uq_accounts_external_ref", "accounts")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("multiplier", "accounts", type_="check")
    for table, columns in ADDED.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_ledger_entries()")
