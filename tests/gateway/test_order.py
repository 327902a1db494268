"""The order of a call's checks: who fails two of them hears of the earlier one, and the later one never ran.

Whatever refuses before the provider leaves it unasked, costs nothing, and holds nothing back (O38, P9).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.actors import SYSTEM
from app.models import ChatTurn, RecordRow, Reservation
from app.services import endpoints, keys, projects
from tests.forgetting import forget_everything
from tests.money import USD, account_of, make_prepaid, mistakes, rows, set_budget
from tests.providers_world import add_provider, records, set_price
from tests.upstream import Upstream
from tests.upstream_replies import error_reply, openai_completion
from tests.world import Tenant, World

MODEL = "up/up-model"
PRICE = {"input_usd_per_million": "1", "output_usd_per_million": "10"}
FORBIDDEN, LEAKED = "forbidden", "leaked"
ANSWER = '{"team": "billing"}'


@dataclass
class Scene:
    """A tenant whose endpoint `ticket` works, one call that has been answered, and the call under test."""

    tenant: Tenant
    client: FlaskClient
    upstream: Upstream
    door: str
    slug: str = "ticket"
    message: str = "Hi"
    answer: str = ANSWER
    is_down: bool = False
    surfaces: tuple[str, ...] = ("endpoints", "proxy")
    headers: dict[str, str] = field(default_factory=dict)
    guardrails: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoint_id: str = ""

    def __post_init__(self) -> None:
        """Make the endpoint; every call is counted and held, and leaves a turn of a session."""
        add_provider(self.tenant, self.upstream, "up")
        set_price(self.tenant, MODEL, **PRICE)
        make_prepaid(self.tenant, USD)
        self.save_project()
        fields = {"slug": self.slug, "model": MODEL, "session": {}, "max_output_tokens": 50}
        made = endpoints.create(SYSTEM, self.workspace_id, self.tenant.project.id, fields)
        self.endpoint_id = made.endpoint.id
        self.headers = dict(self.tenant.headers)

    @property
    def workspace_id(self) -> str:
        return self.tenant.workspace.id

    def save(self, **fields: Any) -> None:
        """Change the endpoint."""
        endpoints.save(SYSTEM, self.workspace_id, self.endpoint_id, fields)

    def save_project(self) -> None:
        """Change what the project serves, and the guardrails that hold in it, at every door."""
        fields = {"surfaces": list(self.surfaces), "guardrails": self.guardrails}
        projects.update(SYSTEM, self.workspace_id, self.tenant.project.id, fields)

    def guard(self, kind: str, **settings: Any) -> None:
        """Add to the project's guardrails; words join those that are there."""
        words = [*self.guardrails.get(kind, {}).get("words", ()), *settings.pop("words", ())]
        self.guardrails[kind] = {**settings, **({"words": words} if words else {})}
        self.save_project()

    def call(self) -> TestResponse:
        """Send the call through the door, to a provider that answers as it is told to."""
        reply = error_reply(500, self.answer) if self.is_down else openai_completion(self.answer)
        self.upstream.script("up-model", reply)
        path, body = {
            "native": (f"/api/{self.tenant.project.id}/{self.slug}", {"message": self.message}),
            "project": (f"/api/{self.tenant.project.id}/v1/chat/completions", self.chat(self.slug)),
            "v1": ("/v1/chat/completions", self.chat(MODEL if self.slug == "ticket" else "up/")),
        }[self.door]
        return self.client.post(path, json=body, headers=self.headers)

    def chat(self, model: str) -> dict[str, Any]:
        """Return the body of an OpenAI client."""
        messages = [{"role": "user", "content": self.message}]
        return {"model": model, "messages": messages, "max_tokens": 50}


def nothing(scene: Scene) -> None:
    """Do nothing: what came before is enough."""


@dataclass(frozen=True, slots=True)
class Step:
    """One check: how to fail it, what is then answered, and the part of the call's time it counts under.

    `before` happens before the first, answered call, as using up a limit must. `elsewhere`: other statuses by
    door. `asks`: how many questions providers have got by then.
    """

    name: str
    fail: Callable[[Scene], object]
    status: int
    code: str
    part: str
    elsewhere: Mapping[str, int] = field(default_factory=dict)
    asks: int = 0
    before: Callable[[Scene], object] = nothing
    doors: tuple[str, ...] = ("native", "project", "v1")


def be_nobody(scene: Scene) -> None:
    scene.headers["Authorization"] = "Bearer sk-sluice-nobody"


def name_it(scene: Scene) -> None:
    scene.headers["Idempotency-Key"] = "once"


def raise_price(scene: Scene) -> None:
    set_price(scene.tenant, MODEL, input_usd_per_million="900000", output_usd_per_million="900000")


def close_surface(scene: Scene) -> None:
    scene.surfaces = ("endpoints",) if scene.door == "v1" else ("proxy",)
    scene.save_project()


def ask_for_nobody(scene: Scene) -> None:
    scene.slug = "nobody"


def limit_key(scene: Scene) -> None:
    keys.update(SYSTEM, scene.workspace_id, scene.tenant.key.id, {"limits": {"requests_per_minute": 1}})


def change_message(scene: Scene) -> None:
    scene.message = f"{scene.message} again"


def spend_budget(scene: Scene) -> None:
    set_budget(scene.tenant, "project", scene.tenant.project.id, "request", usd=1)


def say_forbidden(scene: Scene) -> None:
    scene.guard("keywords", words=[FORBIDDEN], action="block", on="both")
    scene.message = f"{scene.message}, {FORBIDDEN}"


def ask_judge(scene: Scene) -> None:
    set_price(scene.tenant, "up/judge", **PRICE)
    scene.upstream.script("judge", openai_completion('{"breaks_rule": true}'))
    scene.guard("judge", rule="says hello", model="up/judge", action="block", on="input")


def go_down(scene: Scene) -> None:
    scene.is_down = True


def leak(scene: Scene) -> None:
    scene.guard("keywords", words=[LEAKED], action="block", on="both")
    scene.answer = f"{LEAKED}: {scene.answer}"


def answer_badly(scene: Scene) -> None:
    scene.save(output_schema={"type": "object", "required": ["team"]})
    scene.answer = scene.answer.replace(ANSWER, "Nothing that could be mended")


def ask_for_topic(scene: Scene) -> None:
    scene.save(variables=[{"name": "topic", "type": "string", "required": True}])


def ask_for_customer(scene: Scene) -> None:
    scene.save(input_schema={"type": "object", "required": ["customer"]})


def close_endpoint(scene: Scene) -> None:
    scene.save(guardrails={"addresses": {"allow": ["192.0.2.0/24"]}})


def close_gate(scene: Scene) -> None:
    scene.guard("addresses", allow=["192.0.2.0/24"])


AT_ENDPOINTS = ("native", "project")
AUTH = Step("auth", be_nobody, 401, "invalid_api_key", "auth")
SURFACE = Step("surface", close_surface, 400, "wrong_project_type", "auth")
ADDRESSES = Step("addresses", close_gate, 403, "address_not_allowed", "auth")
TARGET = Step("target", ask_for_nobody, 404, "not_found", "target", doors=AT_ENDPOINTS)
GATE = Step("endpoint's gate", close_endpoint, 403, "address_not_allowed", "target", doors=AT_ENDPOINTS)
RATE = Step("rate limit", nothing, 429, "rate_limit_exceeded", "admission", before=limit_key)
IDEMPOTENCY = Step("idempotency", change_message, 422, "invalid_input", "hold", before=name_it)
BUDGET = Step("budget", spend_budget, 422, "budget_exceeded", "hold", {"project": 402, "v1": 402})
BALANCE = Step("balance", raise_price, 402, "insufficient_balance", "hold")
JUDGE = Step("judge", ask_judge, 422, "guardrail_blocked", "guardrails", asks=1)
GUARDRAIL = Step("guardrail", say_forbidden, 422, "guardrail_blocked", "guardrails")
VARIABLES = Step("variables", ask_for_topic, 422, "invalid_input", "schema", doors=AT_ENDPOINTS)
INPUT = Step("input schema", ask_for_customer, 422, "input_schema_invalid", "schema", doors=AT_ENDPOINTS)
PROVIDER = Step("provider", go_down, 502, "provider_error", "upstream", {"v1": 500}, asks=1)
LEAK = Step("output guardrail", leak, 422, "guardrail_blocked", "upstream", asks=1)
OUTPUT = Step("output schema", answer_badly, 502, "output_schema_invalid", "upstream", doors=AT_ENDPOINTS)

PARTS = (
    "auth", "parse", "target", "admission", "prompt", "hold", "guardrails", "schema", "upstream", "stream"
)  # fmt: skip
EVERY = (
    AUTH, SURFACE, ADDRESSES, TARGET, RATE, IDEMPOTENCY, BUDGET, GUARDRAIL, VARIABLES, PROVIDER, LEAK, OUTPUT
)  # fmt: skip
OTHERS = (SURFACE, GATE, RATE, IDEMPOTENCY, BALANCE, GUARDRAIL, JUDGE, INPUT, PROVIDER, LEAK, OUTPUT)
ORDERS = (("native", EVERY), ("v1", EVERY), ("native", OTHERS), ("project", OTHERS))


def pairs() -> list[Any]:
    """Return each step with the one after it, where the door has both."""
    found = {}
    for door, order in ORDERS:
        for first, second in pairwise([step for step in order if door in step.doors]):
            found[f"{first.name} before {second.name}, {door}"] = (first, second, door)
    return [pytest.param(*each, id=name) for name, each in found.items()]


@pytest.mark.parametrize(("first", "second", "door"), pairs())
def test_the_earlier_error_is_told_and_the_later_step_never_runs(
    first: Step, second: Step, door: str, world: World, client: FlaskClient, upstream: Upstream
) -> None:
    scene = Scene(world.acme, client, upstream, door)
    for step in (first, second):
        step.before(scene)
    assert scene.call().status_code == 200
    balance, turns, asked = account_of(scene.tenant).balance_nano_usd, rows(ChatTurn), len(upstream.requests)
    for step in (second, first):
        step.fail(scene)
    forget_everything()  # what the workers remember is tested elsewhere
    response = scene.call()
    assert response.status_code == first.elsewhere.get(door, first.status), response.text
    if first is not AUTH:  # who is not known leaves no record
        check_record(records()[-1], first)
    assert len(upstream.requests) == asked + first.asks
    if first.part != "upstream":
        assert account_of(scene.tenant).balance_nano_usd == balance
        assert len(rows(ChatTurn)) == len(turns)
    assert {row.state for row in rows(Reservation)} <= {"settled", "voided"}
    assert mistakes() == []


def check_record(record: RecordRow, step: Step) -> None:
    """Expect the record of a call that ended at this step."""
    assert str(record.error_code).endswith(step.code)
    later = PARTS[PARTS.index(step.part) + 1 :]
    assert not set(later) & set(record.steps), record.steps
    if step is LEAK:  # the answer was made, so it is paid for
        assert record.outcome == "rejected" and record.cost_nano_usd
    elif step is PROVIDER:
        assert (record.outcome, record.cost_nano_usd) == ("failed", 0)
    else:
        assert (record.outcome, record.cost_nano_usd, record.attempts) == ("refused", 0, [])
