"""The people and things in every fixture world: an owner, teammates by role, and a stranger."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from flask.testing import FlaskClient

from app.database import database
from app.domain.actors import SYSTEM, Actor
from app.models import Endpoint, Key, Membership, Project, Provider, User, Workspace
from app.services import endpoints, keys, projects, providers, workspaces

PASSWORD = "correct horse battery"


@cache
def password_hash() -> str:
    """Return the cheap hash of everybody's password."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A workspace with a project, a streaming endpoint on the demo model and a key."""

    workspace: Workspace
    project: Project
    endpoint: Endpoint
    provider: Provider
    key: Key
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        """What an application of this tenant sends."""
        return {"Authorization": f"Bearer {self.secret}"}

    @property
    def url(self) -> str:
        """The endpoint's public path."""
        return f"/api/{self.project.id}/{self.endpoint.slug}"


@dataclass(frozen=True, slots=True)
class World:
    """Acme with its owner and teammates, and a stranger who owns Other."""

    acme: Tenant
    other: Tenant
    owner: User
    admin: User
    teammate: User  # editor
    viewer: User
    stranger: User


def make_world() -> World:
    """Make both tenants and their people."""
    acme, other = make_tenant("Acme"), make_tenant("Other")
    return World(
        acme=acme,
        other=other,
        owner=make_person("owner@acme.test", acme.workspace, "owner"),
        admin=make_person("admin@acme.test", acme.workspace, "admin"),
        teammate=make_person("teammate@acme.test", acme.workspace, "editor"),
        viewer=make_person("viewer@acme.test", acme.workspace, "viewer"),
        stranger=make_person("stranger@other.test", other.workspace, "owner"),
    )


def make_tenant(name: str) -> Tenant:
    """Make a workspace in which the demo endpoint `hello` can be called."""
    workspace = workspaces.create(SYSTEM, {"name": name})
    project = projects.create(SYSTEM, workspace.id, {"name": "Support"})
    view = endpoints.create(
        SYSTEM,
        workspace.id,
        project.id,
        {"slug": "hello", "name": "Hello", "model": "demo/demo-fast", "streaming_enabled": True},
    )
    made = keys.create(SYSTEM, workspace.id, project.id, {"name": "ci"})
    demo = providers.list_all(SYSTEM, workspace.id)[0]
    return Tenant(workspace, project, view.endpoint, demo, made.key, made.secret)


def make_person(email: str, workspace: Workspace | None, role: str, *, operator: bool = False) -> User:
    """Make a person who is a member of `workspace`."""

    def work(session) -> User:  # type: ignore[no-untyped-def]
        name = email.split("@")[0].title()
        user = User(email=email, name=name, password_hash=password_hash(), is_operator=operator)
        session.add(user)
        session.flush()
        if workspace is not None:
            session.add(Membership(workspace_id=workspace.id, user_id=user.id, role=role))
        return user

    return database.transaction(work)


def actor_of(user: User) -> Actor:
    """Return the person as an actor."""
    return Actor("person", user.id, user.email, user.is_operator)


def sign_in(client: FlaskClient, user: User) -> FlaskClient:
    """Give the client the session that signing in would give."""
    with client.session_transaction() as session:
        session["_user_id"] = f"{user.id}.{user.session_epoch}"
        session["_fresh"] = True
    return client
