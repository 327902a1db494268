"""What a client asks of routing beside the model: privacy, price, speed, providers (A14, A15, R8-R10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.calls import Headers
from app.domain.errors import InvalidRequest
from app.domain.pricing import NANO_PER_USD

POLICIES = ("lowest_latency", "lowest_cost", "highest_throughput", "pinned")
ROUTING_HEADER = {"cost": "lowest_cost", "speed": "lowest_latency", "quality": "quality", "auto": ""}
QUANTIZATIONS = ("int4", "int8", "fp8", "bf16", "fp16", "fp32")  # from coarse to fine (R10)
# Fields of a request's body that are the gateway's own: no provider gets them.
OWN_FIELDS = frozenset(
    {
        "routing", "data_collection", "zdr", "min_quantization", "max_quantization", "preferred_max_latency",
        "preferred_min_throughput", "baseline_model", "fallbacks", "plugins", "compare", "healing",
        "variables",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wishes:
    """The client's wishes; the defaults wish for nothing.

    `policy` empty: ours to choose; `quality`: the best one first. `providers` empty: all of them.
    `fallback` False: only the first candidate is tried.
    """

    policy: str = ""
    providers: tuple[str, ...] = ()
    fallback: bool = True
    max_input_nano_usd_per_million: int | None = None
    no_training: bool = False
    zdr: bool = False
    min_quantization: str | None = None
    max_quantization: str | None = None
    preferred_max_latency_ms: float | None = None
    preferred_min_throughput: float | None = None
    baseline_model: str | None = None

    @property
    def orders(self) -> bool:
        """Say whether anything of it changes the order of models."""
        return bool(self.policy or self.preferred_max_latency_ms or self.preferred_min_throughput)


NO_WISHES = Wishes()


def parse_wishes(body: Mapping[str, Any], headers: Headers) -> Wishes:
    """Return the wishes in a body and its headers; raise InvalidRequest (400) for what makes no sense."""
    if wishes_nothing(body, headers):
        return NO_WISHES
    baseline = text(body, "baseline_model") or headers.get("X-Baseline-Model")
    asked = headers.get("X-Routing", "").strip().lower()
    routing = object_of(body, "routing")
    policy = text(routing, "policy", POLICIES)
    if asked and asked not in ROUTING_HEADER:
        raise InvalidRequest(f"The header x-routing must be one of: {', '.join(ROUTING_HEADER)}.")
    providers = names(routing, "providers")
    if policy == "pinned" and not providers:
        raise InvalidRequest("The policy 'pinned' needs a provider in 'routing.providers'.", param="routing")
    return Wishes(
        policy=policy or ROUTING_HEADER.get(asked, ""),
        providers=providers[:1] if policy == "pinned" else providers,
        fallback=flag(body, "fallbacks", True) and flag(routing, "allow_fallback", policy != "pinned"),
        max_input_nano_usd_per_million=dollars(routing, "max_cost_per_1m_input"),
        no_training=text(body, "data_collection", ("allow", "deny")) == "deny",
        zdr=flag(body, "zdr", False),
        min_quantization=text(body, "min_quantization", QUANTIZATIONS),
        max_quantization=text(body, "max_quantization", QUANTIZATIONS),
        preferred_max_latency_ms=positive(body, "preferred_max_latency"),
        preferred_min_throughput=positive(body, "preferred_min_throughput"),
        baseline_model=baseline,
    )


def wishes_nothing(body: Mapping[str, Any], headers: Headers) -> bool:
    """Say whether neither body nor headers say anything of routing."""
    if not OWN_FIELDS.isdisjoint(body) or headers.get("X-Baseline-Model"):
        return False
    return not headers.get("X-Routing", "").strip()


def object_of(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object of the body, empty when absent."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise InvalidRequest(f"'{name}' must be an object.", param=name)
    return value or {}


def text(body: Mapping[str, Any], name: str, among: tuple[str, ...] = ()) -> str | None:
    """Return a text, one of `among` where that is given; None when absent."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 200 or (among and value.lower() not in among):
        must = f"one of: {', '.join(among)}" if among else "a text"
        raise InvalidRequest(f"'{name}' must be {must}.", param=name)
    return value.lower() if among else value


def names(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a list of providers' slugs, in any case (C28)."""
    value = body.get(name) or []
    if not isinstance(value, list) or len(value) > 100 or not all(isinstance(item, str) for item in value):
        raise InvalidRequest(f"'{name}' must be a list of providers.", param=name)
    return tuple(item.strip().lower() for item in value)


def flag(body: Mapping[str, Any], name: str, default: bool) -> bool:
    """Return true or false."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidRequest(f"'{name}' must be true or false.", param=name)
    return value


def positive(body: Mapping[str, Any], name: str) -> float | None:
    """Return a number above zero, None when absent."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 10**9:
        raise InvalidRequest(f"'{name}' must be a number above 0.", param=name)
    return float(value)


def dollars(body: Mapping[str, Any], name: str) -> int | None:
    """Return an amount of dollars as nano-dollars; it is a limit, so a float will do."""
    value = positive(body, name)
    return None if value is None else round(value * NANO_PER_USD)
