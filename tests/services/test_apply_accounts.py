"""Money in the apply file: how a workspace pays, top-ups that count once, plans, sub-accounts, their keys."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from flask import Flask

from app.domain import apply_file, strict_yaml
from app.domain.actors import SYSTEM
from app.domain.apply_file import FileError
from app.domain.pricing import NANO_PER_USD
from app.services import accounts, keys, ledger, plans, sub_accounts, workspaces
from app.services.accounts import RootAccount
from app.services.apply import Report, apply
from app.services.export import export

FILE: dict[str, Any] = {
    "plans": [{"slug": "reseller", "name": "Reseller", "included_tokens": 1_000, "trial_credit_usd": "2.50"}],
    "workspaces": [
        {
            "name": "Globex",
            "plan": "reseller",
            "account": {
                "billing": "prepaid",
                "top_up_usd": "25.00",
                "top_up_ref": "first",
                "rate_multiplier": "1.1",
                "spend_alert_usd_per_day": "50",
                "low_balance_usd": "5",
            },
            "sub_accounts": [
                {"name": "North", "external_ref": "C-1", "budgets": [{"period": "month", "usd": "10"}]},
                {"name": "South", "active": False},
            ],
            "projects": [
                {
                    "name": "Support",
                    "keys": [
                        {"name": "north", "secret": "north-key-0123456789", "account": "North"},
                        {"name": "own", "secret": "own-key-0123456789"},
                    ],
                }
            ],
        }
    ],
}
VARIABLES = {
    "KEY_GLOBEX_SUPPORT_NORTH": "north-key-0123456789",
    "KEY_GLOBEX_SUPPORT_OWN": "own-key-0123456789",
}

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    return copy.deepcopy(FILE)


def run(document: dict[str, Any], **options: Any) -> Report:
    """Apply the file as the command does: as text, checked for its form."""
    return apply(SYSTEM, apply_file.read(strict_yaml.dump(document).encode(), VARIABLES), **options)


def globex() -> str:
    found = workspaces.get_by_name(SYSTEM, "Globex")
    assert found is not None
    return found.id


def root() -> RootAccount:
    return accounts.find(SYSTEM, globex())


def account_of_key(name: str) -> str:
    workspace_id = globex()
    rows = {view.account.id: view.account.name for view in sub_accounts.overview(SYSTEM, workspace_id)}
    views = sub_accounts.overview(SYSTEM, workspace_id)
    [key] = [key for view in views for key in view.keys if key.name == name]
    return rows[keys.find(SYSTEM, workspace_id, key.id).account_id]


def refusal(document: dict[str, Any]) -> str:
    with pytest.raises(FileError) as refused:
        run(document)
    return str(refused.value)


def test_the_file_sets_everything_and_twice_is_nothing(document: dict[str, Any]) -> None:
    report = run(document)
    assert "plans/reseller" in report.created and "Globex/account/top_up/first" in report.created
    found = root()
    assert found.is_prepaid and found.plan is not None and found.plan.slug == "reseller"
    assert found.account.balance_nano_usd == 27_500_000_000  # with the plan's trial
    assert found.account.rate_multiplier_ppm == 1_100_000
    assert found.account.low_balance_nano_usd == 5 * NANO_PER_USD
    assert [(row.name, row.external_ref, row.active) for row in sub_accounts.list_all(SYSTEM, globex())] == [
        ("North", "C-1", True),
        ("South", None, False),
    ]
    assert (account_of_key("north"), account_of_key("own")) == ("North", "Globex")
    again = run(document)
    assert (again.created, again.changed) == ([], [])
    assert root().account.balance_nano_usd == 27_500_000_000


def test_there_and_back_changes_nothing_and_moves_no_money(document: dict[str, Any]) -> None:
    run(document)
    written = export(SYSTEM, "Globex")
    assert [plan["slug"] for plan in written["plans"]] == ["reseller"]
    assert "top_up_usd" not in written["workspaces"][0]["account"]
    report = run(written, prune_rest=True)
    assert (report.created, report.changed, report.pruned) == ([], [], [])
    assert {plan["slug"] for plan in export(SYSTEM)["plans"]} >= {"free", "team", "enterprise", "reseller"}


def test_another_top_up_has_another_name(document: dict[str, Any]) -> None:
    run(document)
    account = document["workspaces"][0]["account"]
    account["top_up_usd"] = "30"
    assert refusal(document) == (
        "workspaces[0].account.top_up_ref: This reference was used for $25.00 already. Give another one."
    )
    account["top_up_ref"] = "second"
    assert run(document).created == ["Globex/account/top_up/second"]
    assert [entry.kind for entry in ledger.export(SYSTEM, globex())] == ["top_up", "top_up", "trial"]


@pytest.mark.parametrize(
    ("account", "told"),
    [
        ({"top_up_usd": "5"}, "top_up_ref: Give the top-up a name"),
        ({"top_up_ref": "x"}, "top_up_usd: Please fill this in"),
        ({"top_up_usd": "-5", "top_up_ref": "x"}, "top_up_usd: Write the amount"),
        ({"top_up_usd": 5.0, "top_up_ref": "x"}, "top_up_usd: Must be text: put it in quotes."),
        ({"billing": "metered", "top_up_usd": "5", "top_up_ref": "x"}, "top_up_usd: This account is metered"),
        ({"billing": "free"}, "billing: Choose from"),
        ({"rate_multiplier": "0"}, "rate_multiplier: Write a factor"),
        ({"rate_multiplier": 1.5}, "rate_multiplier: Must be text: put it in quotes."),
        ({"balance_usd": "5"}, "balance_usd: There is no such field"),
    ],
)
def test_what_is_wrong_with_the_account_is_named(
    document: dict[str, Any], account: dict[str, Any], told: str
) -> None:
    document["workspaces"][0]["account"] = {"billing": "prepaid", **account}
    assert refusal(document).startswith(f"workspaces[0].account.{told}")
    assert workspaces.get_by_name(SYSTEM, "Globex") is None


def test_unknown_plans_and_sub_accounts_are_named(document: dict[str, Any]) -> None:
    document["workspaces"][0]["plan"] = "gold"
    assert refusal(document).startswith("workspaces[0].plan: There is no such plan. Choose from: free, team")
    document["workspaces"][0]["plan"] = None
    document["workspaces"][0]["projects"][0]["keys"][0]["account"] = "West"
    assert refusal(document) == (
        "workspaces[0].projects[0].keys[0].account: There is no such sub-account in this workspace."
    )


def test_a_key_goes_back_to_the_workspace_s_own_account(document: dict[str, Any]) -> None:
    run(document)
    document["workspaces"][0]["projects"][0]["keys"][0]["account"] = None
    assert run(document).changed == ["Globex/projects/Support/keys/north"]
    assert account_of_key("north") == "Globex"


def test_pruning_switches_sub_accounts_off_and_leaves_plans(document: dict[str, Any]) -> None:
    run(document)
    del document["plans"]
    document["workspaces"][0]["sub_accounts"] = []
    document["workspaces"][0]["projects"][0]["keys"][0]["account"] = None
    document["workspaces"][0]["providers"] = [{"slug": "demo", "dialect": "demo"}]
    assert run(document, prune_rest=True, yes=True).pruned == ["Globex/sub_accounts/North"]
    assert not any(row.active for row in sub_accounts.list_all(SYSTEM, globex()))
    assert len(plans.list_all(SYSTEM)) == 5
