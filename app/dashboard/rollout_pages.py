"""What the pages of rollouts share: whose rollouts they are, the frame around them, and the form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import g
from werkzeug.wrappers import Response

from app.dashboard import endpoints, forms, model_words, pages, policy_pages, policy_words, rollout_words
from app.dashboard.auth import actor
from app.domain.rollout_plans import DEFAULT, RolloutPlan, parse_plan
from app.models import EndpointVersion, PolicyVersion, Rollout
from app.services import endpoint_versions, policy_versions, rollout_guard, rollout_history
from app.services.endpoint_versions import EndpointView
from app.services.policy_versions import PolicyView

MINUTES = 60  # a step of the plan that the form begins with: it goes on by itself
NUMBERS = (
    "step_minutes", "step_calls", "shadow_percent", "least_calls", "most_more_errors_points",
    "most_more_guardrails_points", "most_slower_percent", "most_dearer_percent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """The policy or the endpoint whose rollouts are shown. `frame`: the template around its pages."""

    kind: str
    id: str
    view: PolicyView | EndpointView
    frame: str
    around: dict[str, Any]
    rollout_plan: dict[str, Any]

    @property
    def arguments(self) -> dict[str, str]:
        """Return what addresses of this place need."""
        return {"policy": self.id} if self.kind == "policy" else {"endpoint_id": self.id}

    @property
    def plan(self) -> RolloutPlan | None:
        """Return how its new versions go live; None: at once."""
        return parse_plan(self.rollout_plan)


def place_of(endpoint_id: UUID | str | None, policy: UUID | str | None) -> Place:
    """Return the place that an address names."""
    if policy is not None:
        view = policy_pages.find(UUID(str(policy)))
        around: dict[str, Any] = {"view": view, "project": view.project, "words": policy_words}
        row = view.policy
        return Place("policy", row.id, view, "policies/_frame.html", around, row.rollout_plan)
    found, project = endpoints.find(UUID(str(endpoint_id)))
    around = {"view": found, "project": project, "words": model_words}
    named = found.endpoint
    return Place("endpoint", named.id, found, "endpoints/_frame.html", around, named.rollout_plan)


def place_of_row(row: Rollout) -> Place:
    """Return the place that a rollout belongs to."""
    is_policy = row.subject_type == "policy"
    return place_of(None if is_policy else row.subject_id, row.subject_id if is_policy else None)


def page(template: str, place: Place, **context: Any) -> Response:
    """Return a page in the frame of its policy or endpoint."""
    g.stands_under = "policies" if place.kind == "policy" else "projects"
    past = rollout_history.list_all(actor(), g.workspace.id, place.kind, place.id)
    shared = {"frame": place.frame, "place": place, "say": rollout_words, "past": past, **place.around}
    return pages.page(template, **shared, **context)


def show_page(row: Rollout, errors: dict[str, str] | None = None) -> Response:
    """Return the page of one rollout."""
    place = place_of_row(row)
    return page(
        "rollouts/show.html",
        place,
        standing=rollout_guard.standing(actor(), g.workspace.id, row.id),
        row=row,
        may_undo=may_undo(row, place),
        errors=errors or {},
        status=422 if errors else 200,
    )


def may_undo(row: Rollout, place: Place) -> bool:
    """Say whether what an ended rollout left is still what answers."""
    left = row.new_number if row.outcome == "promoted" else row.old_number
    under_way = rollout_history.current(actor(), g.workspace.id, place.kind, place.id)
    return row.ended_at is not None and under_way is None and place.view.version.number == left


def start_page(place: Place, typed: dict[str, Any], errors: dict[str, str] | None = None) -> Response:
    """Return the form that begins a rollout, and those before."""
    return page(
        "rollouts/index.html",
        place,
        values=typed,
        versions=versions(place),
        errors=errors or {},
        status=422 if errors else 200,
    )


def versions(place: Place) -> list[tuple[int, str]]:
    """Return the versions that can be rolled out, newest first."""
    where, rows = (g.workspace.id, place.id), list[PolicyVersion | EndpointVersion]()
    if place.kind == "policy":
        rows += policy_versions.list_versions(actor(), *where, limit=100)
    else:
        rows += endpoint_versions.list_versions(actor(), *where, limit=100)
    return [(row.number, label_of(row)) for row in rows if row.number != place.view.version.number]


def label_of(row: PolicyVersion | EndpointVersion) -> str:
    """Return a version's entry in the list."""
    return " · ".join(filter(None, (f"{row.number}", row.note[:60], row.author)))


def blank(place: Place, number: int | None) -> dict[str, Any]:
    """Return the values that the form begins with: nothing needs to be changed."""
    plan = place.plan
    shown = (plan or DEFAULT).as_dict()
    found = {name: shown[name] for name in NUMBERS}
    if plan is None:
        found["step_minutes"] = MINUTES
    draft = place.view.draft
    return {
        **found,
        "number": number or (draft.number if draft else None),
        "begin": "canary",
        "pace": "alone" if found["step_minutes"] else "hand",
        "guarded": "1" if shown["guarded"] else "",
        "steps": ", ".join(str(step) for step in shown["steps"]),
    }


def plan_typed() -> dict[str, Any]:
    """Return the plan of the submitted form as services take it."""
    numbers = {name: forms.whole(name) for name in NUMBERS}
    if forms.text("pace") == "hand":
        numbers["step_minutes"] = 0
    given = {name: value for name, value in numbers.items() if value is not None}
    return {"guarded": forms.switch("guarded"), "steps": steps_typed(), **given}


def steps_typed() -> list[float | str]:
    """Return the steps that were typed, each a number where it is one."""
    return [number(part) for part in forms.text("steps").replace("%", " ").replace(",", " ").split()]


def number(part: str) -> float | str:
    """Return a number, or the text when it is none."""
    try:
        return float(part)
    except ValueError:
        return part


def standing_typed() -> dict[str, Any]:
    """Return with what the rollout begins."""
    begin = forms.text("begin")
    return {"state": {"shadow": "SHADOW", "full": "FULL"}[begin]} if begin in ("shadow", "full") else {}
