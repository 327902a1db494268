"""What the forms of what-ifs begin with: the models that were used, at their prices of today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.domain.actors import Actor
from app.domain.bills import factor
from app.domain.callers import Caller
from app.domain.pricing import MILLION
from app.services import lineups, model_rows
from app.services.what_ifs import prices, samples
from app.services.what_ifs.samples import Sample

MOST_SHOWN = 8
NAMES = tuple(f"{name}_usd_per_million" for name in model_rows.PRICES)


def used_models(actor: Actor, workspace_id: str, sample: Sample) -> dict[str, dict[str, str]]:
    """Return the prices of the models that answered lately, the most used first. Viewers may."""
    scene = samples.read(actor, workspace_id, sample)
    return prices_of(scene.callers[None], prices.models_used(scene)[:MOST_SHOWN])


def prices_of(caller: Caller, models: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return today's prices by model, in the form in which new ones are proposed."""
    lineup = lineups.find(caller)
    found = dict[str, dict[str, str]]()
    for model_id in models:
        facts = lineup.facts(model_id)
        known = model_rows.fields_of(facts) if facts else {}
        multiplier = factor(facts.multiplier_ppm if facts else MILLION)
        found[model_id] = {**{name: known[name] for name in NAMES if name in known}, "multiplier": multiplier}
    return found


def changed(
    actor: Actor, workspace_id: str, project_id: str, typed: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the typed prices that differ from today's; those of cached tokens stay as they are."""
    scene = samples.read(actor, workspace_id, Sample(project_id, 1))
    today, found = prices_of(scene.callers[None], typed), dict[str, dict[str, Any]]()
    for model_id, fields in typed.items():
        known = today[model_id]
        if any(fields.get(name, "") != known.get(name, "") for name in fields):
            found[model_id] = {**known, **fields}
    return found
