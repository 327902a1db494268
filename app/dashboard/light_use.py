"""How applications of light mode ask for advice and report their calls: addresses and code to copy."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g

from app.dashboard.addresses import public_root
from app.dashboard.auth import actor
from app.domain.light.snippets import ADVICE, KEY_VARIABLE, REQUESTS, ROOT_VARIABLE, LightCall, snippets
from app.domain.snippets import Snippet
from app.models import Project
from app.services import policies

SAMPLE_POLICY, SAMPLE_MODEL = "support_chat", "openai/gpt-4o-mini"


@dataclass(frozen=True, slots=True)
class LightUse:
    """Both addresses, the variables that the samples read, and the samples; `has_policy`: there is one."""

    advice: str
    requests: str
    variables: str
    samples: tuple[Snippet, ...]
    has_policy: bool


def use_of(project: Project) -> LightUse | None:
    """Return how to use light mode; None where the project has no such route."""
    if "light" not in project.surfaces:
        return None
    found = policies.list_all(actor(), g.workspace.id, project.id)
    return sample(public_root(), found[0].policy.key if found else "")


def sample(root: str, policy_key: str = "") -> LightUse:
    """Return the same for a policy; without one, for an example."""
    call = LightCall(root, policy_key or SAMPLE_POLICY, SAMPLE_MODEL)
    variables = f"export {ROOT_VARIABLE}='{root}'\nexport {KEY_VARIABLE}='…'"
    return LightUse(f"{root}{ADVICE}", f"{root}{REQUESTS}", variables, snippets(call), bool(policy_key))
