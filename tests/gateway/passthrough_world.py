"""A project that serves the proxy, with an OpenAI and an Anthropic provider at the scripted upstream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.actors import SYSTEM
from app.models import RecordRow
from app.services import projects
from tests.providers_world import add_provider, records
from tests.upstream import Upstream
from tests.world import Tenant

BODY: dict[str, Any] = {"model": "gpt-x", "messages": [{"role": "user", "content": "Tell me a joke."}]}
MESSAGE: dict[str, Any] = {**BODY, "model": "claude-x", "max_tokens": 50}


@dataclass(frozen=True, slots=True)
class Proxy:
    """The tenant's proxy, its upstream, and a client that holds the key."""

    tenant: Tenant
    upstream: Upstream
    client: FlaskClient
    openai_id: str
    anthropic_id: str

    def post(self, path: str, body: Any, **headers: str) -> TestResponse:
        """Send a body with the tenant's key and read the whole answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = {"data": body} if isinstance(body, bytes) else {"json": body}
        response = self.client.post(path, headers={**self.tenant.headers, **named}, **content)
        response.get_data()
        return response

    def get(self, path: str) -> TestResponse:
        """Ask with the tenant's key."""
        return self.client.get(path, headers=self.tenant.headers)

    @property
    def record(self) -> RecordRow:
        """The last call's record."""
        return records()[-1]


def make_proxy(tenant: Tenant, upstream: Upstream, client: FlaskClient) -> Proxy:
    """Let the tenant's project serve both surfaces and add both providers."""
    projects.update(SYSTEM, tenant.workspace.id, tenant.project.id, {"surfaces": ["endpoints", "proxy"]})
    openai_id = add_provider(tenant, upstream, "openai", "sk-upstream-secret-0001", "sk-upstream-secret-0002")
    anthropic_id = add_provider(tenant, upstream, "anthropic", dialect="anthropic")
    return Proxy(tenant, upstream, client, openai_id, anthropic_id)
