"""What a budget can be set on: accounts, projects, endpoints and keys, with their names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.budgets import PLAN, SCOPES
from app.domain.errors import InvalidInput, NotFound
from app.domain.ids import is_uuid
from app.models import Account, Endpoint, Key, Plan, Project
from app.services import access

Ids = Collection[str] | None  # None: all of the workspace


@dataclass(frozen=True, slots=True)
class Scope:
    """One thing that a budget stands on. `live`: calls can still be made with it."""

    type: str
    id: str
    name: str
    project_id: str = ""
    project_name: str = ""
    live: bool = True
    is_root: bool = False  # the workspace's own account
    slug: str = ""  # an endpoint's

    @property
    def label(self) -> str:
        """Name it for the activity log and for mails."""
        within = f"{self.project_name} / " if self.type in ("endpoint", "key") else ""
        kind = "sub-account" if self.type == "account" and not self.is_root else self.type
        return f"the {kind} “{within}{self.name}”"

    @property
    def path(self) -> str:
        """Say where it stands in an apply file, under its workspace; "" is the workspace itself."""
        if self.type == "account":
            return "" if self.is_root else f"/sub_accounts/{self.name}"
        if self.type == "project":
            return f"/projects/{self.name}"
        return f"/projects/{self.project_name}/{self.type}s/{self.slug or self.name}"


def pickable(actor: Actor, workspace_id: str) -> list[Scope]:
    """Return everything that a budget can be set on now; the account first, then by kind and name."""

    def work(session: Session) -> list[Scope]:
        access.require(session, actor, workspace_id, "viewer")
        found = [scope for kind in SCOPES for scope in READERS[kind](session, workspace_id, None)]
        return [scope for scope in found if scope.live]

    return database.read(work)


def root(actor: Actor, workspace_id: str) -> Scope:
    """Return the workspace's own account."""
    return next(scope for scope in pickable(actor, workspace_id) if scope.is_root)


def owned(session: Session, workspace_id: str, scope_type: str, scope_id: str) -> Scope:
    """Return the workspace's own scope; raise InvalidInput for a wrong kind, NotFound for a foreign id."""
    if scope_type not in SCOPES:
        raise InvalidInput(f"Choose from: {', '.join(SCOPES)}.", param="scope")
    scope = named(session, workspace_id, [(scope_type, scope_id)]).get((scope_type, scope_id))
    if scope is None:
        raise NotFound("There is no such thing to set a budget on.")
    return scope


def named(
    session: Session, workspace_id: str, wanted: Collection[tuple[str, str]]
) -> Mapping[tuple[str, str], Scope]:
    """Return the workspace's scopes of these kinds and ids; what is gone is left out."""
    ids = {kind: {i for k, i in wanted if k == kind and is_uuid(i)} for kind in READERS}
    return {
        (scope.type, scope.id): scope
        for kind, read in READERS.items()
        if ids[kind]
        for scope in read(session, workspace_id, ids[kind])
    }


def gone(scope_type: str, scope_id: str) -> Scope:
    """Return the scope of a thing that is no longer there; only its kind is known."""
    return Scope(scope_type, scope_id, "", live=False)


def among(column: Any, ids: Ids) -> ColumnElement[bool]:
    """Return the condition that a row is one of them."""
    return true() if ids is None else column.in_(ids)


def accounts(session: Session, workspace_id: str, ids: Ids) -> list[Scope]:
    """Return the root account, then its sub-accounts by name."""
    where = Account.workspace_id == workspace_id, among(Account.id, ids)
    query = select(Account).where(*where).order_by(Account.parent_id.is_not(None), Account.name)
    return [account_scope(row) for row in session.scalars(query)]


def plans(session: Session, workspace_id: str, ids: Ids) -> list[Scope]:
    """Return the plans that accounts are on."""
    where = Account.workspace_id == workspace_id, among(Account.id, ids)
    query = select(Account.id, Plan.name).outerjoin(Plan, Plan.id == Account.plan_id).where(*where)
    return [Scope(PLAN, id_, name or "", live=name is not None) for id_, name in session.execute(query)]


def projects(session: Session, workspace_id: str, ids: Ids) -> list[Scope]:
    """Return the projects by name."""
    where = Project.workspace_id == workspace_id, among(Project.id, ids)
    query = select(Project).where(*where).order_by(Project.name)
    return [Scope("project", row.id, row.name, live=row.active) for row in session.scalars(query)]


def endpoints(session: Session, workspace_id: str, ids: Ids) -> list[Scope]:
    """Return the endpoints by project and name."""
    query = select(Endpoint, Project).join(Project, Project.id == Endpoint.project_id)
    query = query.where(Endpoint.workspace_id == workspace_id, among(Endpoint.id, ids))
    rows = session.execute(query.order_by(Project.name, Endpoint.name))
    return [
        Scope(
            "endpoint",
            row.id,
            row.name,
            project.id,
            project.name,
            live=row.active and project.active,
            slug=row.slug,
        )
        for row, project in rows
    ]


def keys(session: Session, workspace_id: str, ids: Ids) -> list[Scope]:
    """Return the keys by project and name."""
    query = select(Key, Project).join(Project, Project.id == Key.project_id)
    query = query.where(Key.workspace_id == workspace_id, among(Key.id, ids))
    rows = session.execute(query.order_by(Project.name, Key.name))
    return [
        Scope("key", row.id, row.name, project.id, project.name, live=not row.revoked_at and project.active)
        for row, project in rows
    ]


def account_scope(row: Account) -> Scope:
    """Return an account as a scope."""
    return Scope("account", row.id, row.name, live=row.active, is_root=row.parent_id is None)


READERS: Mapping[str, Callable[[Session, str, Ids], list[Scope]]] = {
    "account": accounts,
    "project": projects,
    "endpoint": endpoints,
    "key": keys,
    PLAN: plans,
}
