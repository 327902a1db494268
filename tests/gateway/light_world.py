"""A project with proxy and light mode, one policy, and how its doors are asked."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from app.database import database
from app.domain.actors import SYSTEM
from app.extensions import db
from app.services import policies, projects
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.upstream import Upstream
from tests.world import Tenant

ADVICE, REQUESTS = "/runtime/light/advice", "/runtime/light/requests"
MODEL, CHEAP, AWAY = "openai/gpt-4o", "openai/gpt-4o-mini", "groq/llama-3.3-70b-versatile"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
HEADERS = {"x_kagu_user_id": "user_123", "x_kagu_policy_key": "Support_Chat"}
RULES = [
    {
        "label": "No trials",
        "when": {"trial_status": "EXPIRED"},
        "action": "BLOCK",
        "message": "Please upgrade.",
    },
    {"label": "Free users", "when": {"plan": "free"}, "action": "DOWNGRADE", "models": [CHEAP]},
    {"label": "Stand in", "when": {"region": "eu"}, "action": "FALLBACK", "models": [CHEAP]},
    {
        "label": "Far away",
        "when": {"country": "nz"},
        "action": "DOWNGRADE",
        "models": ["groq/llama-3.3-70b-versatile"],
    },
]
WHO = {"userId": "user_123", "policyKey": "Support_Chat"}
ASKED = {**WHO, "requestedProvider": "OPENAI", "requestedModel": "gpt-4o"}


def make_light(tenant: Tenant, upstream: Upstream, client: FlaskClient) -> Proxy:
    """Let the tenant's project serve light mode, too, with a policy `support_chat`."""
    made = make_proxy(tenant, upstream, client)
    where = SYSTEM, tenant.workspace.id, tenant.project.id
    projects.update(*where, {"surfaces": ["proxy", "light"]})
    policies.create(*where, {"key": "support_chat", "rules": RULES})
    return made


def advice(proxy: Proxy, **more: Any) -> dict[str, Any]:
    """Ask for advice and return it."""
    response = proxy.post(ADVICE, {**ASKED, **more})
    assert response.status_code == 200, response.get_json()
    return response.get_json()  # type: ignore[no-any-return]


def report(proxy: Proxy, answered: int = 202, **more: Any) -> dict[str, Any]:
    """Report a call and return the answer."""
    response = proxy.post(REQUESTS, {**ASKED, "promptTokens": 1_000, "completionTokens": 100, **more})
    assert response.status_code == answered, response.get_json()
    return response.get_json()  # type: ignore[no-any-return]


def everything(*, but: tuple[type, ...] = ()) -> dict[str, list[Any]]:
    """Return every row of every table."""
    left = [table for table in db.metadata.sorted_tables if table.name not in {m.__tablename__ for m in but}]
    return database.read(lambda s: {t.name: sorted(map(repr, s.execute(select(t)))) for t in left})
