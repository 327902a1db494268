"""A request on its way to one model: its body, and in plain words what was changed for that model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.domain.chat_messages import in_words
from app.domain.vendor_parameters import says_something

Json = dict[str, Any]


@dataclass(slots=True)
class Fitted:
    """A body that the model takes. `changed`: what was dropped, clamped or said otherwise, in plain words."""

    body: Json
    model_id: str = ""
    changed: list[str] = field(default_factory=list)

    def drop(self, *names: str) -> None:
        """Leave parameters out, and name those that asked for something."""
        for name in names:
            if says_something(name, self.body.pop(name, None)):
                self.say(f"{name} is not supported by {self.model_id} and was dropped")

    def drop_quietly(self, *names: str) -> None:
        """Leave out what asks for nothing, or what is said otherwise."""
        for name in names:
            self.body.pop(name, None)

    def say(self, text: str) -> None:
        """Note one change."""
        self.changed.append(text)

    @property
    def format(self) -> str:
        """Return the kind of answer that is asked for: text, json_object or json_schema."""
        wanted = self.body.get("response_format")
        return str(wanted.get("type")) if isinstance(wanted, dict) else "text"

    def ask_in_words(self) -> None:
        """Ask for JSON in the prompt, where the model has no parameter for it."""
        kind, wanted = self.format, self.body.pop("response_format")
        self.body["messages"] = in_words(wanted, self.body["messages"])
        self.say(
            f"response_format {kind} is not supported by {self.model_id} and was asked for in the prompt"
        )
