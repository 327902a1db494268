"""The demo project of a new workspace: an endpoint that works before any provider key exists."""

from __future__ import annotations

from app.domain.actors import Actor
from app.models import Project
from app.services import endpoints, projects

PROJECT = {"name": "Demo", "surfaces": ["endpoints"]}
SLUG = "hello"
ENDPOINT = {
    "slug": SLUG,
    "name": "Hello",
    "description": "Answers a first message. Change its prompt and model, or make your own beside it.",
    "model": "demo/demo-fast",
    "prompt": "You welcome people to a new place. Answer warmly and plainly, in two or three sentences.",
    "streaming_enabled": True,
}


def create(actor: Actor, workspace_id: str) -> Project:
    """Make the demo project with its endpoint; join the caller's transaction."""
    project = projects.create(actor, workspace_id, PROJECT)
    endpoints.create(actor, workspace_id, project.id, ENDPOINT, "Made with the workspace")
    return project
