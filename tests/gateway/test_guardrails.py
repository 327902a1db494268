"""Guardrails through the doors: what they stop, what they mask, what the receipt says of it."""

from __future__ import annotations

from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.services import endpoints
from tests.world import Tenant, World


def guard(tenant: Tenant, **settings: object) -> None:
    """Set the guardrails of the tenant's endpoint."""
    fields = {"guardrails": settings}
    endpoints.save(SYSTEM, tenant.workspace.id, tenant.endpoint.id, fields)


def test_a_blocked_word_is_refused_by_the_name_of_the_rule(client: FlaskClient, world: World) -> None:
    guard(world.acme, keywords={"action": "block", "words": ["Voldemort"]})
    response = client.post(world.acme.url, json={"message": "Who is voldemort?"}, headers=world.acme.headers)
    assert response.status_code == 422
    assert "keywords" in response.get_json()["error"]
    assert "voldemort" not in response.get_data(as_text=True).lower()


def test_what_breaks_no_rule_is_answered(client: FlaskClient, world: World) -> None:
    guard(world.acme, keywords={"action": "block", "words": ["Voldemort"]})
    response = client.post(world.acme.url, json={"message": "Who is Harry?"}, headers=world.acme.headers)
    assert response.status_code == 200
