"""Aliases: model names of a workspace's own, with the models behind them and a preset (C8)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.domain.endpoints import check_model_id
from app.domain.errors import InvalidInput
from app.domain.fields import Collector, number, refuse_unknown, switch, text, texts, whole

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
RESERVED = frozenset({"auto", "compare", "eval"})
MOST_MODELS = 6
MOST_OUTPUT_TOKENS = 200_000
PRESET_FIELDS = frozenset({"prompt", "temperature", "top_p", "max_output_tokens"})
FIELDS = PRESET_FIELDS | {"name", "models", "description", "active"}


@dataclass(frozen=True, slots=True)
class Preset:
    """What an alias sets; the client's own settings win, its prompt comes first."""

    prompt: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what is set."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


NO_PRESET = Preset()


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for one or more models, tried in order; `auto` may be one of them."""

    name: str
    models: tuple[str, ...]
    preset: Preset = NO_PRESET
    description: str = ""


def parse_alias(raw: Mapping[str, Any]) -> tuple[Alias, bool]:
    """Return the alias and whether it is switched on; raise InvalidFields with all that is wrong."""
    refuse_unknown(raw, FIELDS)
    collect = Collector()
    alias = Alias(
        name=collect.take(alias_name, raw) or "",
        models=collect.take(alias_models, raw) or (),
        preset=Preset(
            prompt=collect.take(text, raw, "prompt", most=100_000) or "",
            temperature=collect.take(number, raw, "temperature", 0, 2),
            top_p=collect.take(number, raw, "top_p", 0, 1),
            max_output_tokens=collect.take(whole, raw, "max_output_tokens", 1, MOST_OUTPUT_TOKENS),
        ),
        description=collect.take(text, raw, "description", most=1_000) or "",
    )
    active = collect.take(switch, raw, "active", True)
    collect.finish()
    return alias, active is not False


def alias_name(raw: Mapping[str, Any]) -> str:
    """Return the name: no slash or colon, so that it cannot be taken for a provider's model."""
    name = text(raw, "name", most=100, required=True)
    if NAME.fullmatch(name) is None:
        raise InvalidInput("Use letters, digits, dots, dashes and underscores.", param="name")
    if name.lower() in RESERVED:
        raise InvalidInput(f"“{name}” is a reserved word. Pick another.", param="name")
    return name


def alias_models(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the models behind the alias, in order."""
    models = texts(raw, "models", most=MOST_MODELS)
    if not models:
        raise InvalidInput("Name at least one model.", param="models")
    for model in models:
        if model != "auto":
            check_model_id(model, "models")
    return models
