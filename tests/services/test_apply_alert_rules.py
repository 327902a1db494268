"""Alert rules and webhooks in the file: there, there again, changed, back, and pruned."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.actors import SYSTEM
from app.domain.apply_file import FileError, read
from app.services import alert_rules, webhooks
from app.services.apply import apply
from app.services.export import export
from tests.world import World

SECRET = "whsec_from-a-vault-0001"
FILE = """
workspaces:
  - name: Acme
    alerts:
      rules:
        - name: Support gets dear
          metric: spend
          bound: "20.00"
          where: {project: Support, endpoint: hello, key: ci}
        - {name: Odd failures, metric: error_rate, kind: anomaly, by: [webhook]}
    webhooks:
      - {name: Pager, url: https://hooks.example.com/x, events: [alert.created], secret: "${HOOK}"}
      - {name: Finance, url: https://hooks.example.com/y}
"""
PATHS = {
    "Acme/alerts/rules/Support gets dear",
    "Acme/alerts/rules/Odd failures",
    "Acme/webhooks/Pager",
    "Acme/webhooks/Finance",
}


def document(text: str = FILE) -> dict[str, Any]:
    return read(text.encode(), {"HOOK": SECRET})


def test_they_are_applied_once_and_come_back(world: World) -> None:
    report = apply(SYSTEM, document())
    assert PATHS <= set(report.created)
    (minted,) = report.webhooks
    assert (minted["name"], minted["secret"][:6]) == ("Finance", "whsec_")
    again = apply(SYSTEM, document())
    assert PATHS <= set(again.unchanged) and again.webhooks == []
    rows = {row.name: row for row in webhooks.list_all(SYSTEM, world.acme.workspace.id)}
    assert webhooks.holds(rows["Pager"], SECRET) and rows["Finance"].events == []
    written = export(SYSTEM, "Acme")["workspaces"][0]
    dear = next(rule for rule in written["alerts"]["rules"] if rule["name"] == "Support gets dear")
    assert dear["where"] == {"project": "Support", "endpoint": "hello", "key": "ci"}
    assert {one["secret"] for one in written["webhooks"]} == {
        "${WEBHOOK_ACME_PAGER}",
        "${WEBHOOK_ACME_FINANCE}",
    }
    assert SECRET not in str(written)


def test_what_was_written_can_be_applied(world: World) -> None:
    apply(SYSTEM, document())
    written = export(SYSTEM, "Acme")["workspaces"][0]
    kept = {name: written[name] for name in ("name", "alerts")}
    assert set(apply(SYSTEM, {"workspaces": [kept]}).unchanged) >= {"Acme/alerts/rules/Odd failures"}


def test_changes_are_changes_and_another_secret_is_a_rotation(world: World) -> None:
    apply(SYSTEM, document())
    changed = read(FILE.replace("20.00", "30.00").encode(), {"HOOK": SECRET + "-next"})
    report = apply(SYSTEM, changed)
    assert set(report.changed) >= {"Acme/alerts/rules/Support gets dear", "Acme/webhooks/Pager"}
    (pager,) = (row for row in webhooks.list_all(SYSTEM, world.acme.workspace.id) if row.name == "Pager")
    assert webhooks.secrets_of(pager) == [SECRET + "-next", SECRET]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("metric: spend", "metric: mood", "alerts.rules[0].metric"),
        ("endpoint: hello", "endpoint: absent", "alerts.rules[0].where"),
        ("endpoint: hello", "colour: red", "alerts.rules[0].where.colour"),
        ("https://hooks.example.com/x", "http://10.0.0.1/", "webhooks[0].url"),
        ("alert.created", "job.failed", "webhooks[0].events"),
    ],
)
def test_a_refusal_says_where(world: World, old: str, new: str, place: str) -> None:
    with pytest.raises(FileError) as refused:
        apply(SYSTEM, document(FILE.replace(old, new)))
    assert refused.value.param == f"workspaces[0].{place}"


def test_what_the_file_does_not_name_is_pruned_by_switching_it_off(world: World) -> None:
    apply(SYSTEM, document())
    pruned = apply(SYSTEM, {"workspaces": [{"name": "Acme"}]}, prune_rest=True, yes=True).pruned
    assert set(pruned) >= PATHS
    place = world.acme.workspace.id
    assert not any(view.row.active for view in alert_rules.list_all(SYSTEM, place))
    assert not any(row.active for row in webhooks.list_all(SYSTEM, place))
