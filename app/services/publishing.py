"""Which version answers: publishing a draft, pinning what answers, going back to an earlier version."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.endpoints import LATER, parse_config
from app.domain.errors import InvalidInput
from app.services import access, audit, endpoint_versions, endpoints, rollouts
from app.services.endpoint_versions import EndpointView

PINNED = "Version %d is pinned: nothing else can answer until it is unpinned. What is saved becomes a draft."


def publish(actor: Actor, workspace_id: str, endpoint_id: str, number: int) -> EndpointView:
    """Let a version answer, a draft or an earlier one; by a rollout where there is a plan. Editors may."""

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "editor")
        endpoint = endpoint_versions.owned(session, workspace_id, endpoint_id, change=True)
        before = endpoint_versions.view_of(session, endpoint)
        check_unpinned(before)
        version = endpoint_versions.numbered(session, endpoint, number)
        if version.id == before.version.id:
            return before
        endpoints.check_models(session, workspace_id, parse_config(version.config))
        if rollouts.go_live(session, actor, endpoint, version) is not None:
            return endpoint_versions.view_of(session, endpoint)
        changes = audit.difference(before.version.config, version.config)
        changes["version"] = [before.version.number, number]
        audit.write(session, actor, workspace_id, change_of(before, "publish", changes))
        return endpoint_versions.view_of(session, endpoint)

    return database.transaction(work)


def check_unpinned(view: EndpointView) -> None:
    """Raise InvalidInput where the version that answers is pinned."""
    if view.endpoint.pinned:
        raise InvalidInput(PINNED % view.version.number)


def discard_draft(actor: Actor, workspace_id: str, endpoint_id: str) -> EndpointView:
    """Set the draft aside; it stays among the versions. Editors may."""

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "editor")
        endpoint = endpoint_versions.owned(session, workspace_id, endpoint_id, change=True)
        before = endpoint_versions.view_of(session, endpoint)
        if before.draft is not None:
            endpoint.draft_version_id = None
            changes: dict[str, list[Any]] = {"draft": [before.draft.number, None]}
            audit.write(session, actor, workspace_id, change_of(before, "discard", changes))
        return endpoint_versions.view_of(session, endpoint)

    return database.transaction(work)


def set_pinned(actor: Actor, workspace_id: str, endpoint_id: str, pinned: bool) -> EndpointView:
    """Keep what answers as it is, or let it be published over again. Editors may.

    Conflict while a rollout is under way: more than one version answers.
    """

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "editor")
        endpoint = endpoint_versions.owned(session, workspace_id, endpoint_id, change=True)
        view = endpoint_versions.view_of(session, endpoint)
        if endpoint.pinned != pinned:
            if pinned:
                rollouts.check_none(session, endpoint.id)
            endpoint.pinned = pinned
            changes: dict[str, list[Any]] = {"version": [view.version.number, view.version.number]}
            verb = "pin" if pinned else "unpin"
            audit.write(session, actor, workspace_id, change_of(view, verb, changes))
        return view

    return database.transaction(work)


def restore(
    actor: Actor,
    workspace_id: str,
    endpoint_id: str,
    number: int,
    *,
    publish: bool = True,
    proven_only: bool = False,
) -> EndpointView:
    """Make a new version of what an earlier one said, as `endpoints.save` does. Editors may."""

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "editor")
        endpoint = endpoint_versions.owned(session, workspace_id, endpoint_id, change=True)
        if publish:
            check_unpinned(endpoint_versions.view_of(session, endpoint))
        version = endpoint_versions.numbered(session, endpoint, number)
        fields = {**dict.fromkeys(LATER), **version.config}
        note = f"Restored version {number}"
        how = {"publish": publish, "proven_only": proven_only}
        return endpoints.save(actor, workspace_id, endpoint_id, fields, note, **how)

    return database.transaction(work)


def change_of(view: EndpointView, verb: str, changes: dict[str, list[Any]]) -> audit.Change:
    """Return an entry of the audit log."""
    return audit.Change(f"endpoint.{verb}", view.endpoint.id, view.endpoint.slug, changes)
