"""What a client of light mode tells: of a request that it is about to make, and of one that it made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """What stands for the messages, which the client keeps to itself; empty and None: not said.

    `model`: as provider/model where a provider was named. `provider`: its slug.
    """

    model: str = ""
    provider: str = ""
    tier: str = ""
    task_type: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None  # at most
    temperature: float | None = None
    streaming: bool = False
    prompt_version: str = ""
    cache_lookup: Any = None  # handed back as it came
    includes_prompt: bool = False
    unknown: tuple[str, ...] = ()  # fields that mean nothing here

    def as_chat(self) -> dict[str, Any]:
        """Return the part of a chat body that is known of the request."""
        more = {"temperature": self.temperature, "max_tokens": self.output_tokens}
        is_free = not self.model or self.model.lower() == "auto"
        at = {"routing": {"providers": [self.provider]}} if self.provider and is_free else {}
        return {"messages": [], **at, **{name: value for name, value in more.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class Report:
    """The client's own numbers of a call. Nobody here has seen it, so nothing of it is charged (O48).

    `used`: the model that answered; empty: not said. `version`, `arm`: as the client was advised.
    """

    told: Told
    made_at: datetime | None = None
    used: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cache_status: str = "NONE"
    action: str = ""
    status: int = 200
    error_code: str = ""
    latency_ms: int | None = None
    cost_nano_usd: int | None = None
    version: int | None = None
    arm: str = ""
    tags: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """Return how it ended, in the words of records."""
        if self.action == "BLOCK":
            return "refused"
        return "failed" if self.error_code or self.status >= 400 else "succeeded"

    @property
    def from_cache(self) -> bool:
        """Say whether the client's own cache answered: HIT, or a word of its own like SEMANTIC_HIT."""
        return re.split("[_-]", self.cache_status)[-1] == "HIT"
