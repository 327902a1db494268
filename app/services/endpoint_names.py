"""Finds what a call on a project's own OpenAI address is for: an endpoint by its slug, or an alias (P28)."""

from __future__ import annotations

from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.errors import NotFound
from app.domain.targets import Target
from app.services import lineups, model_targets, targets


def find(caller: Caller, call: Call, *, fresh: bool = False) -> Target:
    """Return the endpoint that the body names, else the models of the alias; raise NotFound."""
    try:
        return targets.find(caller, call, fresh=fresh)
    except NotFound:
        name = call.body.get("model")
        if caller.endpoints is not None or name not in lineups.find(caller, fresh=fresh).aliases:
            raise
    return model_targets.find(caller, call, fresh=fresh)
