"""The What if pages: a change, what it would have done in one sentence, and the requests one by one."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.services import policies
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.providers_world import records
from tests.services.test_what_ifs import CHEAP, DEAR, FREE, call
from tests.upstream import Upstream
from tests.world import World, sign_in

RULES = f"- label: Everybody\n  action: DOWNGRADE\n  models: [{CHEAP}]\n"


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    made = make_proxy(world.acme, upstream, client)
    fields = {"key": "chat", "name": "Chat", "rules": [FREE]}
    policies.create(SYSTEM, world.acme.workspace.id, world.acme.project.id, fields)
    call(made)
    return made


def page(proxy: Proxy, change: str) -> str:
    return f"/w/{proxy.tenant.workspace.slug}/what-if/{change}"


def test_an_editor_tries_rules_as_written(proxy: Proxy, world: World) -> None:
    editor = sign_in(proxy.client, world.teammate)
    form = editor.get(page(proxy, "policy")).text
    assert "chat@live" in form and "the live version 1" in form
    told = editor.post(page(proxy, "policy"), data={"rules": RULES, "most": "200"}).text
    assert (
        f"Of the last request that could be compared, 1 would have gone to {CHEAP}." in told
        and "less." in told
    )
    assert f"/requests/{records()[0].id}" in told and RULES in told.replace("&#39;", "'")
    wrong = editor.post(page(proxy, "policy"), data={"rules": "- label: [", "most": "200"})
    assert wrong.status_code == 422 and "This cannot be tried yet" in wrong.text
    assert policies.list_all(SYSTEM, world.acme.workspace.id)[0].version.number == 1


def test_the_rules_in_a_policys_form_are_tried_unsaved(proxy: Proxy, world: World) -> None:
    editor = sign_in(proxy.client, world.teammate)
    view = policies.list_all(SYSTEM, world.acme.workspace.id)[0]
    url = f"/w/{world.acme.workspace.slug}/what-if/policies/{view.policy.id}"
    fields = {"rules.0.label": "Nobody", "rules.0.action": "BLOCK", "rules.0.message": "Later."}
    told = editor.post(url, data=fields, headers={"HX-Request": "true"}).text
    assert "1 would have been refused" in told and "Later." in told and "<html" not in told
    assert editor.post(url, data={**fields, "rules.0.action": "DOWNGRADE"}).status_code == 422


def test_a_viewer_asks_with_the_address(proxy: Proxy, world: World) -> None:
    viewer = sign_in(proxy.client, world.viewer)
    told = viewer.get(page(proxy, "policy"), query_string={"version": "chat@live", "most": "200"}).text
    assert (
        "none would have gone to another model or been refused" in told
        and "They would have cost the same" in told
    )
    part = viewer.get(
        page(proxy, "routing"), query_string={"model": CHEAP, "most": "50"}, headers={"HX-Request": "true"}
    ).text
    assert part.lstrip().startswith('<div id="what-if"') and f"would have gone to {CHEAP}" in part
    assert viewer.post(page(proxy, "policy"), data={"rules": RULES}).status_code == 403


def test_prices_begin_as_they_are_today(proxy: Proxy, world: World) -> None:
    editor = sign_in(proxy.client, world.teammate)
    form = editor.get(page(proxy, "prices")).text
    assert f'value="{DEAR}"' in form and 'value="2.50"' in form
    same = {"model.0": DEAR, "input.0": "2.50", "output.0": "10.00", "multiplier.0": "1", "most": "200"}
    assert "Change at least one price." in editor.post(page(proxy, "prices"), data=same).text
    told = editor.post(page(proxy, "prices"), data={**same, "input.0": "5"}).text
    assert "more." in told and "What cannot be told" not in told


def test_guardrails_say_what_was_not_kept(proxy: Proxy, world: World) -> None:
    editor = sign_in(proxy.client, world.teammate)
    data = {"level": "project", "settings": "pii: {action: block}", "most": "200"}
    told = editor.post(page(proxy, "guardrails"), data=data).text
    assert "1 request: what was asked was not kept, and it depends on that." in told
