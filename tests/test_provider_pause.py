"""A provider at its daily limit, seen from outside: paused for everybody, until one click; refused keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.models import Alert, User
from app.services import credentials, providers
from tests.gateway.passthrough_world import BODY, Proxy, make_proxy
from tests.providers_world import add_endpoint, records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import Reply, error_reply, json_reply, openai_completion
from tests.world import World

HI = {"message": "Hi"}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    """A proxy whose OpenAI calls cost about a dollar each, and an endpoint that can fall back on the demo."""
    made = make_proxy(world.acme, upstream, client)
    set_price(world.acme, "openai/gpt-x", input_usd_per_million="100000", output_usd_per_million="100000")
    add_endpoint(world.acme, "chain", "openai/gpt-x", "demo/demo-fast")
    return made


def limit(proxy: Proxy, **fields: str) -> None:
    providers.update(SYSTEM, proxy.tenant.workspace.id, proxy.openai_id, fields)


def state(proxy: Proxy) -> str:
    return providers.view(SYSTEM, proxy.tenant.workspace.id, proxy.openai_id).state


def call_endpoint(proxy: Proxy, *refusals: Reply) -> str | None:
    """Call the endpoint and return which provider answered, after such refusals."""
    proxy.upstream.script("gpt-x", *refusals, openai_completion("Hello"))
    path = f"/api/{proxy.tenant.project.id}/chain"
    assert proxy.post(path, HI).status_code == 200
    return records()[-1].provider


def named(proxy: Proxy) -> tuple[int, str]:
    """Name the provider; return the status and what is said."""
    proxy.upstream.script("gpt-x", openai_completion("Hello"))
    answer = proxy.post("/v1/openai/chat/completions", BODY)
    return answer.status_code, answer.text


def kinds() -> list[str]:
    return database.read(lambda session: sorted(session.scalars(select(Alert.kind))))


def test_at_its_limit_it_is_skipped_where_routed_and_429_where_named(proxy: Proxy) -> None:
    limit(proxy, alert_usd_per_day="0.01", stop_usd_per_day="0.02")
    assert [call_endpoint(proxy), call_endpoint(proxy)] == ["openai", "demo"]
    status, text = named(proxy)
    assert status == 429 and "paused" in text
    assert state(proxy) == "paused" and kinds() == ["provider_paused", "provider_spend"]


def test_an_emptied_redis_does_not_reactivate_it(proxy: Proxy, redis_url: str) -> None:
    limit(proxy, stop_usd_per_day="0.02")
    call_endpoint(proxy)
    Redis.from_url(redis_url).flushall()
    assert (call_endpoint(proxy), named(proxy)[0]) == ("demo", 429)


def test_one_click_reactivates_it_and_it_stays_so_until_it_spends_as_much_again(
    proxy: Proxy, world: World, sign_in: Callable[[User], FlaskClient]
) -> None:
    call_endpoint(proxy)
    one = providers.view(SYSTEM, proxy.tenant.workspace.id, proxy.openai_id).spent_nano_usd
    limit(proxy, stop_usd_per_day=f"{1.5 * one / 1e9:.2f}")
    assert [call_endpoint(proxy), call_endpoint(proxy)] == ["openai", "demo"]
    admin = sign_in(world.admin)
    home = admin.get("/w/acme").text
    assert "openai is paused" in home and "Reactivate" in home
    url = f"/w/acme/providers/{proxy.openai_id}"
    page = admin.post(f"{url}/pause", data={"paused": "0"}, follow_redirects=True).text
    assert "is reactivated" in page and "Counted from" in page
    assert "is paused" not in admin.get("/w/acme").text
    assert [call_endpoint(proxy) for _ in range(3)] == ["openai", "openai", "demo"]


def test_an_admin_pauses_it_by_hand(
    proxy: Proxy, world: World, sign_in: Callable[[User], FlaskClient]
) -> None:
    url = f"/w/acme/providers/{proxy.openai_id}/pause"
    assert sign_in(world.teammate).post(url, data={"paused": "1"}).status_code == 403
    assert call_endpoint(proxy) == "openai"
    page = sign_in(world.admin).post(url, data={"paused": "1"}, follow_redirects=True).text
    assert "It stays so until an admin reactivates it." in page
    assert (call_endpoint(proxy), named(proxy)[0]) == ("demo", 429)
    assert "paused the provider openai" in sign_in(world.owner).get("/w/acme/activity").text


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_retired_and_the_next_one_answers(proxy: Proxy, status: int) -> None:
    assert call_endpoint(proxy, error_reply(status)) == "openai"
    keys = credentials.list_all(SYSTEM, proxy.tenant.workspace.id, proxy.openai_id)
    assert [(key.active, key.refused_at is not None) for key in keys] == [(False, True), (True, False)]
    assert kinds() == ["credential_refused"]
    assert call_endpoint(proxy, error_reply(status)) == "demo"
    assert named(proxy)[0] == 503 and kinds() == ["credential_refused"] * 2


def test_a_model_that_the_key_may_not_use_retires_nothing(proxy: Proxy) -> None:
    refusal = {"error": {"message": "No access.", "code": "model_not_found"}}
    assert call_endpoint(proxy, json_reply(refusal, 403)) == "demo"
    keys = credentials.list_all(SYSTEM, proxy.tenant.workspace.id, proxy.openai_id)
    assert all(key.active for key in keys) and kinds() == []
