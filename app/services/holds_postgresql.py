"""The two money transactions of PostgreSQL, each one statement for any number of calls at once.

The steps and their order are those of `holds` and `settlements`, which SQLite takes one by one: accounts by
id, then budget periods by id, then days. Calls are given as one JSON array ($1) and served in order: to
hold, a reservation's row; to end, what `settlements.values_of` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.domain.alerts import LEVELS

COLUMNS = """
    id uuid, workspace_id uuid, account_id uuid, prepaid boolean, amount_nano_usd bigint,
    amount_tokens bigint, input_nano_usd bigint, input_tokens bigint, period_ids jsonb, price jsonb,
    about jsonb, created_at timestamptz, expires_at timestamptz"""

# Answers with one row for each call that is held, and for each that would fit but for those before it in the
# array. Whoever does not fit even alone gets none. What is asked of an account or a period is added up in the
# calls' order: so nothing can be oversold, and a call is only refused for what is missing.
HOLD = f"""
WITH asked AS MATERIALIZED (
    SELECT * FROM ROWS FROM (json_to_recordset($1::json) AS ({COLUMNS})) WITH ORDINALITY AS given
), wanted AS MATERIALIZED (
    SELECT a.ordinality, p.id::uuid AS period_id, a.amount_nano_usd, a.amount_tokens
    FROM asked a CROSS JOIN LATERAL jsonb_array_elements_text(a.period_ids) AS p (id)
), account AS MATERIALIZED (
    SELECT id, balance_nano_usd - reserved_nano_usd AS free FROM accounts
    WHERE id = ANY (ARRAY(SELECT account_id FROM asked WHERE prepaid)) ORDER BY id FOR NO KEY UPDATE
), period AS MATERIALIZED (
    SELECT p.id,
        CASE WHEN p.hard THEN p.cap_nano_usd - p.spent_nano_usd - p.reserved_nano_usd END AS free_usd,
        CASE WHEN p.hard THEN p.cap_tokens - p.spent_tokens - p.reserved_tokens END AS free_tokens
    FROM budget_periods p WHERE p.id = ANY (ARRAY(SELECT period_id FROM wanted))
        AND (SELECT count(*) FROM account) >= 0 ORDER BY p.id FOR NO KEY UPDATE OF p
), fitting AS MATERIALIZED (
    SELECT a.ordinality, a.account_id, a.prepaid, a.amount_nano_usd, a.amount_tokens, account.free
    FROM asked a LEFT JOIN account ON account.id = a.account_id AND a.prepaid
    WHERE (NOT a.prepaid OR a.amount_nano_usd <= account.free) AND jsonb_array_length(a.period_ids) = (
        SELECT count(*) FROM wanted w JOIN period p ON p.id = w.period_id
        WHERE w.ordinality = a.ordinality AND coalesce(w.amount_nano_usd <= p.free_usd, true)
            AND coalesce(w.amount_tokens <= p.free_tokens, true))
), too_late AS MATERIALIZED (
    SELECT ordinality FROM (
        SELECT ordinality, free,
            sum(amount_nano_usd) OVER (PARTITION BY account_id ORDER BY ordinality) AS up_to
        FROM fitting WHERE prepaid) AS running WHERE up_to > free
    UNION
    SELECT ordinality FROM (
        SELECT w.ordinality, p.free_usd, p.free_tokens,
            sum(w.amount_nano_usd) OVER (PARTITION BY p.id ORDER BY w.ordinality) AS usd,
            sum(w.amount_tokens) OVER (PARTITION BY p.id ORDER BY w.ordinality) AS tokens
        FROM fitting f JOIN wanted w ON w.ordinality = f.ordinality JOIN period p ON p.id = w.period_id
    ) AS running WHERE usd > free_usd OR tokens > free_tokens
), held AS MATERIALIZED (
    SELECT * FROM fitting WHERE ordinality NOT IN (SELECT ordinality FROM too_late)
), balance AS (
    UPDATE accounts SET reserved_nano_usd = reserved_nano_usd + taken.nano_usd
    FROM (
        SELECT account_id, sum(amount_nano_usd)::bigint AS nano_usd
        FROM held WHERE prepaid GROUP BY account_id
    ) AS taken
    WHERE accounts.id = taken.account_id AND accounts.id = ANY (ARRAY(SELECT account_id FROM held))
), budget AS (
    UPDATE budget_periods SET reserved_nano_usd = reserved_nano_usd + taken.nano_usd,
        reserved_tokens = reserved_tokens + taken.tokens
    FROM (
        SELECT w.period_id, sum(w.amount_nano_usd)::bigint AS nano_usd,
            sum(w.amount_tokens)::bigint AS tokens
        FROM held h JOIN wanted w ON w.ordinality = h.ordinality GROUP BY w.period_id
    ) AS taken
    WHERE budget_periods.id = taken.period_id AND budget_periods.id = ANY (ARRAY(SELECT id FROM period))
), reservation AS (
    INSERT INTO reservations (
        id, workspace_id, account_id, prepaid, amount_nano_usd, amount_tokens, input_nano_usd, input_tokens,
        period_ids, price, about, created_at, expires_at,
        state, charged_nano_usd, charged_tokens, shortfall_nano_usd)
    SELECT a.id, a.workspace_id, a.account_id, a.prepaid, a.amount_nano_usd, a.amount_tokens,
        a.input_nano_usd, a.input_tokens, a.period_ids, a.price, a.about, a.created_at, a.expires_at,
        'held', 0, 0, 0
    FROM held h JOIN asked a ON a.ordinality = h.ordinality
)
SELECT f.ordinality, h.ordinality IS NOT NULL AS is_held
FROM fitting f LEFT JOIN held h ON h.ordinality = f.ordinality
"""

BOOK = """
WITH given AS MATERIALIZED (
    SELECT * FROM ROWS FROM (json_to_recordset($1::json) AS (
        id uuid, state text, outcome text, now timestamptz, day date, cost bigint, used bigint, entry_id uuid,
        reason text, provider_id uuid, provider_nano_usd bigint)) WITH ORDINALITY AS given
), ended AS MATERIALIZED (
    UPDATE reservations r
    SET state = g.state, outcome = g.outcome, ended_at = g.now,
        charged_nano_usd = least(r.amount_nano_usd, g.cost),
        charged_tokens = least(r.amount_tokens, g.used),
        shortfall_nano_usd = greatest(g.cost - r.amount_nano_usd, 0)
    FROM given g
    WHERE r.id = g.id AND r.id = ANY (ARRAY(SELECT id FROM given))
        AND r.state || '' = 'held'  -- spelled so that it is found by its id, not among all that are held
    RETURNING g.ordinality, g.entry_id, g.reason, g.now, g.day, g.provider_id, g.provider_nano_usd,
        r.id, r.workspace_id, r.account_id, r.prepaid, r.state, r.amount_nano_usd, r.amount_tokens,
        r.period_ids, r.charged_nano_usd, r.charged_tokens, r.shortfall_nano_usd
), due AS MATERIALIZED (
    SELECT account_id, sum(amount_nano_usd)::bigint AS held, sum(charged_nano_usd)::bigint AS charged,
        count(*) FILTER (WHERE charged_nano_usd > 0) AS entries
    FROM ended WHERE prepaid GROUP BY account_id
), payer AS MATERIALIZED (
    SELECT id FROM accounts WHERE id = ANY (ARRAY(SELECT account_id FROM due)) ORDER BY id FOR NO KEY UPDATE
), account AS MATERIALIZED (
    UPDATE accounts a
    SET balance_nano_usd = a.balance_nano_usd - due.charged,
        reserved_nano_usd = a.reserved_nano_usd - due.held,
        ledger_count = a.ledger_count + due.entries
    FROM due WHERE a.id = due.account_id AND a.id = ANY (ARRAY(SELECT id FROM payer))
    RETURNING a.id, a.balance_nano_usd, a.ledger_count, due.charged, due.entries
), entry AS (
    INSERT INTO ledger_entries (
        id, workspace_id, account_id, number, kind, from_side, to_side, amount_nano_usd,
        balance_after_nano_usd, ref, reason, actor_label, created_at)
    SELECT e.entry_id, e.workspace_id, e.account_id,
        a.ledger_count - a.entries + row_number() OVER before_it, 'charge', 'account', 'revenue',
        e.charged_nano_usd, a.balance_nano_usd + a.charged - sum(e.charged_nano_usd) OVER before_it,
        e.id, e.reason, '', e.now
    FROM ended e JOIN account a ON a.id = e.account_id WHERE e.prepaid AND e.charged_nano_usd > 0
    WINDOW before_it AS (PARTITION BY e.account_id ORDER BY e.ordinality)
), counted AS MATERIALIZED (
    SELECT p.id::uuid AS id,
        sum(e.amount_nano_usd)::bigint AS held_usd, sum(e.amount_tokens)::bigint AS held_tokens,
        sum(e.charged_nano_usd)::bigint AS usd, sum(e.charged_tokens)::bigint AS tokens
    FROM ended e CROSS JOIN LATERAL jsonb_array_elements_text(e.period_ids) AS p (id) GROUP BY p.id
), locked AS MATERIALIZED (
    SELECT p.id FROM budget_periods p
    WHERE p.id = ANY (ARRAY(SELECT id FROM counted)) AND (SELECT count(*) FROM account) >= 0
    ORDER BY p.id FOR NO KEY UPDATE OF p
), period AS MATERIALIZED (
    UPDATE budget_periods p
    SET reserved_nano_usd = p.reserved_nano_usd - c.held_usd,
        reserved_tokens = p.reserved_tokens - c.held_tokens,
        spent_nano_usd = p.spent_nano_usd + c.usd, spent_tokens = p.spent_tokens + c.tokens
    FROM counted c WHERE p.id = c.id AND p.id = ANY (ARRAY(SELECT id FROM locked))
    RETURNING p.budget_id, p.starts_on, p.cap_nano_usd, p.cap_tokens, p.spent_nano_usd, p.spent_tokens,
        c.usd, c.tokens
), spent AS MATERIALIZED (
    SELECT e.workspace_id, e.day, s.scope_type, s.scope_id, sum(s.nano_usd)::bigint AS nano_usd,
        sum(s.ledger)::bigint AS ledger, count(*) AS calls, sum(e.charged_tokens)::bigint AS tokens
    FROM ended e CROSS JOIN LATERAL (VALUES
        ('account', e.account_id, e.charged_nano_usd, CASE WHEN e.prepaid THEN e.charged_nano_usd ELSE 0 END),
        ('provider', e.provider_id, e.provider_nano_usd, 0)
    ) AS s (scope_type, scope_id, nano_usd, ledger)
    WHERE e.state = 'settled' AND s.scope_id IS NOT NULL
    GROUP BY e.workspace_id, e.day, s.scope_type, s.scope_id
), days AS MATERIALIZED (
    INSERT INTO daily_spend AS d (
        workspace_id, day, scope_type, scope_id, spent_nano_usd, ledger_nano_usd, calls, tokens)
    SELECT * FROM spent WHERE (SELECT count(*) FROM account) >= 0 AND (SELECT count(*) FROM period) >= 0
    ORDER BY scope_type, scope_id, day
    ON CONFLICT (workspace_id, day, scope_type, scope_id) DO UPDATE
    SET spent_nano_usd = d.spent_nano_usd + excluded.spent_nano_usd,
        ledger_nano_usd = d.ledger_nano_usd + excluded.ledger_nano_usd,
        calls = d.calls + excluded.calls, tokens = d.tokens + excluded.tokens
    RETURNING d.scope_type, d.spent_nano_usd
)
"""

# For one call, with all that its workspace may have to be told.
END = f"""{BOOK}
SELECT e.workspace_id::text, e.account_id::text, e.prepaid, e.charged_nano_usd, e.charged_tokens,
    e.shortfall_nano_usd, (SELECT balance_nano_usd FROM account) AS balance_nano_usd,
    (SELECT jsonb_agg(to_jsonb(period) - 'usd' - 'tokens') FROM period) AS periods,
    (SELECT spent_nano_usd FROM days WHERE scope_type = 'account') AS account_day_nano_usd,
    (SELECT spent_nano_usd FROM days WHERE scope_type = 'provider') AS provider_day_nano_usd,
    a.name AS account_name, a.low_balance_nano_usd, a.spend_alert_nano_usd_per_day,
    p.name AS provider_name, p.alert_nano_usd_per_day, p.stop_nano_usd_per_day, p.paused_at, p.resumed_on,
    p.resumed_from_nano_usd
FROM ended e
JOIN accounts a ON a.id = e.account_id
LEFT JOIN providers p ON p.id = e.provider_id
"""

REACHED = " OR ".join(
    f"100::numeric * (spent_{unit} - {given}) < {percent}::numeric * cap_{unit}"
    f" AND {percent}::numeric * cap_{unit} <= 100::numeric * spent_{unit}"
    for percent, _ in LEVELS
    for unit, given in (("nano_usd", "usd"), ("tokens", "tokens"))
)

# For many calls of which nobody must be told. Where a budget reaches a level all the same, the last column
# fails on purpose (an id is no number), and nothing is booked: its calls end one by one, each telling of it.
END_MANY = f"""{BOOK}
SELECT e.ordinality, e.charged_nano_usd, e.shortfall_nano_usd, e.workspace_id,
    CASE WHEN EXISTS (SELECT 1 FROM period WHERE {REACHED}) THEN e.id::text::bigint END
FROM ended e
"""


BY_INDEX = "SELECT set_config('enable_seqscan', 'off', true)"  # the plan is kept, and tables may be empty now


def is_spoken(session: Session) -> bool:
    """Say whether the session's database is PostgreSQL."""
    return session.get_bind().dialect.name == "postgresql"


def run(session: Session, statement: str, call: Mapping[str, Any]) -> Row | None:
    """Run one of the statements for one call in a transaction under way; return its row, or None."""
    connection = session.connection()
    connection.exec_driver_sql(BY_INDEX)
    in_psycopg = statement.replace("%", "%%").replace("$1", "%s")
    return connection.exec_driver_sql(in_psycopg, (orjson.dumps([call]).decode(),)).first()


def hold(session: Session, row: Mapping[str, Any]) -> bool:
    """Hold what the reservation's row says and insert it; False when the balance or a budget is short."""
    return run(session, HOLD, row) is not None
