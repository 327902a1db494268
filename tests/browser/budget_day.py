"""Budgets that look lived in: hardly used, nearly used up, passed, without effect."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from app.database import database
from app.domain.actors import SYSTEM
from app.models import Account, BudgetPeriod, Endpoint, Key
from app.services import budgets, model_rows
from tests.world import World, actor_of

USD = 1_000_000_000


def fill_budgets(world: World) -> None:
    """Give Acme budgets of every kind, and a model with another price than the listed one."""
    workspace_id, owner = world.acme.workspace.id, actor_of(world.owner)
    wanted = [
        (root_of(workspace_id), "month", {"usd": "500"}, {"spent_nano_usd": 128 * USD}),
        (("project", world.acme.project.id), "day", {"usd": "25", "tokens": 2_000_000}, NEARLY),
        (
            ("endpoint", one(Endpoint, workspace_id, slug="answer-ticket")),
            "month",
            {"tokens": 5_000_000},
            {},
        ),
        (("endpoint", one(Endpoint, workspace_id, slug="answer-ticket")), "request", {"usd": "0.05"}, {}),
        (("key", one(Key, workspace_id, name="website")), "month", {"usd": "10", "hard": False}, PASSED),
        (("key", one(Key, workspace_id, name="old laptop")), "day", {"usd": "5"}, {}),
    ]
    for scope, period, fields, use in wanted:
        budget = budgets.create(owner, workspace_id, scope, period, fields)
        if use:
            spend(budget.id, use)
    model_rows.set_row(SYSTEM, workspace_id, "anthropic/claude-haiku-4-5", {"multiplier": "1.25"})


NEARLY = {"spent_nano_usd": 20_612_000_000, "reserved_nano_usd": 31_250_000, "spent_tokens": 410_233}
PASSED = {"spent_nano_usd": 10_480_000_000}


def spend(budget_id: str, use: dict[str, int]) -> None:
    """Have so much used in the running period."""
    statement = update(BudgetPeriod).where(BudgetPeriod.budget_id == budget_id).values(**use)
    database.transaction(lambda session: session.execute(statement))


def root_of(workspace_id: str) -> tuple[str, str]:
    """Return the scope of the workspace's own account."""
    where = Account.workspace_id == workspace_id, Account.parent_id.is_(None)
    return "account", database.read(lambda session: session.scalars(select(Account.id).where(*where)).one())


def one(model: Any, workspace_id: str, **named: str) -> str:
    """Return the id of the workspace's row with these values."""
    query = select(model.id).filter_by(workspace_id=workspace_id, **named)
    return database.read(lambda session: session.scalars(query).one())
