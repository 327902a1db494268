"""How a project uses the door to every model: baseline, siblings, keys of customers, cache, guardrails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.domain.endpoints import check_model_id
from app.domain.fields import Collector, refuse_unknown, switch, text, whole

FIELDS = frozenset(
    {"baseline_model", "min_quality", "siblings", "byok_fallback", "cache_seconds", "guard_passthrough"}
)
MOST_CACHE_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """A project's choices.

    `baseline_model`: what savings of `auto` are measured against (O37); empty: the dearest that could answer.
    `min_quality`: 0 to 100, the floor that `auto` must clear; None: by the kind of request.
    `siblings`: the same model at another provider stands in for a failed one (A13).
    `byok_fallback`: a call with a key of the customer's own may go on with ours (C26).
    `cache_seconds`: for how long equal requests are answered from the cache; 0: not at all.
    `guard_passthrough`: guardrails hold on the providers' own routes, too, whose calls else pass unchanged.
    """

    baseline_model: str = ""
    min_quality: int | None = None
    siblings: bool = True
    byok_fallback: bool = False
    cache_seconds: int = 0
    guard_passthrough: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return every field."""
        return asdict(self)


DEFAULTS = GatewaySettings()


def parse_settings(raw: Mapping[str, Any]) -> GatewaySettings:
    """Check every field; raise InvalidFields with all that is wrong."""
    refuse_unknown(raw, FIELDS)
    collect = Collector()
    settings = GatewaySettings(
        baseline_model=collect.take(baseline, raw) or "",
        min_quality=collect.take(whole, raw, "min_quality", 0, 100),
        siblings=collect.take(switch, raw, "siblings", True) is not False,
        byok_fallback=collect.take(switch, raw, "byok_fallback") or False,
        cache_seconds=collect.take(whole, raw, "cache_seconds", 0, MOST_CACHE_SECONDS) or 0,
        guard_passthrough=collect.take(switch, raw, "guard_passthrough") or False,
    )
    collect.finish()
    return settings


def baseline(raw: Mapping[str, Any]) -> str:
    """Return the baseline as provider/model, or nothing."""
    model_id = text(raw, "baseline_model", most=200)
    if model_id:
        check_model_id(model_id, "baseline_model")
    return model_id
