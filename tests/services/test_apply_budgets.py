"""The budgets and prices of an apply file: there, changed, back in the export, and pruned."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from app.domain import apply_file, strict_yaml
from app.domain.actors import SYSTEM
from app.domain.apply_file import FileError
from app.services import budgets, model_rows, workspaces
from app.services.apply import apply
from app.services.export import export
from tests.services.test_apply import FILE, kim

__all__ = ["kim"]  # the fixture


@pytest.fixture
def document() -> dict[str, Any]:
    """The sample, with a budget on each kind of thing."""
    found = copy.deepcopy(FILE)
    workspace = found["workspaces"][0]
    project = workspace["projects"][0]
    workspace["budgets"] = [{"period": "month", "usd": "500"}]
    project["budgets"] = [{"period": "day", "usd": "20.5", "tokens": 1_000_000}]
    project["endpoints"][0]["budgets"] = [{"period": "request", "usd": "0.05"}]
    project["keys"][0]["budgets"] = [{"period": "month", "tokens": 5_000, "hard": False}]
    workspace["models"].append({"id": "openai/gpt-4o-mini", "multiplier": "1.25"})
    return found


def globex() -> str:
    found = workspaces.get_by_name(SYSTEM, "Globex")
    assert found is not None
    return found.id


def standing() -> dict[str, tuple[Any, ...]]:
    """Return the budgets by their path: period, caps, hard, active."""
    return {
        shown.scope.path: (
            shown.budget.period,
            shown.budget.cap_nano_usd,
            shown.budget.cap_tokens,
            shown.budget.hard,
            shown.budget.active,
        )
        for shown in budgets.status(SYSTEM, globex())
    }


def test_each_stands_under_what_it_limits_and_twice_is_nothing(document: dict[str, Any]) -> None:
    report = apply(SYSTEM, document)
    assert "Globex/projects/Support/endpoints/summarize/budgets/request" in report.created
    assert standing() == {
        "": ("month", 500 * 10**9, None, True, True),
        "/projects/Support": ("day", 20_500_000_000, 1_000_000, True, True),
        "/projects/Support/endpoints/summarize": ("request", 50_000_000, None, True, True),
        "/projects/Support/keys/ci": ("month", None, 5_000, False, True),
    }
    again = apply(SYSTEM, document)
    assert (again.created, again.changed) == ([], [])


def test_what_differs_is_changed_and_the_rest_is_left_alone(document: dict[str, Any]) -> None:
    apply(SYSTEM, document)
    document["workspaces"][0]["projects"][0]["budgets"] = [{"period": "day", "usd": "30"}]
    del document["workspaces"][0]["budgets"]
    assert apply(SYSTEM, document).changed == ["Globex/projects/Support/budgets/day"]
    assert standing()["/projects/Support"] == ("day", 30 * 10**9, 1_000_000, True, True)
    assert standing()[""][-1] is True


def test_there_and_back_changes_nothing(document: dict[str, Any]) -> None:
    [minted] = apply(SYSTEM, document).keys
    variables = {
        "CREDENTIAL_GLOBEX_OPENAI_MAIN": "sk-first-secret-000",
        "CREDENTIAL_GLOBEX_SUPPORT_OPENAI_OWN": "sk-own-secret-0000",
        "KEY_GLOBEX_SUPPORT_CI": "ci-key-0123456789",
        "KEY_GLOBEX_SUPPORT_WEB": minted["secret"],
    }
    text = strict_yaml.dump(export(SYSTEM, "Globex"))
    report = apply(SYSTEM, apply_file.read(text.encode(), variables), prune_rest=True)
    assert (report.created, report.changed, report.pruned) == ([], [], [])
    assert "multiplier: '1.25'" in text or 'multiplier: "1.25"' in text
    [row] = [row for row in model_rows.list_rows(SYSTEM, globex()) if row.model_id == "openai/gpt-4o-mini"]
    assert (row.multiplier_ppm, row.input_nano_usd_per_million) == (1_250_000, None)


def test_prune_switches_off_what_the_file_does_not_name(document: dict[str, Any]) -> None:
    apply(SYSTEM, document)
    del document["workspaces"][0]["budgets"]
    del document["workspaces"][0]["projects"][0]["endpoints"][0]["budgets"]
    report = apply(SYSTEM, document, prune_rest=True, yes=True)
    off = ["Globex/budgets/month", "Globex/projects/Support/endpoints/summarize/budgets/request"]
    assert sorted(report.pruned) == off
    assert {path for path, budget in standing().items() if not budget[-1]} == {
        "",
        "/projects/Support/endpoints/summarize",
    }
    assert "is switched off" in " ".join(
        apply(
            SYSTEM,
            FILE
            | {"workspaces": [dict(document["workspaces"][0], budgets=[{"period": "month", "usd": "500"}])]},
        ).warnings
    )


@pytest.mark.parametrize(
    ("budget", "place"),
    [
        ({"period": "week", "usd": "1"}, "budgets[0].period"),
        ({"period": "day"}, "budgets[0].usd"),
        ({"period": "day", "usd": "0"}, "budgets[0].usd"),
        ({"period": "day", "usd": 5}, "budgets[0].usd: Must be text: put it in quotes."),
        ({"period": "day", "tokens": -1}, "budgets[0].tokens"),
    ],
)
def test_a_wrong_one_is_refused_with_its_place(
    document: dict[str, Any], budget: dict[str, Any], place: str
) -> None:
    document["workspaces"][0]["budgets"] = [budget]
    with pytest.raises(FileError) as refused:
        apply(SYSTEM, document)
    assert f"workspaces[0].{place}" in str(refused.value)
    assert workspaces.get_by_name(SYSTEM, "Globex") is None
