"""Requests in the dashboard: the live list, its filters and file, and receipts."""

from __future__ import annotations

import csv
import io
import re
from uuid import uuid4

import pytest

from app.database import database
from app.domain.actors import SYSTEM
from app.domain.ids import new_id
from app.models import RecordRow
from app.services import credentials, endpoints, policies, projects, receipts, record_rows
from tests.upstream_replies import error_reply

HTMX = {"HX-Request": "true"}
LIST = "/w/acme/requests"


@pytest.fixture
def viewer(world, sign_in):
    return sign_in(world.viewer)


def call(client, tenant, **headers):
    response = client.post(
        tenant.url, json={"message": "What is a qubit?"}, headers={**tenant.headers, **headers}
    )
    return response.headers["X-Sluice-Request-Id"]


def change(**values):
    """Change the newest record."""

    def work(session):
        row = session.query(RecordRow).order_by(RecordRow.created_at.desc()).first()
        for name, value in values.items():
            setattr(row, name, value)

    database.transaction(work)


def test_an_empty_list_says_what_will_come(viewer):
    page = viewer.get(LIST).text
    assert "No requests yet" in page and "Live" in page and "every 2s" in page


def test_a_call_is_in_the_list_with_its_facts(client, world, viewer):
    made = call(client, world.acme)
    page = viewer.get(LIST).text
    assert f"/w/acme/requests/{made}" in page
    for words in ("hello", "ci", "demo-fast", "Answered", "$0.00"):
        assert words in page


def test_polling_swaps_only_when_there_is_news(client, world, viewer):
    call(client, world.acme)
    part = viewer.get(LIST, headers=HTMX).text
    assert part.strip().startswith('<div id="requests"')
    seen = re.search(r'"seen": "(\w+)"', part)[1]
    assert viewer.get(f"{LIST}?seen={seen}", headers=HTMX).status_code == 204
    newest = re.search(r'"newest": "([^"]+)"', part)[1]
    call(client, world.acme)
    news = viewer.get(LIST, query_string={"seen": seen, "newest": newest}, headers=HTMX)
    assert news.status_code == 200 and news.text.count("row-new") == 1


@pytest.mark.parametrize("query", ["live=off", "until=2020-01-01T00:00"])
def test_a_paused_or_past_list_stands_still(viewer, query):
    assert "every 2s" not in viewer.get(f"{LIST}?{query}").text


def test_the_history_of_the_browser_gets_whole_pages(viewer):
    headers = {**HTMX, "HX-History-Restore-Request": "true"}
    assert "<html" in viewer.get(LIST, headers=headers).text


def test_filters_narrow_and_can_be_cleared(client, world, viewer):
    made = call(client, world.acme)
    for query in (
        {"outcome": "succeeded"},
        {"endpoint_id": world.acme.endpoint.id},
        {"who": f"key:{world.acme.key.id}"},
        {"model": "demo"},
        {"source": "api"},
        {"range": "1h"},
        {"id": made},
        {"project": world.acme.project.id},
        {"exact_model": "demo/demo-fast"},
        {"provider": "demo"},
    ):
        assert made in viewer.get(LIST, query_string=query).text, query
    for query in (
        {"outcome": "cut"},
        {"model": "zebra"},
        {"exact_model": "demo"},
        {"endpoint_id": "x", "id": "y"},
    ):
        page = viewer.get(LIST, query_string=query).text
        assert "No request matches" in page and "Clear the filters" in page, query


@pytest.mark.parametrize(
    "query", ["before=x_y", "after=1_2", "since=never", "before=99999999999999999_" + "0" * 8]
)
def test_nonsense_in_the_url_does_no_harm(viewer, query):
    assert viewer.get(f"{LIST}?{query}").status_code == 200


def test_older_and_newer_lead_there_and_back(client, world, viewer, monkeypatch):
    monkeypatch.setattr(receipts, "PAGE_SIZE", 2)
    made = [call(client, world.acme) for _ in range(5)]
    page = viewer.get(LIST).text
    older = re.search(r'href="([^"]*before=[^"]*)"', page)[1].replace("&amp;", "&")
    second = viewer.get(older).text
    assert made[2] in second and made[4] not in second and "every 2s" not in second
    newer = re.search(r'href="([^"]*after=[^"]*)"', second)[1].replace("&amp;", "&")
    back = viewer.get(newer, follow_redirects=True).text
    assert made[4] in back and "every 2s" in back


def test_the_file_holds_the_filtered_list_and_no_formula(client, world, viewer):
    call(client, world.acme, **{"X-Request-Id": "=1+2"})
    change(caller_label="@SUM(A1)", error_message="-2+3")
    answer = viewer.get(f"{LIST}/export.csv?outcome=succeeded")
    assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["client_request_id"] == "'=1+2"
    assert row["caller_label"] == "'@SUM(A1)" and row["error_message"] == "'-2+3"
    assert row["outcome"] == "succeeded" and row["cost_usd"]
    assert len(viewer.get(f"{LIST}/export.csv?outcome=cut").text.splitlines()) == 1


def test_a_receipt_tells_the_call_in_plain_words(client, world, viewer):
    made = call(client, world.acme, **{"X-Request-Id": "order-4711"})
    page = viewer.get(f"{LIST}/{made}").text
    for words in (
        "The model finished its answer.",
        "demo/demo-fast was asked first and answered.",
        "version 1",
        "order-4711",
        "Key and rights",
        "Waiting for the provider",
        "SLUICE_LOG_CONTENT is off",
        "= $0.00",
    ):
        assert words in page, words
    assert f"/w/acme/endpoints/{world.acme.endpoint.id}" in page
    assert "What is a qubit?" not in page


def test_a_failover_is_explained(client, world, viewer, upstream):
    fields = {"slug": "up", "name": "Upstream", "dialect": "openai", "base_url": upstream.v1}
    credentials.create_with_provider(SYSTEM, world.acme.workspace.id, fields, "sk-0123456789abcdef")
    upstream.script("gpt-x", error_reply(500))
    chain = {"model": "up/gpt-x", "failover": ["demo/demo-fast"]}
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, chain)
    page = viewer.get(f"{LIST}/{call(client, world.acme)}").text
    assert re.search(r"Upstream failed after \d\.\d+ s, so Demo \(built in\) answered\.", page)
    assert "failover" in viewer.get(LIST).text


def test_a_model_that_could_not_be_tried_is_named_with_the_reason(client, world, viewer):
    fields = {"slug": "up", "name": "Upstream", "dialect": "openai", "base_url": "https://api.example.com/v1"}
    credentials.create_with_provider(SYSTEM, world.acme.workspace.id, fields, "")
    chain = {"model": "up/gpt-x", "failover": ["demo/demo-fast", "up/gpt-y"]}
    endpoints.save(SYSTEM, world.acme.workspace.id, world.acme.endpoint.id, chain)
    page = viewer.get(f"{LIST}/{call(client, world.acme)}").text
    assert "Upstream could not be tried, so Demo (built in) answered." in page
    assert "up/gpt-x: the provider has no active API key" in page and "up/gpt-y" not in page


def test_a_refusal_shows_its_text(client, world, viewer):
    response = client.post(world.acme.url, json={"message": ""}, headers=world.acme.headers)
    page = viewer.get(f"{LIST}/{response.headers['X-Sluice-Request-Id']}").text
    assert "refused before any model was asked" in page
    assert "&#39;message&#39; must be a text that is not empty." in page
    assert "A call that no model answered costs nothing." in page


def test_money_that_was_held_is_told_and_the_end_user_filters(client, world, viewer):
    made = call(client, world.acme)
    money = {"held_nano_usd": 9_000_000, "shortfall_nano_usd": 400, "overage_nano_usd": 300}
    change(end_user="=ann", operation="responses", **money)
    page = viewer.get(f"{LIST}/{made}").text
    for words in (
        "Held before the call",
        "$0.009",
        "Given back",
        "The difference is the gateway",
        "responses",
    ):
        assert words in page, words
    their_page = viewer.get(re.search(r'href="([^"]*user=[^"]*)"', page)[1]).text
    same = viewer.get(re.search(r'href="([^"]*end_user=[^"]*)"', their_page)[1]).text
    assert made in same and "About this end user" in same
    assert "No request matches" in viewer.get(LIST, query_string={"end_user": "ann"}).text
    (row,) = csv.DictReader(io.StringIO(viewer.get(f"{LIST}/export.csv").text))
    assert (row["held_usd"], row["shortfall_usd"], row["overage_usd"]) == ("0.009", "0.0000004", "0.0000003")
    assert (row["operation"], row["end_user"]) == ("responses", "'=ann")


def test_an_unknown_price_and_an_estimate_are_said(client, world, viewer):
    made = call(client, world.acme)
    change(cost_nano_usd=None, price=None, estimated=True)
    page = viewer.get(f"{LIST}/{made}").text
    assert "is not known here" in page and "The cost is an estimate." in page
    assert "Price unknown" in viewer.get(LIST).text


def test_kept_content_is_shown_and_never_run(client, world, viewer, monkeypatch):
    monkeypatch.setattr(record_rows.content_allowed, "allowed", True)
    projects.update(SYSTEM, world.acme.workspace.id, world.acme.project.id, {"log_content": True})
    body = {"message": "<script>alert(1)</script>"}
    response = client.post(world.acme.url, json=body, headers=world.acme.headers)
    page = viewer.get(f"{LIST}/{response.headers['X-Sluice-Request-Id']}").text
    assert "&lt;script&gt;alert(1)" in page and "<script>alert" not in page


def test_a_project_that_keeps_nothing_is_named_as_the_reason(client, world, viewer, monkeypatch):
    monkeypatch.setattr(record_rows.content_allowed, "allowed", True)
    assert "the project does not ask for it" in viewer.get(f"{LIST}/{call(client, world.acme)}").text


def test_a_receipt_not_yet_written_looks_again_by_itself(viewer):
    page = viewer.get(f"{LIST}/{new_id()}")
    assert page.status_code == 202 and "Being written" in page.text and "load delay" in page.text


def test_a_receipt_that_came_replaces_the_waiting(client, world, viewer):
    part = viewer.get(f"{LIST}/{call(client, world.acme)}", headers=HTMX).text
    assert part.strip().startswith('<div id="receipt"') and "load delay" not in part


def test_foreign_and_unknown_receipts_are_not_there(client, world, sign_in, viewer):
    made = call(client, world.acme)
    assert sign_in(world.stranger).get(f"/w/other/requests/{made}").status_code == 404
    assert viewer.get(f"{LIST}/{uuid4()}").status_code == 404


def test_a_receipt_tells_policy_rule_and_side_and_the_list_is_filtered_by_them(client, world, viewer):
    governed, plain = call(client, world.acme), call(client, world.acme)
    place = world.acme.workspace.id, world.acme.project.id
    policy = policies.create(SYSTEM, *place, {"key": "chat", "rules": []}).policy
    context = {"plan": "free", "trial_status": "NONE"}
    ruled = {"policy_key": "chat", "policy_version": 1, "policy_rule": "Free users", "action": "DOWNGRADE"}

    def work(session):
        row = session.query(RecordRow).filter_by(id=governed).one()
        for name, value in {**ruled, "arm": "new", "context": context, "plan": "free"}.items():
            setattr(row, name, value)

    database.transaction(work)
    page = viewer.get(f"{LIST}/{governed}").text
    for words in ("The rule “Free users” of the policy “chat”", "those who get it", f"/policies/{policy.id}"):
        assert words in page
    assert "<dt>Plan</dt>" in page and "Policy</h2>" not in viewer.get(f"{LIST}/{plain}").text
    for query in ("policy=Chat", "action=DOWNGRADE", "arm=new"):
        listed = viewer.get(f"{LIST}?{query}").text
        assert governed in listed and plain not in listed
    assert governed not in viewer.get(f"{LIST}?policy=other").text
