"""What calls at the door to every model cost when they end early: own keys, and rounds with a tool."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.models import BudgetPeriod, Reservation
from app.plugins import code_exec
from app.services import failover, projects
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.gateway.plugin_world import calling, set_up
from tests.money import USD, account_of, make_prepaid, mistakes, rows, set_budget
from tests.providers_world import set_price
from tests.upstream import Upstream
from tests.upstream_replies import error_reply, json_reply
from tests.world import World

URL = "/v1/chat/completions"
MODEL = "openai/up-model"
HI = [{"role": "user", "content": "Hi"}]
CODE = {"code": "print(6 * 7)"}


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    proxy = make_proxy(world.acme, upstream, client)
    set_price(proxy.tenant, MODEL, input_usd_per_million="1", output_usd_per_million="10")
    return proxy


@pytest.fixture
def leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client hangs up as soon as a provider is asked."""
    begin = failover.begin

    def leave(candidate: Any, credential: Any, record: Any) -> Any:
        record.call.cancellation.cancel("client_left")
        return begin(candidate, credential, record)

    monkeypatch.setattr(failover, "begin", leave)


@pytest.mark.parametrize("falls_back", [False, True])
@pytest.mark.usefixtures("leaving")
def test_who_leaves_while_their_own_key_is_asked_pays_nothing_here(proxy: Proxy, falls_back: bool) -> None:
    allowed = {"gateway": {"byok_fallback": falls_back}}
    projects.update(SYSTEM, proxy.tenant.workspace.id, proxy.tenant.project.id, allowed)
    body = {"model": MODEL, "messages": HI, "max_tokens": 50}
    proxy.post(URL, body, x_byok_openai="sk-own")
    assert (proxy.record.outcome, proxy.record.cost_nano_usd) == ("client_left", 0)
    make_prepaid(proxy.tenant, USD)
    proxy.post(URL, body, x_byok_openai="sk-own")
    assert (proxy.record.outcome, proxy.record.cost_nano_usd) == ("client_left", 0)
    assert (account_of(proxy.tenant).balance_nano_usd, mistakes()) == (USD, [])


@pytest.mark.usefixtures("leaving")
def test_who_leaves_while_ours_is_asked_pays_the_input(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    proxy.post(URL, {"model": MODEL, "messages": HI, "max_tokens": 50})
    assert (proxy.record.outcome, proxy.record.cost_nano_usd > 0) == ("client_left", True)
    assert mistakes() == []


def test_a_failed_call_with_a_round_before_it_uses_up_no_budget(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_exec.runner, "allowed", True)
    monkeypatch.setattr(code_exec, "run", lambda *given: "42")
    set_up(proxy, "code-exec")
    set_budget(proxy.tenant, "project", proxy.tenant.project.id, "day", tokens=10_000_000)
    make_prepaid(proxy.tenant, USD)
    proxy.upstream.script("up-model", calling("sluice_run_python", CODE), error_reply(400))
    body = {"model": MODEL, "messages": HI, "plugins": ["code-exec"], "max_tokens": 100}
    assert proxy.post(URL, body).status_code == 400
    assert (proxy.record.outcome, proxy.record.cost_nano_usd) == ("failed", 0)
    [period], [hold] = rows(BudgetPeriod), rows(Reservation)
    assert (period.spent_tokens, hold.charged_tokens, hold.state) == (0, 0, "voided")
    assert mistakes() == []


@pytest.mark.parametrize(
    ("given", "tokens"), [([[1, 2, 3], [40_000]], 4), ([7] * 50, 50), (["Hi", "Hi"], 2), ("Hi", 1)]
)
def test_tokens_to_embed_are_counted_one_by_one_where_the_provider_does_not(
    proxy: Proxy, given: Any, tokens: int
) -> None:
    make_prepaid(proxy.tenant, USD)
    vectors = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    proxy.upstream.script("text-embedding-3-small", json_reply(vectors))
    body = proxy.post("/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": given}).get_json()
    assert body["usage"]["prompt_tokens"] == tokens
    assert (proxy.record.cost_nano_usd, proxy.record.shortfall_nano_usd) == (20 * tokens, 0)
    assert mistakes() == []
