"""A workspace that looks lived in: providers, endpoints with versions, keys, and a day of calls."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.database import database
from app.domain.pricing import Price, cost_nano_usd
from app.domain.usage import Usage
from app.models import Endpoint, Key, Project, Workspace
from app.services import credentials, endpoints, invitations, keys, model_rows, projects, providers, records
from tests.world import Tenant, World, actor_of

SECRET = "sk-upstream-secret-0001"
MINI, HAIKU, DEMO = "openai/gpt-4o-mini", "anthropic/claude-haiku-4-5", "demo/demo-fast"
PRICES = {
    MINI: (150_000_000, 600_000_000),
    HAIKU: (1_000_000_000, 5_000_000_000),
    DEMO: (100_000_000, 400_000_000),
}
STEPS = {"auth": 61, "parse": 48, "target": 22, "admission": 35, "prompt": 19}
ENDPOINTS: tuple[tuple[str, str, str, str, str], ...] = (
    ("answer-ticket", "Answer a ticket", "Drafts the first reply to a customer.", HAIKU, MINI),
    ("summarize", "Summarize", "Two sentences for the morning report.", MINI, HAIKU),
    ("translate-de", "Translate to German", "", MINI, DEMO),
    ("sort-mail", "Sort mail", "Says which team a mail is for.", DEMO, MINI),
)
WEIGHTS = (9, 6, 3, 2)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made a call."""

    key: Key
    project: Project


def fill(world: World, calls: int = 240) -> None:
    """Fill Acme with a day of work."""
    workspace, owner = world.acme.workspace, actor_of(world.owner)
    for slug in ("openai", "anthropic"):
        add_provider(world, slug)
    providers.create(
        owner, workspace.id, {"slug": "mistral", "vendor": "mistral", "name": "Mistral"} | MISTRAL
    )
    price = {"input_usd_per_million": "0.30", "output_usd_per_million": "1.20"}
    model_rows.set_row(owner, workspace.id, "openai/our-fine-tune", price)
    for email, role in (("kim@acme.test", "editor"), ("guest@partner.test", "viewer")):
        invitations.create(owner, workspace.id, {"email": email, "role": role})
    made = [make_endpoint(world, *row) for row in ENDPOINTS]
    callers = make_keys(world)
    projects.create(owner, workspace.id, {"name": "Research"})
    rows = list(rows_of(workspace, world.acme, made, callers, calls))
    database.transaction(lambda session: records.write_rows(session, rows))


MISTRAL = {"dialect": "openai", "base_url": "https://api.mistral.ai/v1"}
ADDRESSES = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}


def add_provider(world: World, slug: str) -> None:
    """Add one of the vendors, with a key."""
    owner, workspace = actor_of(world.owner), world.acme.workspace
    name = {"openai": "OpenAI", "anthropic": "Anthropic"}[slug]
    fields = {"slug": slug, "name": name, "dialect": slug, "vendor": slug, "base_url": ADDRESSES[slug]}
    provider = providers.create(owner, workspace.id, fields | {"zdr": True})
    for credential in ("main", "reserve"):
        fields = {"name": credential, "secret": SECRET + credential}
        credentials.create(owner, workspace.id, provider.id, fields)


def make_endpoint(world: World, slug: str, name: str, description: str, model: str, second: str) -> Endpoint:
    """Make an endpoint and change it once."""
    actor, acme = actor_of(world.teammate), world.acme
    fields = {
        "slug": slug,
        "name": name,
        "description": description,
        "model": model,
        "failover": [second],
        "prompt": "You work for Acme.\nAnswer briefly and kindly.\nNever promise a refund.",
        "user_prompt_template": "From a customer:\n{{input}}",
        "temperature": 0.2,
        "streaming_enabled": True,
    }
    view = endpoints.create(actor, acme.workspace.id, acme.project.id, fields)
    changed = {"prompt": "You work for Acme.\nAnswer in at most three sentences.\nNever promise a refund.\n"}
    note = "Shorter answers"
    endpoints.save(
        actor, acme.workspace.id, view.endpoint.id, fields | changed | {"temperature": 0.4}, note=note
    )
    return view.endpoint


def make_keys(world: World) -> list[Caller]:
    """Make keys in every state; return those that call."""
    actor, acme = actor_of(world.teammate), world.acme
    soon = datetime.now(UTC) + timedelta(days=20)
    made = [
        keys.create(actor, acme.workspace.id, acme.project.id, {"name": name, "expires_at": expires}).key
        for name, expires in (("website", None), ("support desk", soon), ("old laptop", None))
    ]
    keys.revoke(actor, acme.workspace.id, made[2].id)
    return [Caller(key, acme.project) for key in made[:2]]


def rows_of(
    workspace: Workspace, acme: Tenant, made: list[Endpoint], callers: list[Caller], calls: int
) -> Iterator[dict[str, Any]]:
    """Yield a day of records, busier by day than by night."""
    chance = random.Random(7)
    now = datetime.now(UTC)
    for _ in range(calls):
        at = now - moment(chance)
        endpoint = chance.choices(made, WEIGHTS)[0]
        model, second = next(row[3:] for row in ENDPOINTS if row[0] == endpoint.slug)
        caller = chance.choices(callers, (3, 2))[0]
        yield {
            "id": str(
                uuid.UUID(int=(int(at.timestamp() * 1000) << 80) | 7 << 76 | 2 << 62 | chance.getrandbits(60))
            ),
            "created_at": at,
            "workspace_id": workspace.id,
            "account_id": None,
            "project_id": acme.project.id,
            "key_id": caller.key.id,
            "caller_label": caller.key.name,
            "endpoint_id": endpoint.id,
            "endpoint_version": 2,
            "endpoint_slug": endpoint.slug,
            "surface": "native",
            "source": "api",
            "client_request_id": None,
            "stream": endpoint.slug != "sort-mail",
            "model_requested": model,
            "content": None,
            **story(chance, model, second),
        }


def moment(chance: random.Random) -> timedelta:
    """Return how long ago a call was: most in a hump eight to fourteen hours wide."""
    while True:
        hours = chance.uniform(0, 23.9)
        if chance.random() < 0.18 + 0.82 * math.exp(-((hours - 6.5) ** 2) / 22):
            return timedelta(hours=hours)


def story(chance: random.Random, model: str, second: str) -> dict[str, Any]:
    """Return how a call went: answered, by the second model, refused, cut or failed."""
    luck = chance.random()
    if luck < 0.93:
        return answered(chance, [attempt(model, "answered", "", chance.randint(320, 900))], model)
    if luck < 0.97:
        failed = attempt(model, "failed", "503 Service Unavailable", chance.randint(900, 4000))
        return answered(chance, [failed, attempt(second, "answered", "", chance.randint(300, 800))], second)
    if luck < 0.985:
        failed = [attempt(m, "timed_out", "", 30_000) for m in (model, second)]
        error = {"error_code": "bad_gateway", "error_message": "No model could answer."}
        return unanswered(failed, "failed", 502, 60_012) | error
    return answered(chance, [attempt(model, "answered", "", 400)], model) | {
        "outcome": "client_left",
        "status": 499,
        "finish_reason": None,
        "estimated": True,
    }


def attempt(model: str, status: str, reason: str, milliseconds: int) -> dict[str, Any]:
    """Return one try as the record keeps it."""
    provider = model.split("/")[0]
    return {
        "model_id": model,
        "provider": provider,
        "credential": "" if provider == "demo" else "main",
        "status": status,
        "reason": reason,
        "milliseconds": milliseconds,
    }


def answered(chance: random.Random, attempts: list[dict[str, Any]], model: str) -> dict[str, Any]:
    """Return the columns of an answer, priced."""
    usage = Usage(input_tokens=chance.randint(180, 2400), output_tokens=chance.randint(40, 520))
    price = Price(*PRICES[model])
    waited = sum(each["milliseconds"] for each in attempts)
    streamed = usage.output_tokens * 9
    frozen = {"input": PRICES[model][0], "output": PRICES[model][1], "multipliers_ppm": [1_000_000]}
    return {
        "outcome": "succeeded",
        "status": 200,
        "error_code": None,
        "error_message": None,
        "model_answered": model.split("/")[1],
        "provider": model.split("/")[0],
        "attempts": attempts,
        "finish_reason": "stop",
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "estimated": False,
        "cost_nano_usd": cost_nano_usd(usage, price, ()),
        "price": frozen | {"cache_read": None, "cache_write": None},
        "steps": STEPS | {"upstream": waited * 1000, "stream": streamed * 1000},
        "first_token_ms": waited + 1,
        "duration_ms": waited + streamed,
    }


def unanswered(attempts: list[dict[str, Any]], outcome: str, status: int, duration: int) -> dict[str, Any]:
    """Return the columns of a call that nobody answered."""
    nothing = dict.fromkeys(("model_answered", "provider", "finish_reason", "price", "first_token_ms"))
    tokens = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
    return {
        **nothing,
        **dict.fromkeys(tokens, 0),
        "outcome": outcome,
        "status": status,
        "attempts": attempts,
        "estimated": False,
        "cost_nano_usd": 0,
        "steps": STEPS | {"upstream": duration * 1000},
        "duration_ms": duration,
    }
