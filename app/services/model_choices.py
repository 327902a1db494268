"""Which models a person can pick from, and how ready the models of an endpoint's chain are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.catalog import TEXT, Catalog, Model
from app.domain.endpoints import EndpointConfig
from app.models import Provider
from app.services import access, model_rows, projects, targets


@dataclass(frozen=True, slots=True)
class Choice:
    """A model under the id that this workspace calls it by."""

    model_id: str  # provider/model
    facts: Model


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one provider of the workspace offers. `state`: ready | off | paused | no_key."""

    provider: Provider
    state: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """One model of an endpoint's chain. `state`: ready | off | paused | no_key | missing."""

    model_id: str
    provider: Provider | None
    state: str
    facts: Model | None


def list_shelves(
    actor: Actor, workspace_id: str, project_id: str | None, *, chat_only: bool = True
) -> list[Shelf]:
    """Return the known models of the workspace's providers, ready ones first; none deprecated.

    Without a project, ready is who has a key for all of them.
    """
    choose = chat_models if chat_only else choices_of

    def work(session: Session) -> list[Shelf]:
        access.require(session, actor, workspace_id, "viewer")
        if project_id is not None:
            projects.owned(session, workspace_id, project_id)
        known = model_rows.known_models(session, workspace_id)
        where = Provider.workspace_id == workspace_id
        rows = session.scalars(select(Provider).where(where).order_by(Provider.name))
        shelves = [Shelf(row, state_of(session, row, project_id), choose(known, row)) for row in rows]
        return sorted(shelves, key=lambda shelf: shelf.state != "ready")

    return database.read(work)


def by_id(shelves: Iterable[Shelf]) -> dict[str, Model]:
    """Return what is known of each model on the shelves, by its id."""
    return {choice.model_id: choice.facts for shelf in shelves for choice in shelf.choices}


def choices_of(known: Catalog, provider: Provider) -> tuple[Choice, ...]:
    """Return the models known for one provider: its vendor's and those written for its slug."""
    own = {model_id.partition("/")[2] for model_id in known.own if model_id.startswith(f"{provider.slug}/")}
    names = sorted(own | {model.name for model in known.list(provider.vendor) if not model.deprecated})
    found = [(name, known.find_served(provider.slug, provider.vendor, name)) for name in names]
    return tuple(Choice(f"{provider.slug}/{name}", facts) for name, facts in found if facts is not None)


def chat_models(known: Catalog, provider: Provider) -> tuple[Choice, ...]:
    """Return those of a provider's known models that chat."""
    return tuple(choice for choice in choices_of(known, provider) if choice.facts.modality == TEXT)


def chain(actor: Actor, workspace_id: str, project_id: str, config: EndpointConfig) -> list[Link]:
    """Return the endpoint's models in the order in which they are tried, and whether each could answer."""

    def work(session: Session) -> list[Link]:
        access.require(session, actor, workspace_id, "viewer")
        projects.owned(session, workspace_id, project_id)
        models = (config.model, *config.failover)
        return [link(session, workspace_id, project_id, model_id) for model_id in models]

    return database.read(work)


def link(session: Session, workspace_id: str, project_id: str | None, model_id: str) -> Link:
    """Return one model of a chain with its provider's state."""
    slug, _, model = model_id.partition("/")
    where = Provider.workspace_id == workspace_id, Provider.slug == slug
    provider = session.scalars(select(Provider).where(*where)).first()
    if provider is None:
        return Link(model_id, None, "missing", None)
    facts = model_rows.facts(session, provider, model)
    return Link(model_id, provider, state_of(session, provider, project_id), facts)


def state_of(session: Session, provider: Provider, project_id: str | None) -> str:
    """Say whether the provider could answer a call of this project, or of any without one."""
    if not provider.active:
        return "off"
    if provider.paused_at is not None:
        return "paused"
    has_key = provider.dialect == "demo" or targets.credentials_of(session, provider, project_id)
    return "ready" if has_key else "no_key"
