"""The money services against a small reference: whatever happens in whatever order, the books say the same.

Ten short histories run in the suite, always the same. BOOKS_MACHINE_EXAMPLES=2000 before the command runs
as many other, longer ones.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.bounds import bound_of
from app.domain.budgets import BudgetFacts
from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.catalog import Model
from app.domain.endpoints import EndpointConfig
from app.domain.errors import BudgetExceeded, Conflict, InsufficientBalance
from app.domain.holds import LEAST_OUTPUT
from app.domain.ids import new_id
from app.domain.limits import NO_LIMITS
from app.domain.pricing import Price, nano_to_usd
from app.domain.records import Record
from app.domain.targets import Candidate, Plan, Target
from app.domain.usage import chat_usage
from app.models import BudgetPeriod, LedgerEntry, Workspace
from app.services import books, budgets, credits, holds, sweeper
from tests.money import account_of, make_prepaid, set_budget
from tests.world import Tenant, World, make_tenant

TOKEN = 1_000  # nano-dollars, in and out
LONGEST = 3_000  # tokens, of the model
START = 20_000_000
LATER = timedelta(minutes=12)
EXAMPLES = int(os.environ.get("BOOKS_MACHINE_EXAMPLES", "0"))

counts = st.integers(0, 6_000)
oddities = st.sampled_from([-1, "7", True, 10**18, None, 1.5, [], {}])
reports = st.fixed_dictionaries({"prompt_tokens": counts | oddities, "completion_tokens": counts | oddities})
amounts = st.integers(-30_000_000, 30_000_000).filter(bool)


class Reference:
    """One account with one daily budget: what the books must say."""

    def __init__(self) -> None:
        self.balance, self.cap, self.entries = START, START, 1
        self.spent_tokens = 0
        self.held: dict[str, int] = {}  # tokens, by call

    @property
    def held_tokens(self) -> int:
        return sum(self.held.values())

    def reserve(self, call: str, input_tokens: int, asked: int | None) -> bool:
        free = min(self.balance, self.cap - self.spent_tokens * TOKEN) - self.held_tokens * TOKEN
        output = min(LONGEST if asked is None else asked, free // TOKEN - input_tokens)
        if output < (LEAST_OUTPUT if asked is None else asked):
            return False
        self.held[call] = input_tokens + output
        return True

    def end(self, call: str, used: int) -> None:
        charged = min(self.held.pop(call, 0), used)
        self.balance -= charged * TOKEN
        self.spent_tokens += charged
        self.entries += charged > 0

    def move(self, nano_usd: int) -> bool:
        if self.balance + nano_usd < self.held_tokens * TOKEN:
            return False
        self.balance += nano_usd
        self.entries += 1
        return True


class Books(RuleBasedStateMachine):
    """The services, one step at a time, each step beside the reference."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        Books.made += 1
        self.tenant = make_tenant(f"Books {Books.made}")
        make_prepaid(self.tenant, START)
        self.zone = at_noon(self.tenant)
        self.budget = set_budget(self.tenant, "project", self.tenant.project.id, "day", usd=START)
        self.model = candidate(self.tenant)
        self.caller, self.target = (
            caller(self.tenant, self.zone, self.budget),
            target(self.tenant, self.model),
        )
        self.reference = Reference()
        self.open: list[Record] = []
        self.ended: list[Record] = []

    @rule(asked=st.none() | st.integers(1, LONGEST), text=st.text(max_size=40))
    def reserve(self, asked: int | None, text: str) -> None:
        messages = [{"role": "user", "content": text}]
        body: dict[str, Any] = {"messages": messages} | ({} if asked is None else {"max_tokens": asked})
        call = Call("endpoints", "native", bytes, new_id())
        record = Record(call, caller=self.caller, target=self.target, answered_by=self.model)
        record.request, record.messages = body, messages
        if self.reference.reserve(call.request_id, bound_of(body).input_tokens, asked):
            record.hold = holds.reserve(record, Plan((self.model,)))
            self.open.append(record)
        else:
            with pytest.raises((InsufficientBalance, BudgetExceeded)):
                holds.reserve(record, Plan((self.model,)))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), reported=reports, left=st.booleans())
    def settle(self, data: st.DataObject, reported: dict[str, Any], left: bool) -> None:
        record = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        record.usage = chat_usage(reported)
        record.leave() if left else record.succeed()
        record.settle()
        assert record.usage is not None and record.usage.input_tokens >= 0 <= record.usage.output_tokens
        self.end(record, record.usage.input_tokens + record.usage.output_tokens)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        record = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        record.outcome = "failed"
        record.settle()
        self.end(record, 0)

    def end(self, record: Record, used: int) -> None:
        holds.settle(record)
        self.reference.end(record.call.request_id, used)
        self.ended.append(record)

    @precondition(lambda self: self.ended)
    @rule(data=st.data(), outcome=st.sampled_from(["succeeded", "failed"]))
    def settle_again(self, data: st.DataObject, outcome: str) -> None:
        record = data.draw(st.sampled_from(self.ended))
        record.usage, record.outcome = (
            chat_usage({"prompt_tokens": 9, "completion_tokens": 9}),
            outcome,
        )
        record.settle()
        holds.settle(record)

    @rule(is_later=st.booleans())
    def sweep(self, is_later: bool) -> None:
        due = self.open if is_later else []
        assert sweeper.sweep(datetime.now(UTC) + LATER if is_later else None) == len(due)
        for record in due:
            estimate = bound_of(record.request).estimated_input_tokens
            self.reference.end(record.call.request_id, estimate)
        self.ended += due
        self.open = [record for record in self.open if record not in due]

    @rule(nano_usd=amounts, again=st.booleans())
    def move(self, nano_usd: int, again: bool) -> None:
        fields = {"usd": nano_to_usd(nano_usd), "ref": new_id(), "reason": "because"}
        if not self.reference.move(nano_usd):
            with pytest.raises(Conflict):
                credits.adjust(SYSTEM, self.tenant.workspace.id, fields)
            return
        for _ in range(1 + again):
            credits.adjust(SYSTEM, self.tenant.workspace.id, fields)

    @rule(nano_usd=st.integers(1, 30_000_000), again=st.booleans())
    def top_up(self, nano_usd: int, again: bool) -> None:
        self.reference.move(nano_usd)
        fields = {"usd": nano_to_usd(nano_usd), "ref": new_id()}
        for _ in range(1 + again):
            credits.top_up(SYSTEM, self.tenant.workspace.id, fields)

    @rule(nano_usd=st.integers(1, 60_000_000))
    def change_cap(self, nano_usd: int) -> None:
        self.reference.cap = nano_usd
        fields = {"usd": nano_to_usd(nano_usd)}
        budgets.update_caps(SYSTEM, self.tenant.workspace.id, self.budget, fields)

    @invariant()
    def the_books_are_those_of_the_reference(self) -> None:
        account, reference = account_of(self.tenant), self.reference
        held = reference.held_tokens
        assert (account.balance_nano_usd, account.reserved_nano_usd) == (reference.balance, held * TOKEN)
        assert account.ledger_count == reference.entries == len(database.read(self.entries))
        spent, reserved = database.read(self.period)
        assert (spent, reserved) == (reference.spent_tokens, held)
        assert books.look(self.tenant.workspace.id).findings == []

    def entries(self, session: Any) -> list[str]:
        mine = LedgerEntry.workspace_id == self.tenant.workspace.id
        return list(session.scalars(select(LedgerEntry.id).where(mine)))

    def period(self, session: Any) -> tuple[int, int]:
        rows = session.scalars(select(BudgetPeriod).where(BudgetPeriod.budget_id == self.budget)).all()
        assert len(rows) <= 1 and all(row.spent_nano_usd == row.spent_tokens * TOKEN for row in rows)
        return (rows[0].spent_tokens, rows[0].reserved_tokens) if rows else (0, 0)

    def teardown(self) -> None:
        """Leave no hold behind for the next one's sweeper."""
        self.sweep(is_later=True)
        self.the_books_are_those_of_the_reference()


def at_noon(tenant: Tenant) -> str:
    """Put the workspace where it is about noon, so that no day ends meanwhile; return its time zone."""
    zone = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
    mine = Workspace.id == tenant.workspace.id
    database.transaction(lambda session: session.execute(update(Workspace).where(mine).values(timezone=zone)))
    return zone


def candidate(tenant: Tenant) -> Candidate:
    price = Price(TOKEN * 10**6, TOKEN * 10**6)
    facts = Model("up/m", "M", price=price, max_output_tokens=LONGEST)
    return Candidate("up/m", tenant.provider.id, "up", "Up", "openai", "https://up.test/v1", "m", facts, ())


def caller(tenant: Tenant, zone: str, budget: str) -> Caller:
    facts = BudgetFacts(budget, "project", tenant.project.id, "the project", "day", START, None, True)
    return Caller(
        workspace_id=tenant.workspace.id, workspace_slug=tenant.workspace.slug,
        account_id=tenant.key.account_id, payer_id=tenant.key.account_id, project_id=tenant.project.id,
        project_name="Support", surfaces=("endpoints",), key_id=tenant.key.id, label="ci", scopes=("chat",),
        expires_at=None, rate_multiplier_ppm=1_000_000, prepaid=True, watched=False, timezone=zone, plan=None,
        limits=NO_LIMITS, budgets=(facts,), endpoints=None, config_stamp=None, read_at=0.0,
    )  # fmt: skip


def target(tenant: Tenant, model: Candidate) -> Target:
    config = EndpointConfig(model=model.model_id)
    ids = tenant.workspace.id, tenant.project.id, tenant.endpoint.id
    return Target(*ids, "hello", 1, config, (model,), (), False, None, 0.0)


def test_the_books_agree_with_the_reference_after_every_step(world: World) -> None:
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=EXAMPLES or 10,
            stateful_step_count=50 if EXAMPLES else 20,
            derandomize=not EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
