"""The upstream models: one adapter per dialect, in one explicit table."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.calls import Cancellation, Upstream
from app.domain.forwarding import Request
from app.domain.provider_errors import ProviderFailed
from app.providers import demo_forward
from app.providers.anthropic import Anthropic
from app.providers.base import Adapter
from app.providers.demo import Demo
from app.providers.forward import Forwarded, forward
from app.providers.openai import OpenAI

Forwarder = Callable[[Upstream, Request, Cancellation], Forwarded]

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


def forwarder(dialect: str) -> Forwarder:
    """Return what passes a call on to a provider of this dialect as it came."""
    return demo_forward.forward if dialect == "demo" else forward
