"""Reports of usage: by what it is grouped, in which part of the time, and for whom."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.domain import timespans
from app.domain.errors import NotFound
from app.domain.timespans import Timespan
from app.domain.usage_sums import Totals
from app.services import keys, usage_reports
from app.services.usage_reports import GROUPS, Report
from tests.usage_world import row, write
from tests.world import World, actor_of

NOW = datetime(2026, 3, 31, 12, 20, tzinfo=UTC)
WEEK = timespans.last_days(7, NOW, "UTC")


def look(world: World, span: Timespan = WEEK, group: str = "model", **asked: str) -> Report:
    args: dict[str, Any] = {"measure": "spend", "order": "spend", **asked}
    return usage_reports.report(actor_of(world.viewer), world.acme.workspace.id, span, group, **args)


def test_nothing_at_all_is_all_zero(world: World) -> None:
    report = look(world)
    assert (report.now, report.before, report.lines, report.drawn) == (Totals(), Totals(), (), ())
    assert report.by_part == (Totals(),) * 7


@pytest.mark.parametrize("group", GROUPS)
def test_lines_and_parts_add_up_to_the_whole(world: World, group: str) -> None:
    acme, other = world.acme, {"provider": None, "model_answered": None, "cost_nano_usd": None}
    write(
        row(acme, NOW, end_user="ann"),
        row(acme, NOW - timedelta(days=2), key_id=None, endpoint_id=None, outcome="failed", **other),
        row(acme, NOW - timedelta(days=2), model_answered="large", end_user="bob", cost_nano_usd=100),
        row(acme, NOW - timedelta(days=8)),
        row(world.other, NOW),
    )
    report = look(world, group=group)
    assert report.now == Totals(3, 1, 0, 1, 30, 15, 107)
    assert report.before == Totals(1, 0, 0, 0, 10, 5, 7)
    assert sum((line.totals for line in report.lines), Totals()) == report.now
    assert sum(report.by_part, Totals()) == report.now
    assert [part.calls for part in report.by_part] == [0, 0, 0, 0, 2, 0, 1]
    costs = [line.totals.cost_nano_usd for line in report.lines]
    assert costs == sorted(costs, reverse=True)


def test_the_largest_are_drawn_and_the_rest_is_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_reports, "DRAWN", 2)
    monkeypatch.setattr(usage_reports, "LISTED", 3)
    users = [row(world.acme, NOW, end_user=f"u{n}", cost_nano_usd=n, output_tokens=9 - n) for n in range(6)]
    write(*users)
    report = look(world, group="end_user", order="output")
    assert report.drawn == ("u5", "u4")
    assert [part[-1].cost_nano_usd for part in report.parts] == [5, 4, 6]
    assert [line.value for line in report.lines] == ["u0", "u1", "u2"]
    assert (report.others[0], report.others[1].cost_nano_usd) == (3, 12)
    lines, _ = usage_reports.export(
        actor_of(world.viewer), world.acme.workspace.id, WEEK, "end_user", "spend"
    )
    assert [line.value for line in lines] == ["u5", "u4", "u3", "u2", "u1", "u0"]


def test_a_day_is_the_workspaces_own(world: World) -> None:
    for hour in (22, 23):  # in Berlin 22 UTC is already the 31st, while clocks changed on the 29th
        write(row(world.acme, datetime(2026, 3, 28, hour, 30, tzinfo=UTC)))
        write(row(world.acme, datetime(2026, 3, 29, hour - 1, 30, tzinfo=UTC)))
    span = timespans.between(date(2026, 3, 28), date(2026, 3, 30), NOW, "Europe/Berlin")
    assert [part.calls for part in look(world, span).by_part] == [1, 2, 1]


def test_what_is_gone_keeps_its_numbers_and_names_are_ones_own(world: World) -> None:
    write(row(world.acme, NOW), row(world.other, NOW))
    report = look(world, group="key")
    assert [report.names[line.value] for line in report.lines] == ["Support / ci"]
    assert world.other.key.id not in report.names
    keys.revoke(actor_of(world.owner), world.acme.workspace.id, world.acme.key.id)
    assert look(world, group="key").lines == report.lines


def test_strangers_find_nothing(world: World) -> None:
    stranger, acme = actor_of(world.stranger), world.acme.workspace.id
    with pytest.raises(NotFound):
        usage_reports.report(stranger, acme, WEEK, "model", "spend", "spend")
    with pytest.raises(NotFound):
        usage_reports.export(stranger, acme, WEEK, "model", "spend")
