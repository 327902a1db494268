"""Words and numbers of calls that applications made themselves and reported (light mode)."""

from __future__ import annotations

from flask_babel import gettext as _

from app.dashboard.receipt_words import cost as dollars
from app.dashboard.receipt_words import milliseconds
from app.models import RecordRow

Facts = list[tuple[str, str, str]]  # term, value, hint


def outcome(row: RecordRow) -> str:
    """Say how the application says that it ended."""
    if row.outcome == "refused":
        return str(_("The policy blocked it, and the application asked no model."))
    if row.outcome == "succeeded":
        return str(_("The application says that the model answered."))
    if row.error_code:
        return str(_("The application says that it failed: %(code)s.", code=row.error_code))
    return str(_("The application says that it failed with status %(status)d.", status=row.status))


def tokens(row: RecordRow) -> str:
    """Write the tokens as the list of requests has them."""
    return f"{number(row, 'input_tokens'):,} → {number(row, 'output_tokens'):,}"


def cost(row: RecordRow) -> str:
    """Write what the call cost: as reported, else at the catalog's prices."""
    said = row.reported or {}
    own = said.get("cost_nano_usd")
    return dollars(said.get("catalog_nano_usd") if own is None else own)


def cost_hint(row: RecordRow) -> str:
    """Say whose number the cost is."""
    own = (row.reported or {}).get("cost_nano_usd")
    return str(_("at catalog prices") if own is None else _("as the application says"))


def duration(row: RecordRow) -> str:
    """Write how long the application says that it took."""
    return milliseconds((row.reported or {}).get("latency_ms"))


def number(row: RecordRow, name: str) -> int:
    """Return one of the client's numbers."""
    return int((row.reported or {}).get(name) or 0)


def facts(row: RecordRow) -> Facts:
    """List what the application said beside the numbers at the top."""
    said = row.reported or {}
    own = said.get("cost_nano_usd")
    told = [
        (_("What it did"), said.get("action")),
        (_("Its own cache"), said.get("cache_status")),
        (_("Cost"), None if own is None else dollars(own)),
        (_("Kind of task"), said.get("task_type")),
        (_("Prompt"), said.get("prompt_version")),
        (_("Version of the policy"), said.get("policy_version")),
        (_("Side of a rollout"), said.get("arm")),
        (_("Tags"), ", ".join(said.get("tags") or ())),
    ]
    return [(str(label), str(value), "") for label, value in told if value not in (None, "")]


def reckoned(row: RecordRow) -> Facts:
    """List what the reported tokens cost and saved at the catalog's prices."""
    said = row.reported or {}
    hint = _("against %(model)s for the same tokens", model=row.model_requested)
    return [
        (str(_("Cost")), dollars(said.get("catalog_nano_usd")), ""),
        (str(_("Saved")), dollars(said.get("savings_nano_usd")), str(hint)),
        (str(_("Charged")), dollars(0), ""),
    ]
