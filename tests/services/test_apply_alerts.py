"""Daily amounts of providers and who gets alert mails, in the file: there, there again, and back."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.domain.apply_file import FileError
from app.services import alert_settings, providers
from app.services.apply import apply
from app.services.export import export

ALERTS = {"emails": ["ops@acme.test"], "muted": ["provider_spend"]}
OPENAI = {"slug": "openai", "dialect": "openai", "base_url": "https://api.openai.com/v1"}


def document(**fields):
    return {"workspaces": [{"name": "Acme", **fields}]}


def test_it_is_applied_once_and_comes_back(world):
    amounts = {"alert_usd_per_day": "50", "stop_usd_per_day": "100"}
    file = document(alerts=ALERTS, providers=[{**OPENAI, **amounts}])
    assert "Acme/alerts" in apply(SYSTEM, file).changed
    assert set(apply(SYSTEM, file).unchanged) >= {"Acme/alerts", "Acme/providers/openai"}
    assert alert_settings.find(SYSTEM, world.acme.workspace.id) == ALERTS
    written = export(SYSTEM, "Acme")["workspaces"][0]
    assert written["alerts"] == ALERTS
    openai = next(row for row in written["providers"] if row["slug"] == "openai")
    assert (openai["alert_usd_per_day"], openai["stop_usd_per_day"]) == ("50.00", "100.00")


def test_what_the_file_does_not_name_stays(world):
    apply(SYSTEM, document(alerts=ALERTS, providers=[{**OPENAI, "stop_usd_per_day": "100"}]))
    apply(SYSTEM, document(alerts={"muted": []}, providers=[OPENAI]))
    assert alert_settings.find(SYSTEM, world.acme.workspace.id) == {**ALERTS, "muted": []}
    rows = providers.list_all(SYSTEM, world.acme.workspace.id)
    assert {row.stop_nano_usd_per_day for row in rows if row.slug == "openai"} == {100_000_000_000}


@pytest.mark.parametrize(
    ("fields", "place"),
    [({"emails": ["nobody"]}, "alerts.emails"), ({"muted": ["noise"]}, "alerts.muted")],
)
def test_a_refusal_says_where(world, fields, place):
    with pytest.raises(FileError, match=f"workspaces\\[0\\].{place}"):
        apply(SYSTEM, document(alerts=fields))
