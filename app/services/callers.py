"""Turns a request's key, or a signed-in person, into the caller of a call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.callers import Caller, PlanFacts, check_scope, hash_key, read_key
from app.domain.calls import Call
from app.domain.errors import GatewayError, NotAllowed, NotAuthenticated, NotFound, WrongSurface
from app.domain.limits import NO_LIMITS, Limits, parse_limits
from app.models import Account, Budget, Credential, Key, Plan, Project, Workspace
from app.services import access, budgets, entry_guards, key_credentials, key_rotation, makers, stamps, turns
from app.services.cache import Cache

# Asked along with the key: most workspaces have none of these, and a look spared is 0.6 ms of a first call.
HAS_CREDENTIALS = exists().where(Credential.workspace_id == Key.workspace_id, Credential.key_id.is_not(None))
HAS_BUDGETS = exists().where(Budget.workspace_id == Key.workspace_id, Budget.active)

_known: Cache[bytes, Caller] = Cache(50_000)  # 1.5 KB each; a key that is not among them costs 2 ms of CPU


def identify(call: Call, *, fresh: bool = False) -> Caller:
    """Return who calls; raise NotAuthenticated (P18). What they may do is `check`'s to say.

    `fresh` reads the database; otherwise a caller read before may be used, until its stamp is found stale.
    """
    if call.shadowed is not None:  # it was let in a moment ago
        return call.shadowed.caller  # type: ignore[no-any-return]
    if call.actor is not None:
        return for_person(call.actor, call.project_id or "")
    digest = hash_key(read_key(call.headers, call.dialect))
    known = None if fresh else _known.get(digest)
    if known is not None:
        if known.expires_at is None:
            return known
        if not has_expired(known) or is_in_force(known):
            return unexpired(known)
    name = f"key {digest.hex()}"
    return unexpired(turns.read_once(name, lambda: _known.get(digest), lambda: read(digest)))


def check(caller: Caller, call: Call, *, scope: str) -> Caller:
    """Return the caller; raise 403 (scope, other project) or 400 (wrong surface) (P8).

    Such a call never reaches the admission step, so a remembered caller is looked up again before a refusal.
    """
    try:
        check_rights(caller, call, scope)
    except GatewayError:
        if caller.key_id is None or is_in_force(caller):
            raise
        caller = identify(call, fresh=True)
        check_rights(caller, call, scope)
    return caller


def check_rights(caller: Caller, call: Call, scope: str) -> None:
    """Raise when this call is not the caller's to make."""
    if call.project_id is not None and caller.project_id != call.project_id:
        raise NotAllowed("Token does not belong to this project.")
    check_scope(caller, scope)
    if call.surface != "any" and call.surface not in caller.surfaces:
        raise WrongSurface(wrong_surface_text(caller, call.surface))
    entry_guards.check(caller, call)


def has_expired(caller: Caller) -> bool:
    """Say whether the key's time is over."""
    return caller.expires_at is not None and caller.expires_at <= datetime.now(UTC)


def unexpired(caller: Caller) -> Caller:
    """Return the caller; raise NotAuthenticated once their key has expired."""
    if has_expired(caller):
        raise NotAuthenticated
    return caller


def is_in_force(caller: Caller) -> bool:
    """Say whether what was read of the caller still holds."""
    return stamps.is_fresh(caller.workspace_id, caller.config_stamp, caller.read_at)


def identify_now(call: Call, *, scope: str) -> Caller:
    """Return who calls, known to be in force right now; for lookups, which have no later admission step."""
    caller = identify(call)
    if caller.key_id is not None and not is_in_force(caller):
        caller = identify(call, fresh=True)
    return check(caller, call, scope=scope)


def wrong_surface_text(caller: Caller, surface: str) -> str:
    """Say which kind of route the project has and which was asked for."""
    has = ", ".join(caller.surfaces)
    return f"This project serves '{has}' routes; this route needs a project that serves '{surface}'."


def read(digest: bytes) -> Caller:
    """Read and remember a key's caller, under the stamp that stood before; raise NotAuthenticated."""
    before = _known.get(digest)  # its workspace stays, and the first use of its secret was noted
    workspace_id = before.workspace_id if before else key_rotation.workspace_of(digest)
    if workspace_id is None:
        raise NotAuthenticated
    read_at, stamp = time.monotonic(), stamps.current(workspace_id)
    caller = database.read(lambda session: load(session, digest, stamp, read_at))
    if caller is None:
        _known.drop(digest)
        raise NotAuthenticated
    _known.put(digest, caller)
    return caller


def load(session: Session, digest: bytes, stamp: str | None, read_at: float) -> Caller | None:
    """Load a key by its hash, and all it belongs to; None unless everything is in force."""
    return load_where(session, key_rotation.has_hash(digest), stamp, read_at)


def load_where(
    session: Session, condition: ColumnElement[bool], stamp: str | None, read_at: float
) -> Caller | None:
    """Load the key that a condition names, and all it belongs to; None unless everything is in force."""
    row = session.execute(
        select(Key, Project, Account, Workspace, HAS_CREDENTIALS, HAS_BUDGETS)
        .join(Project, Project.id == Key.project_id)
        .join(Account, and_(Account.id == Key.account_id, Account.active))
        .join(Workspace, Workspace.id == Key.workspace_id)
        .where(condition, Key.revoked_at.is_(None), Project.active)
    ).first()
    if row is None:
        return None
    key, project, account, workspace, has_credentials, has_budgets = row
    chain = makers.of(session, key)
    if not makers.in_force(chain):
        return None
    ids, rights = [key.id, *(maker.id for maker in chain)], makers.rights(key, chain)
    owned = shared(session, workspace, project, account, ids, has_budgets=has_budgets)
    beside = makers.beside_endpoints(owned["budgets"], ids)
    owned["budgets"] = beside + makers.guardrail(key.id, rights["rules"])
    return Caller(
        **owned,
        **rights,
        key_id=key.id,
        label=key.name,
        limits=parse_limits(key.limits),
        key_guardrails=key_layers(*(maker.guardrails for maker in reversed(chain)), key.guardrails),
        own_credentials=key_credentials.usable(session, ids) if has_credentials else (),
        config_stamp=stamp,
        read_at=read_at,
    )


def shared(
    session: Session,
    workspace: Workspace,
    project: Project,
    account: Account,
    key_ids: Sequence[str],
    *,
    has_budgets: bool = True,
) -> dict[str, Any]:
    """Return what a caller has of workspace, project and account, whether by key or in person.

    The key's budgets are its own and those of the keys that made it. `has_budgets`: whether any may be there.
    """
    payer = account if account.parent_id is None else session.get_one(Account, account.parent_id)
    plan = session.get(Plan, payer.plan_id) if payer.plan_id else None
    scopes = [
        ("account", account.id, f"the account “{account.name}”"),
        ("account", payer.id, f"the account “{payer.name}”"),
        ("project", project.id, f"the project “{project.name}”"),
        ("plan", payer.id, f"the plan “{plan.name}”" if plan else ""),
    ]
    for number, key_id in enumerate(key_ids):
        scopes.append(("key", key_id, "the key that made this one" if number else "this key"))
    return {
        "workspace_id": workspace.id,
        "workspace_slug": workspace.slug,
        "account_id": account.id,
        "project_id": project.id,
        "project_name": project.name,
        "surfaces": tuple(project.surfaces),
        "rate_multiplier_ppm": payer.rate_multiplier_ppm,
        "payer_id": payer.id,
        "prepaid": payer.billing == "prepaid",
        "watched": (payer.spend_alert_nano_usd_per_day, payer.low_balance_nano_usd) != (None, None),
        "timezone": workspace.timezone,
        "plan": plan_facts(plan) if plan else None,
        "guardrails": layers_of(workspace.guardrails, project.guardrails),
        "budgets": budgets.facts(session, scopes) if has_budgets else (),
    }


def layers_of(*layers: dict[str, Any]) -> tuple[str, ...]:
    """Return the levels that say anything, each as JSON: what follows from them is remembered by it."""
    return tuple(orjson.dumps(layer, option=orjson.OPT_SORT_KEYS).decode() for layer in layers if layer)


def key_layers(*layers: dict[str, Any]) -> tuple[str, ...]:
    """Return the levels of keys, first that of the key which a person made; () where none says anything."""
    first, *minted = layers
    return (*(layers_of(first) or ("{}",)), *layers_of(*minted)) if any(layers) else ()


def plan_facts(plan: Plan) -> PlanFacts:
    """Return what a plan means for a call."""
    return PlanFacts(
        slug=plan.slug,
        name=plan.name,
        limits=Limits(requests_per_minute=plan.requests_per_minute, burst_per_second=plan.burst_per_second),
        included_tokens=plan.included_tokens,
        overage_nano_usd_per_million=plan.overage_nano_usd_per_million,
        hard_cap=plan.hard_cap,
        plugins=None if plan.plugins is None else tuple(plan.plugins),
    )


def for_person(actor: Actor, project_id: str) -> Caller:
    """Return a signed-in person as the caller of a dashboard call, booked on the root account."""

    def work(session: Session) -> Caller:
        project = session.get(Project, project_id)
        if project is None:
            raise NotFound
        access.require(session, actor, project.workspace_id, "editor")
        if not project.active:
            raise NotFound("This project is switched off.")
        return without_key(session, project, actor.label)

    caller = database.read(work)
    return replace(caller, config_stamp=stamps.current(caller.workspace_id))


def without_key(session: Session, project: Project, label: str) -> Caller:
    """Return who calls a project with no key, booked on the root account."""
    workspace = session.get_one(Workspace, project.workspace_id)
    root = Account.workspace_id == workspace.id, Account.parent_id.is_(None)
    account = session.scalars(select(Account).where(*root)).one()
    return Caller(
        **shared(session, workspace, project, account, ()),
        key_id=None,
        label=label,
        scopes=("chat", "models"),
        expires_at=None,
        limits=NO_LIMITS,
        endpoints=None,
        config_stamp=None,
        read_at=time.monotonic(),
    )
