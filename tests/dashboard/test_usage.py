"""Usage in the dashboard: empty and full, its controls, links into the requests, and its files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.models import User
from app.services import usage_reports
from tests.usage_world import row, write
from tests.world import World

PAGE = "/w/acme/usage"
HTMX = {"HX-Request": "true"}
NOW = datetime.now(UTC)


@pytest.fixture
def viewer(world: World, sign_in: Callable[[User], FlaskClient]) -> FlaskClient:
    return sign_in(world.viewer)


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_without_calls_it_says_what_will_come(viewer: FlaskClient) -> None:
    page = viewer.get(PAGE).text
    assert "No calls in this time" in page and "Look at the last 90 days" in page and "<svg" in page
    assert "as CSV" not in page


def test_numbers_chart_and_table_say_the_same(viewer: FlaskClient, world: World) -> None:
    dear: dict[str, Any] = {"model_answered": "large", "cost_nano_usd": 1_250_000_000, "input_tokens": 1500}
    write(
        row(world.acme, **dear), row(world.acme, **dear), row(world.acme), row(world.acme, outcome="failed")
    )
    write(row(world.acme, cost_nano_usd=None, model_answered="unknown"))
    page = viewer.get(PAGE).text
    for words in ("$2.50", "3.03k", "and 1 call whose price is not known", "demo/large", "20 %", "+ ?"):
        assert words in page, words
    assert page.index("demo/large") < page.index("demo/demo-fast")
    assert "The chart in numbers" in page and "Spend over time" in page


def test_its_controls_work_without_javascript_and_as_a_part(viewer: FlaskClient, world: World) -> None:
    write(row(world.acme, NOW - timedelta(days=20), end_user="zoe-1"), row(world.acme, end_user="kim-2"))
    query = {"range": "30d", "show": "calls", "by": "end_user", "sort": "output"}
    page = viewer.get(PAGE, query_string=query).text
    assert "Calls over time" in page and "By end user" in page and "zoe-1" in page and "<html" in page
    assert re.search(r'<option value="30d" selected', page)
    part = viewer.get(PAGE, query_string=query, headers=HTMX).text
    assert part.strip().startswith('<div id="usage"') and "<html" not in part
    assert "zoe-1" not in viewer.get(PAGE, query_string={**query, "range": "24h"}).text
    days = {"from": f"{NOW - timedelta(days=22):%Y-%m-%d}", "to": f"{NOW - timedelta(days=18):%Y-%m-%d}"}
    page = viewer.get(PAGE, query_string={**query, "range": "custom", **days}).text
    assert "zoe-1" in page and "kim-2" not in page and f'value="{days["from"]}"' in page


@pytest.mark.parametrize(
    "query",
    ["range=x&show=y&by=z&sort=%00", "range=custom&from=never&to=2026-13-01", "range=custom&to=9999-12-31"],
)
def test_nonsense_in_the_url_does_no_harm(viewer: FlaskClient, query: str) -> None:
    assert viewer.get(f"{PAGE}?{query}").status_code == 200


@pytest.mark.parametrize("group", ["model", "provider", "project", "endpoint", "key", "end_user"])
def test_a_line_leads_to_its_requests(viewer: FlaskClient, world: World, group: str) -> None:
    mine = row(world.acme, end_user="a&b")
    gone: dict[str, Any] = {
        "key_id": None,
        "endpoint_id": None,
        "source": "dashboard",
        "model_answered": "x",
        "provider": "y",
    }
    write(mine, row(world.acme, NOW - timedelta(days=20)), row(world.acme, project_id=None, **gone))
    page = viewer.get(PAGE, query_string={"by": group, "range": "7d"}).text
    links = [unescape(url) for url in re.findall(r'href="(/w/acme/requests\?[^"]*)"', page)]
    found = [viewer.get(url).text for url in links]
    (shown,) = [text for text in found if mine["id"] in text]
    assert shown.count('id="r-') == 1


def test_many_lines_are_cut_but_the_file_has_all(
    viewer: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_reports, "LISTED", 3)
    monkeypatch.setattr("app.dashboard.usage_words.LISTED", 3)
    names = ["=1+2", "ann", "bob", "cho", "dee"]
    write(*(row(world.acme, end_user=name, cost_nano_usd=n + 1) for n, name in enumerate(names)))
    page = viewer.get(f"{PAGE}?by=end_user").text
    assert "2 others" in page and "=1+2" not in page.partition("By end user")[2]
    answer = viewer.get(f"{PAGE}/export.csv?by=end_user&sort=spend")
    assert answer.mimetype == "text/csv" and "usage-by-end_user" in answer.headers["Content-Disposition"]
    rows = read_csv(answer.text)
    assert [each["end_user"] for each in rows] == ["dee", "cho", "bob", "ann", "'=1+2"]
    assert rows[0]["spend_usd"] == "0.000000005" and rows[0]["output_tokens"] == "5"


def test_the_charts_file_adds_up_to_the_tables(viewer: FlaskClient, world: World) -> None:
    write(*(row(world.acme, NOW - timedelta(days=n), model_answered=f"m{n}") for n in range(7)))
    rows = read_csv(viewer.get(f"{PAGE}/over-time.csv?range=7d&by=model").text)
    assert len(rows) == 7 * 6 and sum(int(each["calls"]) for each in rows) == 7
    assert {each["id"] for each in rows} >= {"demo/m0", "(other)"}


def test_it_stands_with_the_money_and_is_closed_to_strangers(
    viewer: FlaskClient, world: World, sign_in: Callable[[User], FlaskClient]
) -> None:
    page = viewer.get(PAGE).text
    places = [page.index(f'href="/w/acme/{name}"') for name in ("requests", "providers", "usage")]
    assert places == sorted(places)
    for path in (PAGE, f"{PAGE}/export.csv", f"{PAGE}/over-time.csv"):
        assert sign_in(world.stranger).get(path).status_code == 404
