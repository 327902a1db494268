"""Endpoints: each save is a new immutable version; one of them is published and answers calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.endpoints import EndpointConfig, parse_config, parse_slug
from app.domain.errors import Conflict, InvalidFields, InvalidInput
from app.domain.fields import text
from app.domain.guardrails.patterns import check_speed
from app.models import Endpoint, EndpointVersion, Provider
from app.services import (
    access,
    audit,
    endpoint_versions,
    example_runs,
    guardrail_levels,
    keys,
    live_policies,
    policy_checks,
    projects,
    rollouts,
)
from app.services.endpoint_versions import EndpointView, owned, view_of

__all__ = ["EndpointView", "owned"]


@dataclass(frozen=True, slots=True)
class Saving:
    """What becomes of a save: its note, and whether it is published or kept as the draft."""

    actor: Actor
    note: str
    publish: bool
    proven_only: bool


def create(
    actor: Actor, workspace_id: str, project_id: str, fields: Mapping[str, Any], note: str = ""
) -> EndpointView:
    """Make an endpoint and publish its first version. `fields`: slug, name, EndpointConfig's. Editors may."""
    slug, name, config = parse(fields)

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "editor")
        projects.owned(session, workspace_id, project_id)
        check_free(session, project_id, slug)
        check_models(session, workspace_id, config)
        guardrail_levels.check_in_project(session, workspace_id, project_id, {}, config.guardrails)
        endpoint = Endpoint(workspace_id=workspace_id, project_id=project_id, slug=slug, name=name)
        session.add(endpoint)
        session.flush()
        version = endpoint_versions.add(session, actor, endpoint, config, note)
        endpoint_versions.let_answer(session, actor, endpoint, version)
        change = audit.Change("endpoint.create", endpoint.id, slug, audit.difference({}, config.as_dict()))
        audit.write(session, actor, workspace_id, change)
        return EndpointView(endpoint, version, config)

    return database.transaction(work)


def save(
    actor: Actor,
    workspace_id: str,
    endpoint_id: str,
    fields: Mapping[str, Any],
    note: str = "",
    *,
    base: int | None = None,
    publish: bool = True,
    over_draft: bool = True,
    proven_only: bool = False,
) -> EndpointView:
    """Save a new version when a field differs; name and slug change in place. Editors may.

    The fields are laid over the working version: the draft where there is one (and `over_draft`), else the
    published one. It is published, by a rollout where the endpoint has a plan for one; or becomes the draft,
    without `publish`, where the endpoint is pinned, and with `proven_only` unless the version has answered
    every saved example as expected.
    `base` is the version that the editor started from: Conflict when there is another by now.
    """

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "editor")
        endpoint = owned(session, workspace_id, endpoint_id, change=True)
        before = view_of(session, endpoint)
        check_base(before.working_version, base)
        start = before.working_config if over_draft else before.config
        old = {"slug": endpoint.slug, "name": endpoint.name, **start.as_dict()}
        slug, name, config = parse({**old, **fields})
        changes = rename(session, endpoint, slug, name)
        saving = Saving(actor, note, publish and not endpoint.pinned, proven_only)
        if moved := keep(session, before, start, config, saving):
            changes |= moved | audit.difference(start.as_dict(), config.as_dict())
        if changes:
            change = audit.Change("endpoint.change", endpoint.id, slug, changes)
            audit.write(session, actor, workspace_id, change)
        return view_of(session, endpoint)

    return database.transaction(work)


def rename(session: Session, endpoint: Endpoint, slug: str, name: str) -> dict[str, list[Any]]:
    """Give the endpoint its slug and name, which keys follow; return what that changes."""
    if slug != endpoint.slug:
        check_free(session, endpoint.project_id, slug)
        policy_checks.check_unnamed(session, endpoint)
        keys.follow_slug(session, endpoint.project_id, endpoint.slug, slug)
    names = {"slug": endpoint.slug, "name": endpoint.name}
    endpoint.slug, endpoint.name = slug, name
    return audit.difference(names, {"slug": slug, "name": name})


def keep(
    session: Session, before: EndpointView, start: EndpointConfig, config: EndpointConfig, saving: Saving
) -> dict[str, list[Any]]:
    """Make a version of what differs, and publish it or keep it as the draft; return what that changes."""
    endpoint, draft = before.endpoint, before.draft
    if not saving.publish and config == before.draft_config:
        return {}
    if saving.publish and config != before.config and is_on_its_way(session, endpoint, config):
        return {}
    if config == start and (draft is None or start is before.config):
        return {}
    old_draft = draft.number if draft else None
    if config == before.config:  # there is nothing left to publish
        endpoint.draft_version_id = None
        return {"draft": [old_draft, None]}
    if config != start or draft is None:
        check_models(session, endpoint.workspace_id, config)
        where = endpoint.workspace_id, endpoint.project_id
        guardrail_levels.check_in_project(session, *where, start.guardrails, config.guardrails)
        version = endpoint_versions.add(session, saving.actor, endpoint, config, saving.note)
    else:
        version = draft
    if saving.publish and (not saving.proven_only or example_runs.of_version(session, version).is_proven):
        if rollouts.go_live(session, saving.actor, endpoint, version) is None:
            endpoint.draft_version_id = None
            return {"version": [before.version.number, version.number]}
    endpoint.draft_version_id = version.id
    return {"draft": [old_draft, version.number]}


def is_on_its_way(session: Session, endpoint: Endpoint, config: EndpointConfig) -> bool:
    """Say whether a rollout under way is of exactly this."""
    rollout = live_policies.rollout_of(session, endpoint.id)
    return rollout is not None and config == parse_config(
        session.get_one(EndpointVersion, rollout.new_version_id).config
    )


def would_be(view: EndpointView, fields: Mapping[str, Any]) -> EndpointConfig:
    """Return what these fields, laid over what is published, would make of the endpoint."""
    names = {"slug": view.endpoint.slug, "name": view.endpoint.name}
    return parse({**names, **view.config.as_dict(), **fields})[2]


def duplicate(actor: Actor, workspace_id: str, endpoint_id: str) -> EndpointView:
    """Make a copy beside it, under a free slug. Editors may."""

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "editor")
        source = view_of(session, owned(session, workspace_id, endpoint_id))
        slug = free_slug(session, source.endpoint)
        fields = {"slug": slug, "name": f"{source.endpoint.name} (copy)"[:100], **source.config.as_dict()}
        return create(
            actor, workspace_id, source.endpoint.project_id, fields, f"Copy of {source.endpoint.slug}"
        )

    return database.transaction(work)


def set_active(actor: Actor, workspace_id: str, endpoint_id: str, active: bool) -> Endpoint:
    """Switch an endpoint on or off; an inactive one answers 404 (O44). Editors may."""

    def work(session: Session) -> Endpoint:
        access.require(session, actor, workspace_id, "editor")
        endpoint = owned(session, workspace_id, endpoint_id)
        if endpoint.active != active:
            endpoint.active = active
            verb = "activate" if active else "deactivate"
            change = audit.Change(f"endpoint.{verb}", endpoint.id, endpoint.slug, {})
            audit.write(session, actor, workspace_id, change)
        return endpoint

    return database.transaction(work)


def find(actor: Actor, workspace_id: str, endpoint_id: str) -> EndpointView:
    """Return an endpoint with its published version; raise NotFound when it is another workspace's."""

    def work(session: Session) -> EndpointView:
        access.require(session, actor, workspace_id, "viewer")
        return view_of(session, owned(session, workspace_id, endpoint_id))

    return database.read(work)


def list_all(actor: Actor, workspace_id: str, project_id: str) -> list[EndpointView]:
    """Return a project's endpoints with their published versions, by slug."""

    def work(session: Session) -> list[EndpointView]:
        access.require(session, actor, workspace_id, "viewer")
        projects.owned(session, workspace_id, project_id)
        query = select(Endpoint).where(Endpoint.project_id == project_id).order_by(Endpoint.slug)
        return endpoint_versions.views_of(session, list(session.scalars(query)))

    return database.read(work)


def parse(fields: Mapping[str, Any]) -> tuple[str, str, EndpointConfig]:
    """Check slug, name and configuration; raise InvalidFields with all that is wrong."""
    errors: dict[str, str] = {}
    slug = name = ""
    try:
        slug = parse_slug(fields)
        name = text(fields, "name", most=100) or slug
    except InvalidInput as error:
        errors[error.param or ""] = error.message
    try:
        config = parse_config({key: value for key, value in fields.items() if key not in ("slug", "name")})
        check_speed(config.guardrails)
    except InvalidFields as error:
        errors |= error.errors
    if errors:
        raise InvalidFields(errors)
    return slug, name, config


def check_models(session: Session, workspace_id: str, config: EndpointConfig) -> None:
    """Raise InvalidFields when a model's provider does not exist in the workspace."""
    slugs = set(session.scalars(select(Provider.slug).where(Provider.workspace_id == workspace_id)))
    errors = {}
    named = [("model", (config.model,)), ("failover", config.failover)]
    named += [(f"routing.{number}.model", rule.models) for number, rule in enumerate(config.routing)]
    for name, models in named:
        missing = sorted({model.partition("/")[0] for model in models} - slugs)
        if missing:
            errors[name] = f"There is no provider “{missing[0]}” in this workspace. Add it first."
    if errors:
        raise InvalidFields(errors)


def check_base(version: EndpointVersion, base: int | None) -> None:
    """Raise Conflict when somebody else has saved since the editor began."""
    if base is not None and base != version.number:
        raise Conflict(
            f"{version.author} saved version {version.number} while you were editing. "
            "Saving again replaces it; both stay under Versions."
        )


def check_free(session: Session, project_id: str, slug: str) -> None:
    """Raise Conflict when another endpoint of the project has the slug."""
    where = Endpoint.project_id == project_id, Endpoint.slug == slug
    if session.scalar(select(Endpoint.id).where(*where)) is not None:
        raise Conflict("There is an endpoint of this slug already.", param="slug")


def free_slug(session: Session, endpoint: Endpoint) -> str:
    """Return a slug for a copy."""
    where = Endpoint.project_id == endpoint.project_id
    taken = set(session.scalars(select(Endpoint.slug).where(where)))
    candidates = (f"{endpoint.slug[:56]}-copy{'' if n == 1 else n}" for n in range(1, len(taken) + 2))
    return next(slug for slug in candidates if slug not in taken)
