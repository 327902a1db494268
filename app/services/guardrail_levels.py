"""Where guardrails are set: on the workspace, a project, an endpoint and a key; what each may say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import InvalidFields
from app.domain.guardrails.levels import Level, check_locks
from app.domain.guardrails.settings import Settings
from app.models import Project, Provider, Workspace


def of_workspace(session: Session, workspace_id: str) -> list[Level]:
    """Return what stands above a project."""
    return [("the workspace", session.get_one(Workspace, workspace_id).guardrails)]


def of_project(session: Session, workspace_id: str, project_id: str) -> list[Level]:
    """Return what stands above an endpoint or a key."""
    project = session.get_one(Project, project_id)
    whose = f"the project “{project.name}”"
    return [*of_workspace(session, workspace_id), (whose, project.guardrails)]


def check(
    session: Session, workspace_id: str, above: Sequence[Level], before: Settings, after: Settings
) -> None:
    """Raise InvalidFields where a rule is locked above, or names a judge that cannot be asked."""
    if after == before:
        return
    check_locks(above, before, after)
    check_judge(session, workspace_id, after)


def check_in_project(
    session: Session, workspace_id: str, project_id: str, before: Settings, after: Settings
) -> None:
    """Raise InvalidFields where an endpoint or a key says what it cannot."""
    if after != before:
        check(session, workspace_id, of_project(session, workspace_id, project_id), before, after)


def check_judge(session: Session, workspace_id: str, settings: Settings) -> None:
    """Raise InvalidFields when the judge's provider does not exist in the workspace."""
    model = settings.get("judge", {}).get("model")
    if not model:
        return
    slug = str(model).partition("/")[0]
    where = Provider.workspace_id == workspace_id, Provider.slug == slug
    if session.scalar(select(Provider.id).where(*where)) is None:
        text = f"There is no provider “{slug}” in this workspace. Add it first."
        raise InvalidFields({"guardrails.judge.model": text})


def told(changes: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return changes with those of guardrails rule by rule, as the activity log tells them."""
    pair = changes.pop("guardrails", None)
    if pair is None:
        return changes
    before, after = (side or {} for side in pair)
    kinds = [kind for kind in {**before, **after} if before.get(kind) != after.get(kind)]
    return {**changes, **{f"guardrail_{kind}": [before.get(kind), after.get(kind)] for kind in kinds}}
