"""Money that looks lived in: a prepaid account on a plan, a ledger of two pages, open holds, sub-accounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.ids import new_id
from app.domain.ledger import Movement
from app.models import Account, RecordRow, Reservation
from app.services import accounts, billing, credits, keys, sub_accounts
from tests.world import World


def fill_money(world: World, charges: int = 58) -> None:
    """Fill Acme's account."""
    workspace_id = world.acme.workspace.id
    billing.update(SYSTEM, workspace_id, {"billing": "prepaid", "plan": "team", "rate_multiplier": "1.2"})
    billing.update(SYSTEM, workspace_id, {"low_balance_usd": "20", "spend_alert_usd_per_day": "50"})
    credits.top_up(
        SYSTEM, workspace_id, {"usd": "250", "ref": "1", "reason": "Invoice 2026-0117, wire transfer"}
    )
    credits.adjust(SYSTEM, workspace_id, {"usd": "5", "ref": "2", "reason": "For the outage on Monday"})
    credits.refund(SYSTEM, workspace_id, {"usd": "25", "ref": "3", "reason": "Paid twice"})
    north = sub_accounts.create(SYSTEM, workspace_id, {"name": "Northwind", "external_ref": "CUST-0042"})
    south = sub_accounts.create(SYSTEM, workspace_id, {"name": "Southridge Research and Development"})
    sub_accounts.update(SYSTEM, workspace_id, south.id, {"active": False})
    keys.update(SYSTEM, workspace_id, world.acme.key.id, {"account_id": north.id})
    database.transaction(lambda session: charge(session, accounts.root_of(session, workspace_id), charges))


def charge(session, account: Account, charges: int) -> None:  # type: ignore[no-untyped-def]
    """Charge for the newest calls, and hold for two that never end."""
    calls = session.scalars(select(RecordRow.id).where(RecordRow.workspace_id == account.workspace_id))
    for number, request_id in enumerate(list(calls)[:charges]):
        credits.move(session, SYSTEM, account, Movement("charge", -(number * 1_234_567 + 4_321), request_id))
    for number in (1, 2):
        hold(session, account, number * 31_250_000)


def hold(session, account: Account, nano_usd: int) -> None:  # type: ignore[no-untyped-def]
    """Hold for a call under way."""
    now = datetime.now(UTC)
    session.add(
        Reservation(
            id=new_id(),
            workspace_id=account.workspace_id,
            account_id=account.id,
            prepaid=True,
            amount_nano_usd=nano_usd,
            amount_tokens=4_000,
            input_nano_usd=1,
            input_tokens=1,
            period_ids=[],
            created_at=now,
            expires_at=now + timedelta(hours=1),
        )
    )
    account.reserved_nano_usd += nano_usd
