"""Finds what a call on a project's own OpenAI address is for: an endpoint, an alias or a model (P28)."""

from __future__ import annotations

from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.errors import ModelNotFound, NotFound
from app.domain.targets import Target
from app.services import lineups, model_targets, targets

BY_MODEL = "proxy"  # the surface of calls that name any model


def find(caller: Caller, call: Call, *, fresh: bool = False) -> Target:
    """Return the endpoint that the body names, else the models of the alias; raise ModelNotFound.

    A model can be named with its provider where the project serves calls by model as well.
    """
    try:
        return targets.find(caller, call, fresh=fresh)
    except NotFound as error:
        name = call.body.get("model")
        is_model = BY_MODEL in caller.surfaces and ("/" in str(name) or ":" in str(name))
        is_alias = name in lineups.find(caller, fresh=fresh).aliases
        if caller.endpoints is not None or not (is_alias or is_model):
            raise ModelNotFound(error.message, param="model") from None
    return model_targets.find(caller, call, fresh=fresh)
