"""How each provider of a workspace does right now, for people and for programs; and who fails too often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from app.database import after_commit, database
from app.domain.actors import Actor
from app.domain.callers import Caller
from app.domain.circuits import Circuit, outliers
from app.domain.key_rules import NO_RULES
from app.domain.performance import Counts, Stats, added, stats_of
from app.domain.provider_reports import ModelReport, ProviderReport
from app.models import Credential, Provider
from app.services import access, alerts, audit, credentials, lineups, providers
from app.services.health import RECOVERED_SECONDS, Health, Label, health
from app.services.performance import book
from app.services.pulse import pulse

STATES = {"needs_key": "no_key"}
DEGRADED_SHARE = 0.1  # of its attempts fail
SHOWN_MODELS = 200
OUTLIER_MINUTES = 2


@dataclass(frozen=True, slots=True)
class Named:
    """A provider as its row says. `keys`: the names of its keys by their ids."""

    id: str
    slug: str
    name: str
    state: str
    keys: Mapping[str, str]


def of_caller(caller: Caller) -> list[ProviderReport]:
    """Return the providers that a key may call, as they do now, with the models that its rules allow."""
    rules, known = caller.rules, lineups.find(caller).sellers.values()
    sellers = [seller for seller in known if rules.allows_some_of(seller.slug)]
    named = [
        Named(s.id, s.slug, s.name, s.state, {item.id: item.name for item in s.credentials}) for s in sellers
    ]
    reports = look_at(caller.workspace_id, named)
    if rules == NO_RULES:
        return reports
    return [replace(one, models=tuple(m for m in one.models if rules.allows(m.model_id))) for one in reports]


def overview(actor: Actor, workspace_id: str) -> list[ProviderReport]:
    """Return the workspace's providers as they do now; the demo comes last."""

    def work(session: Session) -> list[Named]:
        access.require(session, actor, workspace_id, "viewer")
        keys: dict[str, dict[str, str]] = {}
        for row in credentials.list_all(actor, workspace_id):
            keys.setdefault(row.provider_id, {})[row.id] = row.name
        views = providers.overview(actor, workspace_id)
        return [named(view, keys.get(view.provider.id, {})) for view in views]

    return look_at(workspace_id, database.read(work))


def named(view: providers.ProviderView, keys: Mapping[str, str]) -> Named:
    """Return what is needed of a provider's row."""
    row = view.provider
    return Named(row.id, row.slug, row.name, STATES.get(view.state, view.state), keys)


def circuits(providers_shown: Iterable[Provider]) -> dict[str, Circuit]:
    """Return the circuits that are not closed, by the ids of their providers."""
    health.exchange()
    found = {row.id: health.circuit(row.id) for row in providers_shown}
    return {name: circuit for name, circuit in found.items() if circuit.openings}


def try_again(actor: Actor, workspace_id: str, provider_id: str) -> Provider:
    """Have the next call try a provider that is left alone, and all of its keys. Admins only."""

    def work(session: Session) -> Provider:
        access.require(session, actor, workspace_id, "admin")
        provider = providers.owned(session, workspace_id, provider_id)
        rows = credentials.list_all(actor, workspace_id, provider_id)
        audit.write(
            session, actor, workspace_id, audit.Change("provider.try", provider.id, provider.slug, {})
        )
        after_commit(session, lambda: close(workspace_id, provider, rows))
        return provider

    return database.transaction(work)


def close(workspace_id: str, provider: Provider, keys: Iterable[Credential]) -> None:
    """Close the circuits of a provider and its keys."""
    for circuit_id in (provider.id, *(row.id for row in keys)):
        if health.circuit(circuit_id).openings or circuit_id == provider.id:
            health.close(workspace_id, circuit_id)


def look_at(workspace_id: str, rows: Iterable[Named]) -> list[ProviderReport]:
    """Return each provider with its circuit and its last five minutes, as all workers know them."""
    book.keep_up(workspace_id)
    health.exchange()
    book.exchange()
    minutes = [minute for _, minute in book.by_minute(workspace_id)]
    return [look_at_one(row, minutes) for row in rows]


def look_at_one(row: Named, minutes: list[dict[str, dict[str, int]]]) -> ProviderReport:
    """Return one provider."""
    now, circuit, prefix = health.clock(), health.circuit(row.id), row.slug + "/"
    models = sorted({name for minute in minutes for name in minute if name.startswith(prefix)})
    own = [added(counts for name, counts in minute.items() if name.startswith(prefix)) for minute in minutes]
    stats = stats_of(added(own))
    wait = circuit.open_until - now
    return ProviderReport(
        id=row.id,
        slug=row.slug,
        name=row.name,
        state=state_of(row.state, circuit, stats, now),
        circuit=circuit.state(now),
        failures=circuit.failures,
        error=circuit.error,
        next_probe_at=datetime.now(UTC) + timedelta(seconds=max(0.0, wait)) if circuit.openings else None,
        stats=stats,
        minutes=tuple(map(stats_of, own)),
        models=tuple(
            model_report(name, [minute.get(name, {}) for minute in minutes]) for name in models[:SHOWN_MODELS]
        ),
        keys_down=tuple(name for key, name in row.keys.items() if health.circuit(key).openings),
    )


def model_report(model_id: str, minutes: list[Counts]) -> ModelReport:
    """Return one model's last five minutes."""
    return ModelReport(model_id, stats_of(added(minutes)), tuple(map(stats_of, minutes)))


def state_of(state: str, circuit: Circuit, stats: Stats, now: float) -> str:
    """Return a provider's state: what its row says, unless it is ready but does badly."""
    if state != "ready":
        return state
    if circuit.openings:
        return "down"
    fails = stats.is_known and stats.error_share >= DEGRADED_SHARE
    return "degraded" if fails or circuit.is_cooling(now) else "ready"


def eject_outliers() -> None:
    """Open the circuits of those that fail far more often than the others of their workspace (L17)."""
    now = health.clock()
    failing = {circuit_id: label for circuit_id, label in health.labels.items() if label.slug}
    for workspace_id in {label.workspace_id for label in failing.values()}:
        shares = shares_of(workspace_id)
        mine = {label.slug: name for name, label in failing.items() if label.workspace_id == workspace_id}
        out = {slug for slug, name in mine.items() if health.circuit(name).openings}
        for slug in outliers(shares, out):
            if slug in mine and not recovered_lately(health, mine[slug], now):
                health.eject(mine[slug], Label(workspace_id, slug))


def recovered_lately(known: Health, circuit_id: str, now: float) -> bool:
    """Say whether what its failures count for is already over."""
    closed_at = known.circuit(circuit_id).closed_at
    return closed_at is not None and now - closed_at < RECOVERED_SECONDS


def shares_of(workspace_id: str) -> dict[str, tuple[int, int]]:
    """Return how many attempts at each provider were answered and failed in the last two minutes."""
    found: dict[str, tuple[int, int]] = {}
    for _, minute in book.by_minute(workspace_id)[-OUTLIER_MINUTES:]:
        for model_id, counts in minute.items():
            slug = model_id.partition("/")[0]
            answered, failed = found.get(slug, (0, 0))
            found[slug] = answered + counts.get("answered", 0), failed + counts.get("failed", 0)
    return found


def tell(label: Label, provider_id: str, circuit: Circuit) -> None:
    """Alert the workspace that one of its providers is left alone."""
    alerts.provider_down(label.workspace_id, provider_id, circuit.error)


health.on_open = tell
pulse.jobs.append(eject_outliers)
