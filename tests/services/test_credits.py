"""Credit: each payment counts once, the ledger adds up to the balance, and what is held cannot be taken."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.database import database
from app.domain.actors import SYSTEM, Actor
from app.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from app.domain.pricing import NANO_PER_USD
from app.models import Alert, LedgerEntry
from app.services import accounts, billing, credits, ledger
from tests.world import World, actor_of

OPERATOR = Actor("person", None, "operator@acme.test", is_operator=True)


@pytest.fixture
def acme(world: World) -> str:
    """The id of a workspace whose account is prepaid."""
    billing.update(SYSTEM, world.acme.workspace.id, {"billing": "prepaid"})
    return world.acme.workspace.id


def given(usd: str, ref: str = "r1", reason: str = "") -> dict[str, Any]:
    return {"usd": usd, "ref": ref, "reason": reason}


def balance(workspace_id: str) -> int:
    return accounts.find(SYSTEM, workspace_id).account.balance_nano_usd


def entries(workspace_id: str) -> list[LedgerEntry]:
    """Return the ledger from its beginning; it must be without gaps and add up to the balance."""
    found = list(ledger.export(SYSTEM, workspace_id))[::-1]
    assert [entry.number for entry in found] == list(range(1, len(found) + 1))
    total = 0
    for entry in found:
        total += entry.amount_nano_usd if entry.to_side == "account" else -entry.amount_nano_usd
        assert entry.balance_after_nano_usd == total
    assert total == balance(workspace_id)
    return found


def hold(workspace_id: str, nano_usd: int) -> None:
    """Hold as much as calls under way would."""
    account_id = accounts.find(SYSTEM, workspace_id).account.id
    direct("UPDATE accounts SET reserved_nano_usd = :n WHERE id = :id", n=nano_usd, id=account_id)


def direct(statement: str, **values: Any) -> None:
    """Run SQL behind the product's back; ids are stored as each database does."""

    def work(session) -> None:  # type: ignore[no-untyped-def]
        if session.get_bind().dialect.name == "sqlite":
            values.update({n: v.replace("-", "") for n, v in values.items() if n == "id"})
        session.execute(text(statement), values)

    database.transaction(work)


def test_a_payment_is_credited_and_stands_in_the_ledger(acme: str) -> None:
    entry = credits.top_up(SYSTEM, acme, given("25.000000001", "invoice 7", "Paid by card"))
    assert (entry.number, entry.kind, entry.from_side, entry.to_side) == (1, "top_up", "funding", "account")
    assert entry.amount_nano_usd == entry.balance_after_nano_usd == balance(acme) == 25 * NANO_PER_USD + 1
    assert (entry.reason, entry.actor_label) == ("Paid by card", "bin/sluice")


def test_one_payment_sent_fifty_times_at_once_is_credited_once(acme: str) -> None:
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda _: credits.top_up(SYSTEM, acme, given("10")).id, range(50)))
    assert len(set(found)) == 1
    assert balance(acme) == 10 * NANO_PER_USD and len(entries(acme)) == 1


def test_payments_at_once_all_count(acme: str) -> None:
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda n: credits.top_up(SYSTEM, acme, given(f"0.{n + 1:09d}", f"r{n}")), range(40)))
    assert balance(acme) == sum(range(1, 41))
    assert len(entries(acme)) == 40


def test_the_same_reference_with_another_amount_is_refused(acme: str) -> None:
    credits.top_up(SYSTEM, acme, given("10"))
    with pytest.raises(Conflict, match=r"\$10.00 already"):
        credits.top_up(SYSTEM, acme, given("11"))
    assert balance(acme) == 10 * NANO_PER_USD


def test_corrections_go_both_ways_and_need_a_reason(acme: str) -> None:
    credits.adjust(SYSTEM, acme, given("5", "a", "Promised on the phone"))
    credits.adjust(SYSTEM, acme, given("-1.5", "b", "Typed wrong"))
    up, down = entries(acme)
    assert (up.from_side, up.to_side, down.from_side, down.to_side) == (
        "corrections", "account", "account", "corrections",
    )  # fmt: skip
    with pytest.raises(InvalidInput, match="reason"):
        credits.adjust(SYSTEM, acme, given("5", "c"))
    assert balance(acme) == 3_500_000_000


def test_what_calls_under_way_hold_cannot_be_taken_away(acme: str) -> None:
    credits.top_up(SYSTEM, acme, given("10"))
    hold(acme, 4 * NANO_PER_USD)
    with pytest.raises(Conflict, match=r"\$4.00 of the balance is held by calls under way; try again"):
        credits.adjust(SYSTEM, acme, given("-6.01", "a", "too much"))
    with pytest.raises(Conflict, match="less than that"):
        credits.adjust(SYSTEM, acme, given("-10.01", "b", "far too much"))
    credits.adjust(SYSTEM, acme, given("-6", "c", "just enough"))
    assert balance(acme) == 4 * NANO_PER_USD and len(entries(acme)) == 2


def test_money_taken_off_a_small_balance_is_told(acme: str) -> None:
    credits.top_up(SYSTEM, acme, given("10"))
    billing.update(SYSTEM, acme, {"low_balance_usd": "5"})
    credits.adjust(SYSTEM, acme, given("-5", "a", "still enough"))
    assert alerts_of() == []
    credits.adjust(SYSTEM, acme, given("-0.01", "b", "not any more"))
    credits.adjust(SYSTEM, acme, given("-0.01", "c", "told already"))
    assert alerts_of() == ["low_balance"]


def alerts_of() -> list[str]:
    return list(database.read(lambda session: session.scalars(select(Alert.kind)).all()))


def test_no_more_is_paid_back_than_was_paid_in(acme: str) -> None:
    credits.top_up(SYSTEM, acme, given("10"))
    credits.adjust(SYSTEM, acme, given("5", "gift", "A gift"))
    credits.refund(SYSTEM, acme, given("4", "back 1", "Asked for it"))
    credits.refund(SYSTEM, acme, given("4", "back 1", "Asked for it"))
    with pytest.raises(Conflict, match=r"At most 6.00 USD"):
        credits.refund(SYSTEM, acme, given("6.01", "back 2", "All of it"))
    credits.refund(SYSTEM, acme, given("6", "back 2", "All of it"))
    assert balance(acme) == 5 * NANO_PER_USD and len(entries(acme)) == 4


def test_what_is_no_amount_is_refused(acme: str) -> None:
    wrong = ["", "0", "0.00", "-1", "+1", "NaN", "Infinity", "1e3", "0.0000000001", "1,000", "1" + 20 * "0"]
    for amount in [*wrong, "1000000000.01", "١", "1\x00", 5, 5.0, True, None, ["1"]]:
        for verb in (credits.top_up, credits.refund):
            with pytest.raises(InvalidInput, match="usd"):
                verb(SYSTEM, acme, given(amount, "x", "because"))
    for amount in ("-", "--1", "-0", "- -1", "-1e3", "-0.0000000001", "-1" + 20 * "0"):
        with pytest.raises(InvalidInput, match="usd"):
            credits.adjust(SYSTEM, acme, given(amount, "x", "because"))
    assert entries(acme) == []


def test_a_balance_has_an_end(acme: str) -> None:
    credits.top_up(SYSTEM, acme, given("1000000000"))
    with pytest.raises(Conflict, match="at most"):
        credits.top_up(SYSTEM, acme, given("0.01", "r2"))
    assert len(entries(acme)) == 1


def test_a_metered_account_takes_no_money_and_keeps_what_it_has(acme: str) -> None:
    credits.top_up(SYSTEM, acme, given("10"))
    billing.update(SYSTEM, acme, {"billing": "metered"})
    with pytest.raises(InvalidInput, match="metered"):
        credits.top_up(SYSTEM, acme, given("1", "r2"))
    credits.refund(SYSTEM, acme, given("4", "back", "It was metered"))
    billing.update(SYSTEM, acme, {"billing": "prepaid"})
    assert balance(acme) == 6 * NANO_PER_USD


def test_only_operators_move_money(world: World, acme: str) -> None:
    for person in (world.owner, world.admin, world.viewer):
        for verb in (credits.top_up, credits.adjust, credits.refund):
            with pytest.raises(NotAllowed):
                verb(actor_of(person), acme, given("1", "r", "mine"))
    with pytest.raises(NotFound):
        credits.top_up(actor_of(world.stranger), acme, given("1"))
    with pytest.raises(NotFound):
        credits.top_up(OPERATOR, acme, given("1"))  # an operator who is no member here
    assert entries(acme) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET amount_nano_usd = 1",
        "DELETE FROM ledger_entries",
        "UPDATE accounts SET balance_nano_usd = -1",
        "UPDATE accounts SET reserved_nano_usd = balance_nano_usd + 1",
        "UPDATE accounts SET reserved_nano_usd = -1",
        "UPDATE accounts SET rate_multiplier_ppm = 0",
        "UPDATE accounts SET rate_multiplier_ppm = -1",
    ],
)
def test_the_database_itself_refuses_to_break_the_books(acme: str, statement: str) -> None:
    credits.top_up(SYSTEM, acme, given("10"))
    with pytest.raises(DBAPIError):
        direct(statement)
    assert len(entries(acme)) == 1
