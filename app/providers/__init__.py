"""The upstream models: one adapter per dialect, in one explicit table."""

from __future__ import annotations

from app.domain.errors import ProviderFailed
from app.providers.anthropic import Anthropic
from app.providers.base import Adapter
from app.providers.demo import Demo
from app.providers.openai import OpenAI

ADAPTERS: dict[str, Adapter] = {
    "openai": OpenAI(),
    "anthropic": Anthropic(),
    "demo": Demo(),
}


def adapter(dialect: str) -> Adapter:
    """Return the adapter that speaks a dialect; raises ProviderFailed for an unknown one."""
    try:
        return ADAPTERS[dialect]
    except KeyError:
        raise ProviderFailed("This provider's dialect is not known here.") from None
