"""Reads what a project can be answered by, and remembers it until the workspace's configuration changes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.aliases import Alias as AliasFacts
from app.domain.aliases import Preset
from app.domain.callers import Caller
from app.domain.catalog import Catalog
from app.domain.gateway_settings import GatewaySettings
from app.domain.lineups import Lineup, Seller, opened
from app.models import Alias, Project, Provider
from app.services import model_choices, model_rows, stamps, targets, turns
from app.services.cache import Cache

_known: Cache[str, Lineup] = Cache(5_000)


def find(caller: Caller, *, fresh: bool = False) -> Lineup:
    """Return the lineup of the caller's project."""
    lineup = None if fresh else known(caller)
    lineup = lineup or turns.read_once(
        f"lineup {caller.project_id}", lambda: known(caller), lambda: read(caller)
    )
    return lineup if caller.asks_elsewhere is None else opened(lineup, caller.asks_elsewhere)


def known(caller: Caller) -> Lineup | None:
    """Return the remembered lineup, where it holds for the caller."""
    lineup = _known.get(caller.project_id)
    if lineup is None or not stamps.holds_for(caller, lineup.config_stamp, lineup.read_at):
        return None
    return lineup


def read(caller: Caller) -> Lineup:
    """Read and remember the lineup."""
    began = stamps.begin(caller)
    lineup = database.read(lambda session: load(session, caller, began))
    _known.put(caller.project_id, lineup)
    return lineup


def load(session: Session, caller: Caller, began: float) -> Lineup:
    """Read providers, models and aliases."""
    catalog = model_rows.known_models(session, caller.workspace_id)
    where = Provider.workspace_id == caller.workspace_id
    rows = session.scalars(select(Provider).where(where).order_by(Provider.created_at, Provider.slug)).all()
    models = {c.model_id: c.facts for row in rows for c in model_choices.choices_of(catalog, row)}
    project = session.get_one(Project, caller.project_id)
    return Lineup(
        project_id=caller.project_id,
        sellers={row.slug: seller(session, row, caller.project_id) for row in rows},
        models=models,
        by_name=by_name([*models, *deprecated(catalog, rows)]),
        aliases={alias.name: alias for alias in aliases(session, caller)},
        known=catalog,
        gateway=GatewaySettings(**project.gateway),
        log_content=project.log_content,
        config_stamp=caller.config_stamp,
        read_at=began,
    )


def seller(session: Session, row: Provider, project_id: str) -> Seller:
    """Return a provider with its usable secrets."""
    credentials = targets.credentials_of(session, row, project_id)
    return Seller(
        id=row.id,
        slug=row.slug,
        name=row.name,
        dialect=row.dialect,
        base_url=row.base_url,
        vendor=row.vendor,
        zdr=row.zdr,
        may_train=row.may_train,
        watched=(row.alert_nano_usd_per_day, row.stop_nano_usd_per_day) != (None, None),
        state=state_of(row, bool(credentials)),
        credentials=credentials,
    )


def state_of(row: Provider, has_key: bool) -> str:
    """Return ready, off, paused or no_key."""
    if not row.active:
        return "off"
    if row.paused_at is not None:
        return "paused"
    return "ready" if has_key or row.dialect == "demo" else "no_key"


def deprecated(catalog: Catalog, rows: Iterable[Provider]) -> list[str]:
    """Return the ids of models that are listed no more, but still answer to their names."""
    return [
        f"{row.slug}/{model.name}" for row in rows for model in catalog.list(row.vendor) if model.deprecated
    ]


def by_name(models: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the ids under which each bare name is offered."""
    found: dict[str, tuple[str, ...]] = {}
    for model_id in dict.fromkeys(models):
        name = model_id.partition("/")[2]
        found[name] = (*found.get(name, ()), model_id)
    return found


def aliases(session: Session, caller: Caller) -> Iterable[AliasFacts]:
    """Yield the aliases of workspace and project; the project's own come last, and win."""
    rows = session.scalars(
        select(Alias)
        .where(
            Alias.workspace_id == caller.workspace_id,
            Alias.active,
            or_(Alias.project_id.is_(None), Alias.project_id == caller.project_id),
        )
        .order_by(Alias.project_id.is_not(None))
    )
    for row in rows:
        yield AliasFacts(row.name, tuple(row.models), Preset(**row.preset), row.description)
