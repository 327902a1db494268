"""Who fails is left alone, through the doors: skipped, probed, named; nobody is stormed; how it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.models import Alert, AuditEvent
from app.services import keys, performance, provider_health
from app.services.health import Health, health
from app.services.performance import book
from app.services.pulse import pulse
from tests.gateway.passthrough_world import BODY, Proxy, make_proxy
from tests.money import USD, account_of, make_prepaid, mistakes
from tests.providers_world import add_endpoint, add_provider, set_price
from tests.upstream import Upstream
from tests.upstream_replies import Reply, error_reply, json_reply, openai_completion, openai_stream
from tests.world import World

URL = "/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]
BOTH = ["openai/gpt-x", "spare/gpt-y"]


class Clock:
    """The time of circuits, here and in Valkey."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def milliseconds(self) -> str:
        return str(int(1000 * self.now))


@pytest.fixture
def clock(app: object, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(health, "clock", clock)
    monkeypatch.setattr(health, "now_ms", clock.milliseconds)
    return clock


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient, clock: Clock) -> Proxy:
    """Two providers at the upstream beside Anthropic's; both work."""
    made = make_proxy(world.acme, upstream, client)
    add_provider(world.acme, upstream, "spare")
    upstream.script("gpt-x", openai_completion("from openai"))
    upstream.script("gpt-y", openai_completion("from the spare one"))
    return made


def ask(proxy: Proxy, models: list[str] | str = BOTH) -> tuple[int, str]:
    """Ask for an answer; return the status and who gave it."""
    response = proxy.post(URL, {"model": models, "messages": HI})
    return response.status_code, response.headers.get("X-Sluice-Provider", "")


def asked(proxy: Proxy, model: str) -> int:
    return sum(request.json["model"] == model for request in proxy.upstream.requests)


def break_down(proxy: Proxy, *models: str, status: int = 503) -> None:
    for model in models or ("gpt-x",):
        proxy.upstream.script(model, error_reply(status, "down"))


def test_a_provider_that_failed_five_times_is_skipped_and_the_receipt_says_so(proxy: Proxy) -> None:
    break_down(proxy)
    assert [ask(proxy) for _ in range(6)] == [(200, "spare")] * 6
    assert asked(proxy, "gpt-x") == 5
    skipped, answered = proxy.record.attempts
    assert skipped["status"] == "skipped" and answered["status"] == "answered"
    assert skipped["reason"] == "paused after 5 failures in a row, next try in 30 s"


def test_after_its_time_one_call_probes_it_and_it_is_back(proxy: Proxy, clock: Clock) -> None:
    break_down(proxy)
    for _ in range(5):
        ask(proxy)
    clock.now += 30
    assert ask(proxy) == (200, "spare") and asked(proxy, "gpt-x") == 6  # the probe failed
    clock.now += 59
    assert ask(proxy) == (200, "spare") and asked(proxy, "gpt-x") == 6
    proxy.upstream.script("gpt-x", openai_completion("back"))
    clock.now += 1
    assert [ask(proxy), ask(proxy)] == [(200, "openai")] * 2


def test_an_upstream_that_is_down_gets_little_more_than_was_called(proxy: Proxy, clock: Clock) -> None:
    break_down(proxy, "gpt-x", "gpt-y")
    statuses = []
    for _ in range(50):
        statuses.append(ask(proxy)[0])
        clock.now += 1.0
    assert len(proxy.upstream.requests) <= 1.2 * 50 and set(statuses) == {502, 503}


def test_retries_alone_are_no_storm_either(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Health, "wait_for", lambda *_: 0.0)  # as if no circuit ever opened
    break_down(proxy, "gpt-x", "gpt-y")
    for _ in range(50):
        ask(proxy)
    assert 50 < len(proxy.upstream.requests) <= 1.2 * 50


def test_when_all_are_down_it_is_503_with_an_honest_time_and_nothing_is_held(
    proxy: Proxy, clock: Clock
) -> None:
    for model in BOTH:
        set_price(proxy.tenant, model, input_usd_per_million="1", output_usd_per_million="1")
    make_prepaid(proxy.tenant, 5 * USD)
    break_down(proxy, "gpt-x", "gpt-y")
    for _ in range(5):
        ask(proxy)
    clock.now += 10
    before = len(proxy.upstream.requests)
    response = proxy.post(URL, {"model": BOTH, "messages": HI})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "20")
    assert response.get_json()["error"]["code"] == "provider_down"
    assert len(proxy.upstream.requests) == before
    assert account_of(proxy.tenant).reserved_nano_usd == 0 and mistakes() == []
    assert proxy.record.outcome == "failed" and proxy.record.cost_nano_usd == 0
    path = add_endpoint(proxy.tenant, "chain", *BOTH)
    assert proxy.post(path, {"message": "Hi"}).status_code == 502  # the native routes' word for it


def test_a_named_provider_that_is_down_says_until_when(proxy: Proxy, clock: Clock) -> None:
    break_down(proxy)
    assert [proxy.post("/v1/openai/chat/completions", BODY).status_code for _ in range(5)] == [503] * 5
    assert asked(proxy, "gpt-x") == 5
    response = proxy.post("/v1/openai/chat/completions", BODY)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
    assert "paused after 5 failures in a row" in response.get_json()["error"]["message"]
    assert asked(proxy, "gpt-x") == 5
    proxy.upstream.script("gpt-x", openai_completion("back"))
    clock.now += 30
    assert proxy.post("/v1/openai/chat/completions", BODY).status_code == 200


def test_what_the_client_got_wrong_opens_nothing(proxy: Proxy) -> None:
    break_down(proxy, status=400)
    assert [ask(proxy)[0] for _ in range(7)] == [400] * 7
    assert asked(proxy, "gpt-x") == 7


def test_three_attempts_at_most_for_a_model(proxy: Proxy) -> None:
    break_down(proxy, "gpt-x", "gpt-y", "gpt-z")
    chain = ["openai/gpt-x", "spare/gpt-y", "spare/gpt-z", "demo/demo-fast"]
    response = proxy.post(URL, {"model": chain, "messages": HI})
    assert response.status_code == 502 and response.headers["X-Should-Retry"] == "false"
    assert len(proxy.upstream.requests) == 3
    path = add_endpoint(proxy.tenant, "chain", *chain)
    assert proxy.post(path, {"message": "Hi"}).status_code == 200  # a chain is tried to its end


def test_one_attempt_leaves_retrying_to_the_client(proxy: Proxy) -> None:
    break_down(proxy)
    response = proxy.post(URL, {"model": "openai/gpt-x", "messages": HI})
    assert response.status_code == 503 and "X-Should-Retry" not in response.headers


def limited(seconds: str) -> Reply:
    return json_reply(
        {"error": {"message": "slow down", "type": "requests"}}, 429, **{"Retry-After": seconds}
    )


def test_429_of_all_is_429_with_the_shortest_wait(proxy: Proxy) -> None:
    proxy.upstream.script("gpt-x", limited("40"))
    proxy.upstream.script("gpt-y", limited("7"))
    response = proxy.post(URL, {"model": BOTH, "messages": HI})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert response.get_json()["error"]["type"] == "rate_limit_error"


def test_who_asks_to_be_left_alone_comes_last(proxy: Proxy, clock: Clock) -> None:
    proxy.upstream.script("gpt-x", limited("40"), limited("40"), openai_completion("from openai"))
    assert ask(proxy) == (200, "spare")  # both of its keys are limited
    assert ask(proxy) == (200, "spare") and asked(proxy, "gpt-x") == 2
    clock.now += 40
    assert ask(proxy) == (200, "openai")


def test_an_outlier_is_ejected_but_never_the_last_one(proxy: Proxy) -> None:
    for turn in range(60):  # every second call fails, so never five in a row
        replies = (error_reply(503, "down"), openai_completion("fine"))
        proxy.upstream.script("gpt-x", replies[turn % 2])
        ask(proxy)
        pulse.run()
    assert asked(proxy, "gpt-x") < 60 and health.circuit(proxy.openai_id).error == "outlier"
    skipped = next(a for a in proxy.record.attempts if a["status"] == "skipped")
    assert "far more often than the others" in skipped["reason"]


def test_the_workspace_is_told_once_that_a_provider_is_down(proxy: Proxy, clock: Clock) -> None:
    break_down(proxy)
    for _ in range(12):
        ask(proxy)
        clock.now += 31
    query = select(Alert).where(Alert.kind == "provider_down")
    rows = database.read(lambda session: list(session.scalars(query)))
    assert [(row.kind, row.subject, row.facts["name"]) for row in rows] == [
        ("provider_down", proxy.openai_id, "openai")
    ]


def test_health_of_providers_tells_programs(proxy: Proxy, world: World) -> None:
    break_down(proxy)
    for _ in range(5):
        ask(proxy)
    body = proxy.get("/v1/health/providers").get_json()
    told = {row["id"]: row for row in body["data"]}
    assert body["object"] == "list" and set(told) == {"openai", "anthropic", "spare", "demo"}
    down, spare = told["openai"], told["spare"]
    assert (down["state"], down["circuit"], down["success_share"]) == ("down", "open", 0.0)
    assert down["last_error"] == "answered with an error" and down["next_probe_at"]
    assert (spare["state"], spare["circuit"], spare["samples"]) == ("ready", "closed", 5)
    assert told["anthropic"]["success_share"] is None
    other = proxy.client.get("/v1/health/providers", headers=world.other.headers).get_json()
    assert [(row["id"], row["samples"]) for row in other["data"]] == [("demo", 0)]


@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        ({"allowed_providers": ["spare"]}, {"spare"}),
        ({"excluded_providers": ["spare", "demo"]}, {"openai", "anthropic"}),
        ({"models": ["openai/gpt-4o*", "dem*"]}, {"openai", "demo"}),
    ],
)
def test_a_key_sees_the_providers_that_its_rules_allow(
    proxy: Proxy, rules: dict[str, list[str]], seen: set[str]
) -> None:
    ask(proxy, "openai/gpt-x")
    tenant = proxy.tenant
    made = keys.create(SYSTEM, tenant.workspace.id, tenant.project.id, {"name": "narrow", "rules": rules})
    headers = {"Authorization": f"Bearer {made.secret}"}
    health_of = proxy.client.get("/v1/health/providers", headers=headers).get_json()["data"]
    speed_of = proxy.client.get("/api/v1/performance", headers=headers).get_json()["data"]
    assert {row["id"] for row in health_of} == {row["provider"] for row in speed_of} == seen
    told = [model["model"] for row in speed_of for model in row["models"]]
    assert told == (["openai/gpt-x"] if rules.get("excluded_providers") else [])


def test_performance_of_the_last_five_minutes(proxy: Proxy, world: World) -> None:
    proxy.upstream.script("gpt-y", openai_stream(*["word "] * 8))
    for _ in range(3):
        proxy.post(URL, {"model": "spare/gpt-y", "messages": HI, "stream": True})
    break_down(proxy)
    ask(proxy, "openai/gpt-x")
    pulse.run()
    stats = performance.of(world.acme.workspace.id, "spare/gpt-y")
    assert (stats.samples, stats.error_share, stats.is_known) == (3, 0.0, True)
    assert stats.latency_p75_ms is not None and stats.first_token_p50_ms is not None
    data = proxy.get("/api/v1/performance").get_json()
    told = {row["provider"]: row for row in data["data"]}
    assert data["window_seconds"] == 300 and told["spare"]["samples"] == 3
    assert told["spare"]["models"][0]["model"] == "spare/gpt-y"
    assert told["openai"]["error_share"] == 1.0 and told["openai"]["latency_ms"]["p75"] is None
    assert performance.of(world.other.workspace.id, "spare/gpt-y").samples == 0


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Move the time of the performance window."""
    yield lambda now: monkeypatch.setattr(book, "clock", lambda: now)


def test_what_is_older_than_five_minutes_does_not_count(
    proxy: Proxy, world: World, at: Callable[[float], None]
) -> None:
    at(1_800_000_000.0)
    ask(proxy, "spare/gpt-y")
    pulse.run()
    for later, samples in ((239.0, 1), (301.0, 0)):
        at(1_800_000_000.0 + later)
        pulse.run()
        assert performance.of(world.acme.workspace.id, "spare/gpt-y").samples == samples


def test_an_admin_has_it_tried_again(proxy: Proxy) -> None:
    break_down(proxy)
    for _ in range(5):
        ask(proxy)
    proxy.upstream.script("gpt-x", openai_completion("back"))
    provider_health.try_again(SYSTEM, proxy.tenant.workspace.id, proxy.openai_id)
    assert ask(proxy) == (200, "openai")
    actions = database.read(lambda session: list(session.scalars(select(AuditEvent.action))))
    assert "provider.try" in actions
