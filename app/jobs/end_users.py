"""Erasing of end users that takes longer than anybody waits for."""

from __future__ import annotations

from app.services import erasures


def erase(workspace_id: str, name: str, project_id: str, account_id: str) -> None:
    """Go on with an erasure; it calls this job again until nothing is left."""
    erasures.go_on(workspace_id, name, project_id, account_id)
