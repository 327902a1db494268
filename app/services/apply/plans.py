"""The plans of an apply file: they stand beside the workspaces, for the whole installation shares them."""

from __future__ import annotations

from typing import Any

from app.domain.actors import Actor
from app.domain.plans import FIELDS
from app.models import Plan
from app.services import plans
from app.services.apply.report import Item, Report, refusals_at


def apply_plans(actor: Actor, report: Report, listed: list[dict[str, Any]]) -> None:
    """Bring every plan that the file names to what it says."""
    for number, fields in enumerate(listed):
        apply_plan(actor, report, Item(fields, f"plans[{number}]", f"plans/{fields['slug'].strip()}"))


def apply_plan(actor: Actor, report: Report, item: Item) -> None:
    """Make or change one plan; fields that the file leaves out stay as they are."""
    with refusals_at(item):
        found = find(actor, item.text("slug"))
        before = plans.as_fields(found) if found else None
        fields = item.only(FIELDS)
        after = plans.update(actor, found.id, fields) if found else plans.create(actor, fields)
    report.note(item.path, created=found is None, changed=plans.as_fields(after) != before)


def find(actor: Actor, slug: str) -> Plan | None:
    """Return the plan of that slug."""
    return next((view.plan for view in plans.list_all(actor) if view.plan.slug == slug), None)
