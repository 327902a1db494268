"""Endpoints managed with a key: made, replaced, changed and switched, in its own project alone (P30)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.callers import Caller, may_call
from app.domain.endpoints import FIELDS
from app.domain.errors import NotAllowed, NotFound
from app.domain.fields import Collector, switch, text
from app.domain.guardrails.settings import Settings, parse_guardrails
from app.domain.ids import new_id
from app.domain.limits import Full, Limiter, refusal
from app.models import Endpoint, Project
from app.redis_store import RedisAway
from app.services import endpoint_versions, endpoints, limits, shared_forms
from app.services.endpoint_versions import EndpointView
from app.services.key_api import actor_of

REQUESTS_PER_MINUTE = 30
BESIDE = frozenset({"note", "active", "form_shared"})  # of the endpoint itself, not of a version
Card = dict[str, Any]


def admit(caller: Caller) -> None:
    """Let the key in: NotAllowed where the project keeps this switched off, RateLimited past 30 a minute."""
    query = select(Project.management_api).where(Project.id == caller.project_id)
    if not database.read(lambda session: session.scalar(query)):
        raise NotAllowed(
            f"The management API of the project “{caller.project_name}” is switched off."
            " Whoever edits the project can switch it on, in its settings."
        )
    limiter = Limiter("management", caller.key_id or "", "requests_per_minute", REQUESTS_PER_MINUTE)
    outcome = count(caller, limiter)
    if isinstance(outcome, Full):
        raise refusal(outcome)


def count(caller: Caller, limiter: Limiter) -> object:
    """Count the request; in this process alone while Redis is away."""
    try:
        return limits.count((limiter,), caller.workspace_id, limits.ANY_STAMP, new_id(), 0)
    except RedisAway:
        return limits.count_locally((limiter,), new_id(), 0)


def list_all(caller: Caller) -> Card:
    """Return the project's endpoints, those switched off as well."""
    views = endpoints.list_all(actor_of(caller), caller.workspace_id, caller.project_id)
    return {"endpoints": [card(view) for view in views if may_call(caller, view.endpoint.slug)]}


def show(caller: Caller, slug: str) -> Card:
    """Return one endpoint with its whole configuration."""
    return {"endpoint": card(database.read(lambda session: find(session, caller, slug)))}


def create(caller: Caller, body: Mapping[str, Any]) -> Card:
    """Make an endpoint and publish its first version."""
    check_slug(caller, body)
    fields, note, switches = split(body)

    def work(session: Session) -> Card:
        actor, place = actor_of(caller), (caller.workspace_id, caller.project_id)
        made = endpoints.create(actor, *place, fields, note)
        return switched(session, caller, made.endpoint.slug, switches)

    return {"endpoint": database.transaction(work)}


def replace(caller: Caller, slug: str, body: Mapping[str, Any]) -> Card:
    """Set every field: what the body leaves out is as in a new endpoint."""
    return change(caller, slug, {**dict.fromkeys(FIELDS), "slug": slug, **body})


def change(caller: Caller, slug: str, body: Mapping[str, Any]) -> Card:
    """Set the fields that the body names; a new version only where one differs."""
    check_slug(caller, {"slug": slug, **body})
    fields, note, switches = split(body)

    def work(session: Session) -> Card:
        found, place = find(session, caller, slug), (actor_of(caller), caller.workspace_id)
        check_locks(found.config.guardrails, fields)
        view = endpoints.save(*place, found.endpoint.id, fields, note, over_draft=False)
        return switched(session, caller, view.endpoint.slug, switches)

    return {"endpoint": database.transaction(work)}


def set_active(caller: Caller, slug: str, active: bool) -> Card:
    """Switch an endpoint on or off."""
    switches = {"active": active}
    return {"endpoint": database.transaction(lambda session: switched(session, caller, slug, switches))}


def switched(session: Session, caller: Caller, slug: str, switches: Mapping[str, bool]) -> Card:
    """Return the endpoint's card, with what is asked for switched first."""
    place = actor_of(caller), caller.workspace_id, find(session, caller, slug).endpoint.id
    if "active" in switches:
        endpoints.set_active(*place, switches["active"])
    if "form_shared" in switches:
        shared_forms.share(*place, switches["form_shared"])
    return card(find(session, caller, slug))


def split(body: Mapping[str, Any]) -> tuple[dict[str, Any], str, dict[str, bool]]:
    """Return the fields of a version, the note for it, and what of the endpoint itself is to be switched."""
    collect = Collector()
    note = collect.take(text, body, "note", most=500)
    named = [name for name in ("active", "form_shared") if body.get(name) is not None]
    switches = {name: collect.take(switch, body, name) for name in named}
    collect.finish()
    return {name: value for name, value in body.items() if name not in BESIDE}, note, switches


def check_slug(caller: Caller, body: Mapping[str, Any]) -> None:
    """Raise NotAllowed for an endpoint that is not on the key's list."""
    slug = body.get("slug")
    if isinstance(slug, str) and not may_call(caller, slug):
        raise NotAllowed(f"This key may not change the endpoint '{slug}'.")


def check_locks(before: Settings, fields: Mapping[str, Any]) -> None:
    """Raise NotAllowed where a guardrail that is locked on the endpoint would change: keys cannot do that."""
    if "guardrails" not in fields:
        return
    after = parse_guardrails(fields)
    for kind, rule in before.items():
        if rule.get("locked") and after.get(kind) != rule:
            raise NotAllowed(f"The guardrail '{kind}' of this endpoint is locked: a key cannot change it.")


def find(session: Session, caller: Caller, slug: str) -> EndpointView:
    """Return the project's endpoint with its published version; raise NotFound."""
    where = Endpoint.project_id == caller.project_id, Endpoint.slug == slug
    row = session.scalars(select(Endpoint).where(*where)).first()
    if row is None or not may_call(caller, slug):
        raise NotFound("Endpoint not found.")
    return endpoint_versions.view_of(session, row)


def card(view: EndpointView) -> Card:
    """Return an endpoint as this API tells it."""
    endpoint, version = view.endpoint, view.version
    return {
        "slug": endpoint.slug,
        "name": endpoint.name,
        "active": endpoint.active,
        "form_shared": endpoint.form_shared,
        "version": version.number,
        "author": version.author,
        "note": version.note,
        "has_draft": endpoint.draft_version_id is not None,
        "url": f"/api/{endpoint.project_id}/{endpoint.slug}",
        **view.config.as_dict(),
    }
