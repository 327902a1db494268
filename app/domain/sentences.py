"""Texts with places for values: made where nothing is known of languages, translated where they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text to translate and the values for its places."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)
