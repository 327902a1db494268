"""The box in which a text is put to guardrails as they stand in the form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.dashboard import forms, guardrail_form, pages
from app.domain.errors import InvalidInput
from app.domain.guardrails.levels import Level
from app.domain.guardrails.settings import Settings
from app.services import guardrail_trials


def tried(own: Settings, above: Sequence[Level]) -> dict[str, Any]:
    """Return what the rules say of the text, for the template."""
    text, side = forms.text("try.text"), forms.text("try.side") or "input"
    found: dict[str, Any] = {"error": "", "verdicts": (), "masked": None}
    try:
        trial = guardrail_trials.put(above, guardrail_form.read(own, above), text, side)
        found |= {"verdicts": trial.verdicts, "masked": trial.masked}
    except InvalidInput as error:
        found["error"] = "; ".join(pages.errors_of(error).values())
    return {"tried": found, "try_text": text, "try_side": side}
