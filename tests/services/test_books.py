"""The checks of the books: clean after real work, and each kind of tampering is found by its name (H19)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, text, update

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.errors import NotAllowed, NotFound
from app.domain.ids import new_id
from app.jobs import books as jobs
from app.models import (
    Account,
    Alert,
    BudgetPeriod,
    DailySpend,
    IdempotencyKey,
    LedgerEntry,
    RecordRow,
    Reservation,
    UsageHour,
)
from app.services import alert_mails, books, settlements
from app.services.books import Result, last
from app.services.usage_hours import start_of
from tests.databases import ON_POSTGRESQL
from tests.money import USD, make_prepaid, rows, set_budget
from tests.world import World, actor_of

GRACE = timedelta(minutes=30)


def reserve(world: World, amount: int, *, age: timedelta = timedelta(), periods: tuple[str, ...] = ()) -> str:
    """Hold so much for a call of Acme's, as the product does; return the call's id."""
    account, made = world.acme.key.account_id, datetime.now(UTC) - age
    row = {
        "id": new_id(), "workspace_id": world.acme.workspace.id, "account_id": account, "prepaid": True,
        "amount_nano_usd": amount, "amount_tokens": 100, "input_nano_usd": 1, "input_tokens": 1,
        "period_ids": list(periods), "price": {}, "created_at": made, "expires_at": made + GRACE,
    }  # fmt: skip
    held = {"reserved_nano_usd": BudgetPeriod.reserved_nano_usd + amount}
    held |= {"reserved_tokens": BudgetPeriod.reserved_tokens + 100}

    def work(session: Any) -> None:
        session.execute(insert(Reservation), [row])
        more = {"reserved_nano_usd": Account.reserved_nano_usd + amount}
        session.execute(update(Account).where(Account.id == account).values(**more))
        session.execute(update(BudgetPeriod).where(BudgetPeriod.id.in_(periods)).values(**held))

    database.transaction(work)
    return str(row["id"])


def settle(call: str, cost: int, tokens: int = 10) -> None:
    ending = settlements.Ending(call, "succeeded", cost, tokens)
    database.transaction(lambda session: settlements.end(session, ending))


def execute(*statements: Any) -> None:
    """Change the database beside the product."""
    database.transaction(lambda session: [session.execute(statement) for statement in statements])


def let_ledger_be_changed() -> None:
    """Take away the triggers that refuse it, as somebody with the database's password could."""
    if ON_POSTGRESQL:
        execute(text("DROP TRIGGER ledger_entries_append_only ON ledger_entries"))
    else:
        execute(*(text(f"DROP TRIGGER ledger_entries_no_{verb}") for verb in ("update", "delete")))


def ignoring_checks(statement: Any) -> None:
    """Change rows past the table's own conditions."""
    if ON_POSTGRESQL:
        dropped = ("accounts", "balance"), ("accounts", "reserved"), ("reservations", "charged")
        execute(*(text(f"ALTER TABLE {t} DROP CONSTRAINT IF EXISTS ck_{t}_{n}") for t, n in dropped))
        execute(*(text(f"ALTER TABLE {t} DROP CONSTRAINT IF EXISTS {n}") for t, n in dropped))
        execute(statement)
        return
    execute(text("PRAGMA ignore_check_constraints = ON"), statement)


def entry(world: World, **changes: Any) -> Any:
    """Return an INSERT of an entry that nothing in the product wrote."""
    values = {
        "id": new_id(), "workspace_id": world.acme.workspace.id, "account_id": world.acme.key.account_id,
        "number": 4, "kind": "charge", "from_side": "account", "to_side": "revenue", "amount_nano_usd": 5,
        "balance_after_nano_usd": USD, "ref": "nobody", "reason": "", "actor_label": "",
        "created_at": datetime.now(UTC),
    }  # fmt: skip
    return insert(LedgerEntry).values(**{**values, **changes})


@pytest.fixture
def calls(world: World) -> list[str]:
    """A top-up and two settled calls (300 and 500) in a budget, one given back, and one still open."""
    make_prepaid(world.acme, USD)
    budget = set_budget(world.acme, "project", world.acme.project.id, "day", usd=USD)
    period = {"id": new_id(), "budget_id": budget, "starts_on": datetime.now(UTC).date(), "hard": True}
    execute(insert(BudgetPeriod).values(**period, cap_nano_usd=USD))
    made = [reserve(world, 1_000, periods=(str(period["id"]),)) for _ in range(4)]
    for call, cost in zip(made, (300, 500, 0), strict=False):
        settle(call, cost, 10 if cost else 0)
    return made


Tamper = Callable[[World, list[str]], None]


def one_off(world: World, calls: list[str]) -> None:
    execute(update(Account).where(Account.balance_nano_usd > 0).values(balance_nano_usd=USD))


def overdrawn(world: World, calls: list[str]) -> None:
    more = update(Account).values(reserved_nano_usd=Account.balance_nano_usd + 1)
    ignoring_checks(more.where(Account.balance_nano_usd > 0))


def middle_entry_gone(world: World, calls: list[str]) -> None:
    let_ledger_be_changed()
    execute(delete(LedgerEntry).where(LedgerEntry.number == 2))


def last_entry_gone(world: World, calls: list[str]) -> None:
    let_ledger_be_changed()
    execute(delete(LedgerEntry).where(LedgerEntry.number == 3))


def another_amount(world: World, calls: list[str]) -> None:
    let_ledger_be_changed()
    execute(update(LedgerEntry).where(LedgerEntry.number == 3).values(amount_nano_usd=499))


def stray_entry(world: World, calls: list[str]) -> None:
    execute(entry(world))


def stuck_hold(world: World, calls: list[str]) -> None:
    reserve(world, 1_000, age=GRACE + timedelta(seconds=61))


def hold_deleted(world: World, calls: list[str]) -> None:
    execute(delete(Reservation).where(Reservation.state == "held"))


def day_changed(world: World, calls: list[str]) -> None:
    execute(update(DailySpend).values(ledger_nano_usd=DailySpend.ledger_nano_usd + 1))


def day_deleted(world: World, calls: list[str]) -> None:
    execute(delete(DailySpend))


def period_changed(world: World, calls: list[str]) -> None:
    execute(update(BudgetPeriod).values(spent_tokens=BudgetPeriod.spent_tokens - 1))


def charged_too_much(world: World, calls: list[str]) -> None:
    ignoring_checks(update(Reservation).where(Reservation.id == calls[0]).values(charged_nano_usd=1_001))


def charged_while_open(world: World, calls: list[str]) -> None:
    execute(update(Reservation).where(Reservation.id == calls[3]).values(charged_nano_usd=1))


def key_forgotten(world: World, calls: list[str]) -> None:
    row = {"id": new_id(), "workspace_id": world.acme.workspace.id, "project_id": world.acme.project.id}
    row |= {"key": "k", "fingerprint": "f", "request_id": calls[0], "created_at": datetime.now(UTC)}  # type: ignore[dict-item]
    execute(insert(IdempotencyKey).values(**row, expires_at=datetime.now(UTC) + GRACE))


TAMPERED: list[tuple[Tamper, set[str], str]] = [
    (one_off, {"balance"}, "$1.00"),
    (overdrawn, {"limits", "held"}, "balance $0.9999992, held $0.999999201"),
    (middle_entry_gone, {"balance", "chain", "charged", "day"}, "no such entry"),
    (last_entry_gone, {"balance", "chain", "charged", "day"}, "entry 2 is"),
    (another_amount, {"balance", "chain", "charged", "stray", "day"}, "charge of $0.000000499"),
    (stray_entry, {"balance", "chain", "stray", "day"}, "for “nobody”"),
    (stuck_hold, {"stuck"}, "still holds $0.000001 and 100 tokens"),
    (hold_deleted, {"held", "budget"}, "$0.000001 held"),
    (day_changed, {"day"}, "$0.000000801"),
    (day_deleted, {"day"}, "$0.00"),
    (period_changed, {"budget"}, "19 tokens spent"),
    (charged_too_much, {"most", "charged", "stray", "budget"}, "$0.000001001"),
    (charged_while_open, {"most"}, "$0.000000001"),
    (key_forgotten, {"key"}, "the call is settled"),
]


def names(result: Result) -> set[str]:
    return {finding.check for finding in result.findings}


def test_what_the_product_books_is_all_right(world: World, calls: list[str]) -> None:
    assert books.look().findings == []
    settle(calls[3], 10**15)
    assert books.look().findings == []
    assert rows(LedgerEntry, LedgerEntry.number)[-1].amount_nano_usd == 1_000


@pytest.mark.parametrize(
    ("tamper", "checks", "found"), TAMPERED, ids=lambda value: getattr(value, "__name__", "")
)
def test_tampering_is_found_by_its_name(
    world: World, calls: list[str], tamper: Tamper, checks: set[str], found: str
) -> None:
    tamper(world, calls)
    everything = books.look()
    assert names(everything) == checks
    assert found in "; ".join(finding.found for finding in everything.findings)
    assert {finding.workspace_id for finding in everything.findings} == {world.acme.workspace.id}
    recent = books.look(since=datetime.now(UTC) - books.RECENT)
    assert names(recent) >= checks - {"balance"} and recent.findings
    assert books.look(world.other.workspace.id).findings == []


def test_the_database_itself_refuses_most_of_it(world: World, calls: list[str]) -> None:
    for statement in (
        delete(LedgerEntry),
        update(LedgerEntry).values(amount_nano_usd=1),
        update(Account).values(balance_nano_usd=-1),
        update(Account).values(reserved_nano_usd=2 * USD),
        update(Reservation).where(Reservation.id == calls[0]).values(charged_nano_usd=1_001),
        entry(world, number=3),
        entry(world, ref=calls[0]),
        entry(world, amount_nano_usd=0),
    ):
        with pytest.raises(Exception, match=r"append-only|(?i:check|unique)"):
            execute(statement)
    assert books.look().findings == []


def test_old_entries_are_left_to_the_nightly_check(world: World, calls: list[str]) -> None:
    let_ledger_be_changed()
    execute(update(LedgerEntry).values(created_at=datetime.now(UTC) - timedelta(days=30)))
    execute(update(LedgerEntry).where(LedgerEntry.number == 1).values(amount_nano_usd=7))
    assert "chain" in names(books.look())
    assert "chain" not in names(books.look(since=datetime.now(UTC) - books.RECENT))


def test_reports_tell_and_do_not_fail(world: World, client: FlaskClient, calls: list[str]) -> None:
    client.post(world.acme.url, json={"message": "Hi"}, headers=world.acme.headers)
    assert books.look().reports == []
    yesterday, hour_ago = (datetime.now(UTC) - timedelta(hours=hours) for hours in (24, 1))
    execute(
        update(RecordRow).values(created_at=yesterday), update(UsageHour).values(starts_at=start_of(hour_ago))
    )
    result = books.look()
    assert result.findings == [] and {each.check for each in result.reports} == {"provider", "hour"}
    assert books.look(since=yesterday).reports == []


def test_a_finding_is_kept_for_the_dashboard_and_told_once(world: World, calls: list[str]) -> None:
    owner, acme = actor_of(world.owner), world.acme.workspace.id
    assert last.find(owner, acme) is None
    jobs.check_recent()
    assert (found := last.find(owner, acme)) is not None and found.findings == [] and not found.is_late
    day_changed(world, calls)
    for check in (jobs.check_all, jobs.check_recent, jobs.check_recent):
        check()
    assert (found := last.find(owner, acme)) is not None
    assert [finding.check for finding in found.findings] == ["day"]
    assert last.find(actor_of(world.stranger), world.other.workspace.id).findings == []  # type: ignore[union-attr]
    [alert] = rows(Alert)
    assert (alert.kind, alert.subject, alert.workspace_id) == ("books", "day", acme)
    letter = alert_mails.compose(alert_mails.Letter(alert, world.acme.workspace, ["owner@acme.test"], 1))
    told = letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "The books do not add up: account “Acme”" in letter["Subject"] and "/w/acme/books" in told
    assert "Expected: $0.0000008. Found: $0.000000801." in told
    execute(update(DailySpend).values(ledger_nano_usd=DailySpend.ledger_nano_usd - 1))
    books.check(SYSTEM)
    assert (found := last.find(owner, acme)) is not None and found.findings == []


def test_what_only_the_nightly_check_sees_stays_shown(world: World, calls: list[str]) -> None:
    let_ledger_be_changed()
    long_ago = datetime.now(UTC) - timedelta(days=30)
    execute(update(LedgerEntry).where(LedgerEntry.number < 3).values(created_at=long_ago, amount_nano_usd=7))
    jobs.check_all()
    jobs.check_recent()
    found = last.find(actor_of(world.owner), world.acme.workspace.id)
    assert found is not None and "chain" in {finding.check for finding in found.findings}


def test_who_may_look(world: World) -> None:
    for person in (world.teammate, world.viewer):
        with pytest.raises(NotAllowed):
            last.find(actor_of(person), world.acme.workspace.id)
    with pytest.raises(NotFound):
        last.find(actor_of(world.stranger), world.acme.workspace.id)
    with pytest.raises(NotAllowed):
        books.check(actor_of(world.owner))
    with pytest.raises(NotFound):
        books.check(SYSTEM, "Nobody")
