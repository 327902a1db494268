"""What a key may be answered by: models, providers, quality and the price of one call (A19, R17)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.fields import Collector, refuse_unknown, text, texts, whole
from app.domain.pricing import nano_to_usd, usd_to_nano

MOST_ENTRIES = 200
FIELDS = frozenset(
    {"models", "allowed_providers", "excluded_providers", "min_quality", "max_cost_usd_per_request"}
)


@dataclass(frozen=True, slots=True)
class KeyRules:
    """A key's guardrails on routing; an empty field is none.

    `models` are ids or patterns like `moonshot/*`; `min_quality` is 0 to 100.
    """

    models: tuple[str, ...] = ()
    allowed_providers: tuple[str, ...] = ()
    excluded_providers: tuple[str, ...] = ()
    min_quality: int | None = None
    max_cost_nano_usd_per_request: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the rules that are set, as they are stored."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}

    def as_fields(self) -> dict[str, Any]:
        """Return the rules in the form that `parse_rules` takes."""
        stored = self.as_dict().items()
        fields: dict[str, Any] = {name: list(v) if isinstance(v, tuple) else v for name, v in stored}
        cap = fields.pop("max_cost_nano_usd_per_request", None)
        return fields if cap is None else {**fields, "max_cost_usd_per_request": nano_to_usd(cap)}

    def allows(self, model_id: str) -> bool:
        """Say whether the key may be answered by `provider/model`, whatever it costs."""
        provider = model_id.partition("/")[0]
        if self.allowed_providers and provider not in self.allowed_providers:
            return False
        if provider in self.excluded_providers:
            return False
        return not self.models or any(fnmatchcase(model_id, pattern) for pattern in self.models)

    def allows_some_of(self, provider: str) -> bool:
        """Say whether the key may be answered by any model of a provider."""
        if self.allowed_providers and provider not in self.allowed_providers:
            return False
        patterns = [pattern.partition("/")[0] for pattern in self.models]
        named = not patterns or any(fnmatchcase(provider, pattern) for pattern in patterns)
        return named and provider not in self.excluded_providers


NO_RULES = KeyRules()


def parse_rules(raw: Mapping[str, Any]) -> KeyRules:
    """Check every field; raise InvalidFields with all that is wrong."""
    refuse_unknown(raw, FIELDS)
    collect = Collector()
    lists = {n: collect.take(texts, raw, n, most=MOST_ENTRIES) or () for n in PROVIDER_LISTS}
    rules = KeyRules(
        models=collect.take(patterns, raw) or (),
        allowed_providers=tuple(slug.lower() for slug in lists["allowed_providers"]),
        excluded_providers=tuple(slug.lower() for slug in lists["excluded_providers"]),
        min_quality=collect.take(whole, raw, "min_quality", 0, 100),
        max_cost_nano_usd_per_request=collect.take(cap, raw, "max_cost_usd_per_request"),
    )
    collect.finish()
    return rules


PROVIDER_LISTS = ("allowed_providers", "excluded_providers")


def patterns(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the models' ids or patterns; one that could never match is refused."""
    found = texts(raw, "models", most=MOST_ENTRIES)
    for pattern in found:
        if not {"/", "*"} & set(pattern) or " " in pattern or not pattern.isprintable():
            text = f"Write “{pattern[:60]}” as provider/model; a * stands for anything: openai/*."
            raise InvalidInput(text, param="models")
    return found


def cap(raw: Mapping[str, Any], name: str) -> int | None:
    """Return an amount above zero in nano-dollars, or None when absent."""
    written = text(raw, name, most=30)
    if not written:
        return None
    try:
        nano_usd = usd_to_nano(written)
    except ValueError as error:
        raise InvalidInput(str(error), param=name) from None
    if nano_usd == 0:
        raise InvalidInput("Must be more than nothing.", param=name)
    return nano_usd


def stored_rules(raw: Mapping[str, Any]) -> KeyRules:
    """Return the rules from their stored form."""
    fields: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in raw.items()}
    return KeyRules(**fields)
