"""The two money transactions as one statement each. PostgreSQL runs it whole, in one round trip.

The steps and their order are those of `holds` and `settlements`, which SQLite takes one by one: account, then
budget periods by id, then the rest. All values are sent as text, so that each statement is prepared once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.database import database

HOLD = """
WITH account AS (
    UPDATE accounts SET reserved_nano_usd = reserved_nano_usd + %(amount_nano_usd)s::bigint
    WHERE id = %(account_id)s::uuid AND %(prepaid)s::boolean
        AND balance_nano_usd - reserved_nano_usd >= %(amount_nano_usd)s::bigint
    RETURNING id
), ready AS (
    SELECT 1 WHERE NOT %(prepaid)s::boolean OR EXISTS (SELECT 1 FROM account)
), locked AS (
    SELECT p.id FROM budget_periods p, ready
    WHERE p.id = ANY (%(held_in)s::uuid[]) ORDER BY p.id FOR UPDATE OF p
), period AS (
    UPDATE budget_periods p
    SET reserved_nano_usd = p.reserved_nano_usd + %(amount_nano_usd)s::bigint,
        reserved_tokens = p.reserved_tokens + %(amount_tokens)s::bigint
    FROM locked
    WHERE p.id = locked.id AND (NOT p.hard OR (
        (p.cap_nano_usd IS NULL
            OR p.spent_nano_usd + p.reserved_nano_usd + %(amount_nano_usd)s::bigint <= p.cap_nano_usd)
        AND (p.cap_tokens IS NULL
            OR p.spent_tokens + p.reserved_tokens + %(amount_tokens)s::bigint <= p.cap_tokens)))
    RETURNING p.id
)
INSERT INTO reservations (
    id, workspace_id, account_id, prepaid, amount_nano_usd, amount_tokens, input_nano_usd, input_tokens,
    period_ids, price, about, state, charged_nano_usd, charged_tokens, shortfall_nano_usd,
    created_at, expires_at)
SELECT %(id)s::uuid, %(workspace_id)s::uuid, %(account_id)s::uuid, %(prepaid)s::boolean,
    %(amount_nano_usd)s::bigint, %(amount_tokens)s::bigint, %(input_nano_usd)s::bigint,
    %(input_tokens)s::bigint, %(period_ids)s::jsonb, %(price)s::jsonb, %(about)s::jsonb, 'held', 0, 0, 0,
    %(created_at)s::timestamptz, %(expires_at)s::timestamptz
FROM ready WHERE (SELECT count(*) FROM period) = cardinality(%(held_in)s::uuid[])
RETURNING id
"""

END = """
WITH ended AS (
    UPDATE reservations
    SET state = %(state)s, outcome = %(outcome)s, ended_at = %(now)s::timestamptz,
        charged_nano_usd = least(amount_nano_usd, %(cost)s::bigint),
        charged_tokens = least(amount_tokens, %(used)s::bigint),
        shortfall_nano_usd = greatest(%(cost)s::bigint - amount_nano_usd, 0)
    WHERE id = %(id)s::uuid AND state = 'held'
    RETURNING *
), account AS (
    UPDATE accounts a
    SET balance_nano_usd = a.balance_nano_usd - e.charged_nano_usd,
        reserved_nano_usd = a.reserved_nano_usd - e.amount_nano_usd,
        ledger_count = a.ledger_count + CASE WHEN e.charged_nano_usd > 0 THEN 1 ELSE 0 END
    FROM ended e WHERE a.id = e.account_id AND e.prepaid
    RETURNING a.balance_nano_usd, a.ledger_count
), entry AS (
    INSERT INTO ledger_entries (
        id, workspace_id, account_id, number, kind, from_side, to_side, amount_nano_usd,
        balance_after_nano_usd, ref, reason, actor_label, created_at)
    SELECT %(entry_id)s::uuid, e.workspace_id, e.account_id, account.ledger_count, 'charge', 'account',
        'revenue', e.charged_nano_usd, account.balance_nano_usd, %(ref)s, %(reason)s, '', %(now)s::timestamptz
    FROM ended e, account WHERE e.charged_nano_usd > 0
), locked AS (
    SELECT p.id FROM ended e LEFT JOIN account ON true
    JOIN budget_periods p ON p.id = ANY (
        ARRAY(SELECT jsonb_array_elements_text(e.period_ids)::uuid))
    ORDER BY p.id FOR UPDATE OF p
), period AS (
    UPDATE budget_periods p
    SET reserved_nano_usd = p.reserved_nano_usd - e.amount_nano_usd,
        reserved_tokens = p.reserved_tokens - e.amount_tokens,
        spent_nano_usd = p.spent_nano_usd + e.charged_nano_usd,
        spent_tokens = p.spent_tokens + e.charged_tokens
    FROM ended e, locked WHERE p.id = locked.id
    RETURNING p.budget_id::text, p.starts_on::text, p.cap_nano_usd, p.cap_tokens, p.spent_nano_usd,
        p.spent_tokens
), days AS (
    INSERT INTO daily_spend AS d (
        workspace_id, day, scope_type, scope_id, spent_nano_usd, ledger_nano_usd, calls, tokens)
    SELECT e.workspace_id, %(day)s::date, s.scope_type, s.scope_id, s.spent, s.ledger, 1, e.charged_tokens
    FROM ended e LEFT JOIN account ON true CROSS JOIN LATERAL (VALUES
        ('account', e.account_id, e.charged_nano_usd, CASE WHEN e.prepaid THEN e.charged_nano_usd ELSE 0 END),
        ('provider', %(provider_id)s::uuid, %(provider_nano_usd)s::bigint, 0)
    ) AS s (scope_type, scope_id, spent, ledger)
    WHERE %(state)s = 'settled' AND s.scope_id IS NOT NULL
    ORDER BY s.scope_type
    ON CONFLICT (workspace_id, day, scope_type, scope_id) DO UPDATE
    SET spent_nano_usd = d.spent_nano_usd + excluded.spent_nano_usd,
        ledger_nano_usd = d.ledger_nano_usd + excluded.ledger_nano_usd,
        calls = d.calls + 1, tokens = d.tokens + excluded.tokens
    RETURNING d.scope_type, d.spent_nano_usd
)
SELECT e.workspace_id::text, e.account_id::text, e.prepaid, e.charged_nano_usd, e.charged_tokens,
    e.shortfall_nano_usd, (SELECT balance_nano_usd FROM account) AS balance_nano_usd,
    (SELECT jsonb_agg(to_jsonb(period)) FROM period) AS periods,
    (SELECT spent_nano_usd FROM days WHERE scope_type = 'account') AS account_day_nano_usd,
    (SELECT spent_nano_usd FROM days WHERE scope_type = 'provider') AS provider_day_nano_usd,
    a.name AS account_name, a.low_balance_nano_usd, a.spend_alert_nano_usd_per_day,
    p.name AS provider_name, p.alert_nano_usd_per_day, p.stop_nano_usd_per_day, p.paused_at, p.resumed_on,
    p.resumed_from_nano_usd
FROM ended e
JOIN accounts a ON a.id = e.account_id
LEFT JOIN providers p ON p.id = %(provider_id)s::uuid
"""


def is_spoken(session: Session) -> bool:
    """Say whether the session's database is PostgreSQL."""
    return session.get_bind().dialect.name == "postgresql"


def run(session: Session | None, statement: str, values: dict[str, Any]) -> Row | None:
    """Return the statement's one row, or None; numbers and times go as text.

    Without a session the statement is a transaction of its own, in a third of the round trips.
    """
    texts = {name: as_text(value) for name, value in values.items()}
    if session is None:
        return database.statement(statement, texts)
    return session.connection().exec_driver_sql(statement, texts).first()


def hold(session: Session | None, row: Mapping[str, Any]) -> bool:
    """Hold what the reservation's row says and insert it; False when the balance or a budget is short.

    Then the transaction must be rolled back: some of it may have been held. Only where no budget is held
    can it go without a session: then it is all or nothing by itself.
    """
    held_in = {"held_in": "{" + ",".join(row["period_ids"]) + "}"}
    documents = {name: orjson.dumps(row[name]).decode() for name in ("period_ids", "price", "about")}
    return run(session, HOLD, {**row, **documents, **held_in}) is not None


def as_text(value: Any) -> str | None:
    """Return a value as PostgreSQL reads it from text."""
    return None if value is None else str(value)
