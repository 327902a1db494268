"""Plugins in every state, and what one of them remembers."""

from __future__ import annotations

from app.database import database
from app.domain.actors import SYSTEM
from app.models import Memory
from app.services import plugin_settings
from tests.world import World


def fill_plugins(world: World) -> None:
    """Set some plugins up, one of them switched off, and remember something of a user."""
    acme = world.acme
    pictures = {"url": "https://images.example.com/v1", "secret": "sk-images-0001"}
    settings = {
        "web-search": {"url": "https://search.example.com"},
        "gutenberg": {"url": "https://books.example.com", "active": False},
        "image-gen": {**pictures, "options": {"usd_per_image": "0.04"}},
        "memory": {},
    }
    for name, fields in settings.items():
        plugin_settings.set_up(SYSTEM, acme.workspace.id, name, fields)
    owner = {"workspace_id": acme.workspace.id, "project_id": acme.project.id}
    row = Memory(**owner, end_user="customer-4711", content="I prefer answers with the numbers first.")
    database.transaction(lambda session: session.add(row))
