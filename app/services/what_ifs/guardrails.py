"""Past requests under other guardrails: what would have been stopped, masked or flagged in what was kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain import client_texts
from app.domain.endpoints import parse_config
from app.domain.errors import InvalidInput, NotFound
from app.domain.fields import text
from app.domain.guardrails.guarding import Verdict
from app.domain.guardrails.levels import given
from app.domain.guardrails.screens import Screen
from app.domain.guardrails.settings import Settings
from app.domain.ids import is_uuid
from app.domain.replays import asked_of
from app.domain.what_ifs import NO_CONTENT, Cost, Difference, Fate, Logged
from app.models import Endpoint, EndpointVersion, Project, RecordRow
from app.services import guardrail_settings
from app.services.callers import layers_of
from app.services.guardrail_looks import Look, searched, stops
from app.services.guardrail_settings import Guards
from app.services.guardrail_trials import never
from app.services.what_ifs import samples
from app.services.what_ifs.samples import Scene

WORKSPACE, PROJECT, ENDPOINT = LEVELS = ("workspace", "project", "endpoint")
ACTS = ("masked", "redacted", "flagged", "would_block")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a level would say in place of what stands there. `endpoint_id`: whose, at that level."""

    level: str
    settings: Settings
    endpoint_id: str = ""


def parse(fields: Mapping[str, Any]) -> Proposal:
    """Check what is proposed; raise InvalidFields."""
    level = text(fields, "level", most=16) or WORKSPACE
    if level not in LEVELS:
        raise InvalidInput(f"Choose from: {', '.join(LEVELS)}.", param="level")
    endpoint_id = text(fields, "endpoint_id", most=64)
    if (level == ENDPOINT) != bool(endpoint_id) or (endpoint_id and not is_uuid(endpoint_id)):
        raise InvalidInput("Say which endpoint's rules these are.", param="endpoint_id")
    return Proposal(level, given(fields), endpoint_id)


class Levels:
    """What the levels would say together for a request; each mixture is made ready once."""

    def __init__(self, scene: Scene, proposal: Proposal) -> None:
        workspace, project = scene.workspace.guardrails, scene.project.guardrails
        workspace = proposal.settings if proposal.level == WORKSPACE else workspace
        project = proposal.settings if proposal.level == PROJECT else project
        self._scene, self._shared = scene, layers_of(workspace, project)
        self._endpoints = database.read(partial(endpoint_settings, project=scene.project))
        if proposal.level == ENDPOINT:
            if proposal.endpoint_id not in self._endpoints:
                raise NotFound("There is no such endpoint.", param="endpoint_id")
            self._endpoints[proposal.endpoint_id] = proposal.settings
        self._ready: dict[bytes, Guards] = {}

    def guards_for(self, row: RecordRow) -> Guards:
        """Return the rules that would hold for a request, ready for use."""
        caller = replace(self._scene.caller_of(row), guardrails=self._shared)
        settings = guardrail_settings.merged(caller, self._endpoints.get(row.endpoint_id or "", {}))
        name = orjson.dumps(settings)
        if name not in self._ready:
            self._ready[name] = guardrail_settings.guards_of(settings)
        return self._ready[name]


def endpoint_settings(session: Session, *, project: Project) -> dict[str, Settings]:
    """Read what the published versions of a project's endpoints say."""
    query = select(Endpoint.id, EndpointVersion.config).join(
        EndpointVersion, EndpointVersion.id == Endpoint.published_version_id
    )
    rows = session.execute(query.where(Endpoint.project_id == project.id))
    return {endpoint_id: parse_config(config).guardrails for endpoint_id, config in rows}


def differences(scene: Scene, proposal: Proposal) -> Iterator[Difference]:
    """Yield what becomes of each request whose content was kept. A judge is not asked."""
    levels = Levels(scene, proposal)
    for row in scene.rows:
        before = as_seen(row)
        texts = kept_texts(row)
        if texts is None:
            yield Difference(before, None, NO_CONTENT)
        else:
            yield Difference(before, looked_at(before, levels.guards_for(row), *texts))


def as_seen(row: RecordRow) -> Logged:
    """Return a request as its client saw it: an answer that was stopped is none."""
    before = samples.logged(row)
    return replace(before, refusal=row.error_message or row.outcome) if row.outcome == "rejected" else before


def kept_texts(row: RecordRow) -> tuple[list[str], list[int], str] | None:
    """Return what was asked, how many texts belong to a message, and what was answered; None: not kept."""
    asked = asked_of(row.content) if row.content else None
    if asked is None or row.content is None:
        return None
    body = asked[1]
    return client_texts.read(body), client_texts.together(body), str(row.content.get("answer") or "")


def looked_at(
    before: Logged, guards: Guards, asked: Sequence[str], together: Sequence[int], answer: str
) -> Fate:
    """Return what the rules make of one request: stopped before it costs anything, after that, or not."""
    verdicts, stopped = side(guards.input, "input", asked, together)
    cost = Cost(0) if stopped else Cost(before.nano_usd)
    if not stopped and answer:
        of_answer, stopped = side(guards.output, "output", [answer], ())
        verdicts += of_answer
    acts = tuple(dict.fromkeys(each.outcome for each in verdicts if each.outcome in ACTS))
    why = "; ".join(in_words(each) for each in verdicts if each.outcome in (*ACTS, "blocked", "failed"))
    if stopped:
        return Fate("", cost, refusal=f"Blocked by the guardrail “{stopped}”.", why=why, acts=acts)
    return Fate(before.model, cost, refusal=before.refusal, why=why, acts=acts)


def side(
    screen: Screen, name: str, texts: Sequence[str], together: Sequence[int]
) -> tuple[list[Verdict], str]:
    """Return the verdicts on one side as far as it goes on, and the rule that stops it; empty: none."""
    if not screen:
        return [], ""
    look = searched(sum(map(len, texts)), partial(Look, screen, name, texts, {}, together=together))
    verdicts = list[Verdict]()
    for rule in screen.rules:
        if rule.kind == "judge":
            continue
        verdicts.append(look.verdict(rule, never))
        if stops(rule, verdicts[-1]):
            return verdicts, rule.name
    return verdicts, ""


def in_words(verdict: Verdict) -> str:
    """Say in short what a rule found; never the match."""
    kinds = f" ({', '.join(verdict.kinds)})" if verdict.kinds else ""
    return f"{verdict.rule}{kinds}: {verdict.outcome.replace('_', ' ')}"
