"""What a person sees of guardrails before a call: what stands above a level, a text put to its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.guardrails.guarding import Verdict
from app.domain.guardrails.levels import Level, given
from app.domain.guardrails.rules import Rule
from app.domain.guardrails.settings import Settings, merged
from app.services import access, guardrail_levels, guardrail_settings, projects
from app.services.guardrail_looks import Look, NotJudged, stops

MOST_CHARACTERS = 20_000
NOT_ASKED = "it is not asked here; each call asks it"


@dataclass(frozen=True, slots=True)
class Trial:
    """What the rules say of a text. `masked`: the text as it would go on; None: it would not."""

    verdicts: tuple[Verdict, ...]
    masked: str | None


def above(actor: Actor, workspace_id: str, project_id: str | None = None) -> list[Level]:
    """Return what stands above a project; with one, what stands above its endpoints and keys."""

    def work(session: Session) -> list[Level]:
        access.require(session, actor, workspace_id, "viewer")
        if project_id is None:
            return guardrail_levels.of_workspace(session, workspace_id)
        projects.owned(session, workspace_id, project_id)
        return guardrail_levels.of_project(session, workspace_id, project_id)

    return database.read(work)


def put(levels: Sequence[Level], own: Mapping[str, Any], text: str, side: str) -> Trial:
    """Return what rules as typed say of a text, below those above; raise InvalidFields. Nothing is kept."""
    settings = given({"guardrails": own})
    return judged([*(settings for _whose, settings in levels), settings], text[:MOST_CHARACTERS], side)


def judged(layers: Sequence[Settings], text: str, side: str) -> Trial:
    """Return what the merged rules of one side say of a text."""
    guards = guardrail_settings.guards_of(merged(layers))
    screen = guards.input if side == "input" else guards.output
    look = Look(screen, side, [text], {})
    verdicts, stopped = list[Verdict](), False
    for rule in screen.rules:
        if stopped or rule.kind == "judge":
            verdicts.append(look.said(rule, "not_evaluated", detail="" if stopped else NOT_ASKED))
        else:
            verdicts.append(look.verdict(rule, never))
            stopped = stops(rule, verdicts[-1])
    return Trial(tuple(verdicts), None if stopped else look.masked[0])


def never(rule: Rule, text: str) -> bool:
    """Stand for a judge that is not asked."""
    raise NotJudged(NOT_ASKED)
