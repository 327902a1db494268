"""An endpoint and a policy at the scripted upstream, each with a new version that can be rolled out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.actors import SYSTEM
from app.models import Endpoint, RecordRow, Rollout
from app.services import endpoints, projects, rollouts
from tests.providers_world import add_provider, records, set_price
from tests.upstream import Upstream
from tests.world import Tenant

SHADOW = {"state": "SHADOW"}


@dataclass(frozen=True, slots=True)
class Place:
    """An endpoint `talk`: its version 1 asks the model `old`, version 2 asks `new`, ten times as dear."""

    tenant: Tenant
    upstream: Upstream
    client: FlaskClient
    endpoint: Endpoint

    def start(self, **fields: Any) -> Rollout:
        """Begin to roll version 2 out."""
        return rollouts.start(
            SYSTEM, self.tenant.workspace.id, "endpoint", self.endpoint.id, 2, fields or {"share": 50}
        )

    def share(self, rollout: Rollout, percent: int) -> None:
        """Give the new version to so many."""
        rollouts.set_share(SYSTEM, self.tenant.workspace.id, rollout.id, {"share": percent})

    def post(self, body: Any = None, path: str = "", **headers: str) -> TestResponse:
        """Call it and read the whole answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path = path or f"/api/{self.tenant.project.id}/talk"
        body = {"message": "Hi"} if body is None else body
        response = self.client.post(path, json=body, headers={**self.tenant.headers, **named})
        response.get_data()
        return response

    def arm(self, body: Any = None, path: str = "", **headers: str) -> str:
        """Call it and return which side answered, as the headers say."""
        response = self.post(body, path, **headers)
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.headers["X-Sluice-Rollout"].split(";")[0]

    @property
    def models(self) -> list[str]:
        """Which models the provider was asked for."""
        return [request.json["model"] for request in self.upstream.requests]


def make_place(tenant: Tenant, upstream: Upstream, client: FlaskClient, **fields: Any) -> Place:
    """Make the endpoint with both versions; `fields` are of both."""
    workspace_id, project_id = tenant.workspace.id, tenant.project.id
    projects.update(SYSTEM, workspace_id, project_id, {"surfaces": ["endpoints", "proxy"]})
    add_provider(tenant, upstream, "up")
    set_price(tenant, "up/old", input_usd_per_million="1", output_usd_per_million="2")
    set_price(tenant, "up/new", input_usd_per_million="10", output_usd_per_million="20")
    values = {"slug": "talk", "model": "up/old", "streaming_enabled": True, "max_output_tokens": 50, **fields}
    view = endpoints.create(SYSTEM, workspace_id, project_id, values)
    endpoints.save(SYSTEM, workspace_id, view.endpoint.id, {"model": "up/new"}, publish=False)
    return Place(tenant, upstream, client, view.endpoint)


def apart() -> tuple[list[RecordRow], list[RecordRow]]:
    """Return the records of calls that somebody made, and of those in shadow."""
    rows = records()
    return [r for r in rows if r.source != "shadow"], [r for r in rows if r.source == "shadow"]
