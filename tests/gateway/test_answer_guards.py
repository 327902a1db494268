"""Guardrails about answers through the doors: streams, pass-through, the cache, money, the log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.models import Reservation
from app.services import projects
from app.services.record_rows import content_allowed
from tests.gateway.passthrough_replies import response_events
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.money import USD, make_prepaid, mistakes, rows
from tests.providers_world import add_endpoint, set_price
from tests.upstream import Upstream
from tests.upstream_replies import (
    SSE,
    Reply,
    anthropic_events,
    anthropic_stream,
    openai_completion,
    openai_events,
    openai_stream,
    text_block,
)
from tests.world import World

SECRET = "AKIA" + "QX3Z7RT5WLN2MBVC"
PIECES = list(f"Key {SECRET}, yes.")
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 50, "stream": True}
MASKS = {"secrets": {"action": "mask", "on": "output"}}
BLOCKS = {"secrets": {"action": "block", "on": "output"}}
DOORS = [
    ("/v1/chat/completions", {**ASK, "model": "openai/up"}),
    ("/v1/chat/completions", {**ASK, "model": "anthropic/claude-up"}),
    ("/v1/messages", {**ASK, "model": "openai/up"}),
    ("/v1/messages", {**ASK, "model": "anthropic/claude-up"}),
    ("/v1/responses", {"model": "openai/up", "input": "Hi", "stream": True}),
    ("/v1/openai/chat/completions", {**ASK, "model": "up"}),
    ("/v1/openai/responses", {"model": "up-responses", "input": "Hi", "stream": True}),
    ("/v1/anthropic/messages", {**ASK, "model": "claude-up"}),
]


@pytest.fixture
def proxy(world: World, upstream: Upstream, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    monkeypatch.setattr(content_allowed, "allowed", True)
    made = make_proxy(world.acme, upstream, client)
    for model in ("openai/up", "anthropic/claude-up"):
        set_price(world.acme, model, input_usd_per_million="1", output_usd_per_million="10")
    return made


def guard(proxy: Proxy, rules: dict[str, Any], **gateway: Any) -> None:
    fields = {"guardrails": rules, "gateway": {"guard_passthrough": True, **gateway}, "log_content": True}
    projects.update(SYSTEM, proxy.tenant.workspace.id, proxy.tenant.project.id, fields)


def script(upstream: Upstream, *pieces: str) -> None:
    upstream.script("up", openai_stream(*pieces))
    upstream.script("claude-up", anthropic_stream(*pieces))
    upstream.script("up-responses", Reply(list(response_events(*pieces)), headers=SSE))


def test_a_streamed_secret_is_masked_at_every_door_for_the_client_and_for_the_log(proxy: Proxy) -> None:
    guard(proxy, MASKS)
    native = add_endpoint(proxy.tenant, "guarded", "openai/up"), {"message": "Hi", "stream": True}
    for path, body in [*DOORS, native]:
        script(proxy.upstream, *PIECES)
        answer = proxy.post(path, body)
        assert answer.status_code == 200 and "[Secret REDACTED]" in answer.text, path
        assert SECRET not in answer.text and SECRET[4:12] not in answer.text, path
        record = proxy.record
        assert record.outcome == "succeeded" and record.stream, path
        assert record.guardrails is not None and record.guardrails[-1]["outcome"] == "masked"
        kept = json.dumps(record.content)
        assert SECRET not in kept and "[Secret REDACTED]" in kept, path


def test_a_blocked_stream_is_paid_within_its_hold_and_ends_with_an_error(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    guard(proxy, BLOCKS)
    for path, body in DOORS[:4]:
        script(proxy.upstream, *PIECES)
        answer = proxy.post(path, body)
        assert answer.status_code == 200 and SECRET[:6] not in answer.text and "guardrail" in answer.text
        assert "[DONE]" not in answer.text and "message_stop" not in answer.text
        record = proxy.record
        assert (record.outcome, record.status, record.error_code) == ("rejected", 422, "guardrail_blocked")
        held = rows(Reservation, Reservation.created_at)[-1]
        assert 0 < held.charged_nano_usd == record.cost_nano_usd <= held.amount_nano_usd
    assert mistakes() == []


def test_a_buffered_answer_that_is_blocked_is_422_and_paid(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    guard(proxy, BLOCKS)
    for path, status in (
        ("/v1/chat/completions", 422),
        ("/v1/messages", 400),
        ("/v1/openai/chat/completions", 422),
    ):
        proxy.upstream.script("up", openai_completion(f"It is {SECRET}."))
        model = "up" if path.startswith("/v1/openai") else "openai/up"
        answer = proxy.post(path, {**ASK, "model": model, "stream": False})
        assert answer.status_code == status and SECRET not in answer.text and "secrets" in answer.text
        assert (proxy.record.outcome, proxy.record.cost_nano_usd) == ("rejected", 7 * 1_000 + 3 * 10_000)
        assert SECRET not in json.dumps(proxy.record.content)
    assert mistakes() == []


def test_who_leaves_while_text_is_held_pays_for_what_was_made(proxy: Proxy) -> None:
    make_prepaid(proxy.tenant, USD)
    guard(proxy, MASKS)
    proxy.upstream.script("up", openai_stream("Hello. ", SECRET[:9], SECRET[9:15], " and so on", gap=0.1))
    with proxy.client.post("/v1/chat/completions", json=DOORS[0][1], headers=proxy.tenant.headers) as answer:
        events = iter(answer.response)
        next(events), next(events)
    record = proxy.record
    assert record.outcome == "client_left" and record.guardrails is not None
    assert record.guardrails[0]["outcome"] == "not_evaluated" and 0 < (record.cost_nano_usd or 0)
    assert SECRET[:9] not in json.dumps(record.content) and mistakes() == []


def test_pass_through_is_untouched_unless_the_project_asks_for_guardrails(proxy: Proxy) -> None:
    guard(proxy, BLOCKS, guard_passthrough=False)
    for (path, body), events in zip(
        DOORS[5:],
        (openai_events(*PIECES), response_events(*PIECES), anthropic_events(text_block(*PIECES))),
        strict=True,
    ):
        sent = list(events)
        proxy.upstream.script(body["model"], Reply(list(sent), headers=SSE))
        body = {**body, "stream_options": {"include_usage": True}} if "chat" in path else body
        assert proxy.post(path, body).data == b"".join(sent)
        assert proxy.record.guardrails is None
    guard(proxy, BLOCKS)
    clean = list(openai_events("No", " sec", "ret."))
    proxy.upstream.script("up", Reply(list(clean), headers=SSE))
    body = {**DOORS[5][1], "stream_options": {"include_usage": True}}
    assert proxy.post(DOORS[5][0], body).data == b"".join(clean)


def test_an_answer_from_the_cache_is_guarded_by_the_rules_of_now(proxy: Proxy) -> None:
    guard(proxy, {}, cache_seconds=60)
    proxy.upstream.script("up", openai_completion(f"It is {SECRET}."))
    body = {**DOORS[0][1], "stream": False}
    assert SECRET in proxy.post(DOORS[0][0], body).text
    for rules, expected in ((MASKS, "[Secret REDACTED]"), (BLOCKS, "guardrail_blocked"), ({}, SECRET)):
        guard(proxy, rules, cache_seconds=60)
        answer = proxy.post(DOORS[0][0], body)
        assert expected in answer.text and proxy.record.cost_nano_usd == 0
    assert len(proxy.upstream.requests) == 1


def test_compared_models_are_guarded_one_by_one(proxy: Proxy) -> None:
    guard(proxy, BLOCKS)
    body = {"model": "compare", "models": ["openai/up", "openai/ok"], "messages": ASK["messages"]}
    for extra in ({}, {"stream": True}):
        make = openai_stream if extra else openai_completion
        proxy.upstream.script("up", make(f"It is {SECRET}."))
        proxy.upstream.script("ok", make("All is well."))
        answer = proxy.post("/v1/chat/completions", {**body, **extra})
        text = answer.text
        assert SECRET not in text and "All is well." in text and "guardrail_blocked" in text
        if not extra:
            told = answer.get_json()["sluice"]["compare"]
            assert [lane["cost_usd"] for lane in told] == ["0.000037", None], "what was made is paid"


def test_what_a_request_had_taken_out_is_put_back_in_the_answer_for_the_client_alone(proxy: Proxy) -> None:
    guard(proxy, {"pii": {"action": "redact", "kinds": ["email"]}})
    ask = {"messages": [{"role": "user", "content": "Write to ann@example.com"}], "max_tokens": 50}
    for path, body in DOORS[:4]:
        script(proxy.upstream, *"Sent to [[EMAIL_001]], and to bob@example.org.")
        answer = proxy.post(path, {**body, **ask})
        assert "ann@example.com" not in proxy.upstream.requests[-1].body.decode()
        assert "ann@example.com" in answer.text and "[[EMAIL" not in answer.text, path
        assert "[E-Mail REDACTED]" in answer.text and "@" not in json.dumps(proxy.record.content)
