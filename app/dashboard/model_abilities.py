"""The part of a model's form that says what it can do and how good it is; routing goes by that."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from app.dashboard import forms
from app.domain.catalog import Model
from app.domain.wishes import QUANTIZATIONS
from app.services.price_list import ModelView

UNKNOWN = frozenset({"sampling"})  # what a model is held to be able to do of which nothing is known


def fields(found: ModelView | None) -> dict[str, Any]:
    """Return the form's part as the service takes it; what is as the catalog has it is not our own."""
    chosen = {name for name in forms.many("features") if name}
    was_shown = forms.switch("features")  # by a hidden field beside the boxes
    as_shipped = not was_shown or chosen == set(chosen_of(found.shipped if found else None))
    return {
        "quality": forms.whole("quality"),
        "quantization": forms.text("quantization"),
        "features": None if as_shipped else sorted(chosen),
    }


def values_of(found: ModelView, own: dict[str, Any]) -> dict[str, Any]:
    """Return what the form shows of a model: its own values, and everything that it can do."""
    return {
        "quality": own.get("quality"),
        "quantization": own.get("quantization", ""),
        "features": chosen_of(found.facts),
    }


def chosen_of(facts: Model | None) -> list[str]:
    """Return the boxes that are ticked for a model; that it can stream need not be said."""
    return sorted((facts.features if facts else UNKNOWN) - {"streaming"})


def blank() -> dict[str, Any]:
    """Return the part of an empty form."""
    return {"quality": "", "quantization": "", "features": sorted(UNKNOWN)}


def choices() -> list[tuple[str, str, str]]:
    """Return what a model can be able to do."""
    return [
        ("tools", str(_("Uses tools")), str(_("It can ask the application to call functions."))),
        ("vision", str(_("Sees pictures")), ""),
        ("json_schema", str(_("Keeps to a JSON schema")), str(_("Answers in exactly the form asked for."))),
        ("reasoning", str(_("Thinks before it answers")), ""),
        ("sampling", str(_("Takes a temperature")), str(_("Some reasoning models refuse one."))),
        (
            "embeddings",
            str(_("Makes embeddings")),
            str(_("Turns texts into numbers, and does nothing else.")),
        ),
    ]


def precisions(found: ModelView | None) -> list[tuple[str, str]]:
    """Return the precisions to choose from, the catalog's own first."""
    shipped = found.shipped.quantization if found and found.shipped else None
    first = _("As in the catalog: %(name)s", name=shipped) if shipped else _("Not known")
    return [("", str(first)), *((name, name) for name in reversed(QUANTIZATIONS))]
