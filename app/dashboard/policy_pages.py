"""What the pages of policies share: finding one, its frame, its form with all that can be chosen."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.dashboard import forms, model_words, pages, policy_form, policy_words
from app.dashboard.addresses import public_root
from app.dashboard.auth import actor
from app.domain.ids import slugify
from app.domain.model_variants import base_of
from app.domain.policies.conditions import TASK_TYPES
from app.domain.policies.contexts import TRIAL_STATUSES
from app.domain.policies.rules import MOST_RULES
from app.domain.policy_snippets import PolicyCall, examples, snippets
from app.domain.snippets import Snippet
from app.models import Project
from app.services import keys, model_choices, policies, policy_checks, projects
from app.services.model_choices import Shelf
from app.services.policy_versions import PolicyView

SAMPLE_MODEL = "openai/gpt-4o-mini"


def find(policy: UUID) -> PolicyView:
    """Return a policy."""
    return policies.find(actor(), g.workspace.id, str(policy))


def page(template: str, view: PolicyView, **context: Any) -> Response:
    """Return a page of one policy."""
    return pages.page(template, view=view, project=view.project, words=policy_words, **context)


def blank(project_id: str) -> dict[str, Any]:
    """Return the values of a new policy's form."""
    return {"name": "", "key": "", "project": project_id, "rows": [], "as_yaml": False, "note": ""}


def values(view: PolicyView) -> dict[str, Any]:
    """Return the values of a policy's form: what the next save starts from."""
    config = view.working_config.as_dict()
    return {
        "name": view.policy.name,
        "key": view.policy.key,
        "rows": policy_form.rows_of(config["rules"]),
        "as_yaml": False,
        "note": "",
    }


def fields() -> dict[str, Any]:
    """Return the form as the service takes it; a key left empty follows from the name."""
    name, key = forms.text("name").strip(), forms.text("key").strip()
    return {"name": name, "key": key or (slugify(name) if name else ""), "rules": policy_form.read()}


def base() -> int | None:
    """Return the number of the version that the editor started from."""
    number = forms.whole("base")
    return number if isinstance(number, int) else None


def form_page(
    view: PolicyView | None, values: dict[str, Any], errors: dict[str, str] | None = None
) -> Response:
    """Return the form with its values, and with what is wrong with them."""
    listed = [each for each in projects.list_all(actor(), g.workspace.id) if each.active]
    project = view.project if view else chosen(listed, values)
    wrong = errors or {}
    return pages.page(
        "policies/edit.html",
        view=view,
        project=project,
        projects=[(each.id, each.name) for each in listed],
        values=values,
        rows=policy_form.shown(values["rows"], wrong),
        errors=wrong,
        summary={name: with_rule(name, text) for name, text in wrong.items()},
        most_rules=MOST_RULES,
        facts=policy_form.facts(),
        operators=policy_form.operators(),
        actions=[(name, str(text)) for name, text in policy_words.ACTIONS.items()],
        words=model_words,
        say=policy_words,
        status=422 if wrong else 200,
        **choices(project),
    )


def with_rule(name: str, text: str) -> str:
    """Return what is wrong with the number of its rule before it."""
    _rules, number, *_rest = [*name.split("."), "", ""]
    if not name.startswith("rules.") or not number.isdecimal():
        return text
    return str(_("Rule %(number)d: %(text)s", number=int(number) + 1, text=text))


def chosen(listed: list[Project], values: dict[str, Any]) -> Project | None:
    """Return the project that a new policy is for; at first one whose applications name models."""
    first = next((each for each in listed if "proxy" in each.surfaces), None) or next(iter(listed), None)
    found = next((each for each in listed if each.id == values.get("project")), first)
    values["project"] = found.id if found else ""
    return found


def choices(project: Project | None) -> dict[str, Any]:
    """Return what the form's fields can be filled with."""
    shelves = model_choices.list_shelves(actor(), g.workspace.id, project.id if project else None)
    prompts = policy_checks.list_prompts(actor(), g.workspace.id, project.id) if project else []
    return {
        "shelves": shelves,
        "known": model_choices.by_id(shelves),
        "prompts": prompts,
        "trial_statuses": TRIAL_STATUSES,
        "task_types": TASK_TYPES,
        "timezone": g.workspace.timezone,
    }


def unready(view: PolicyView) -> list[tuple[str, str]]:
    """Return the models of the rules that could not answer through the proxy now, and why."""
    project = view.project
    if project is None or "proxy" not in project.surfaces:
        return []
    shelves = model_choices.list_shelves(actor(), g.workspace.id, project.id)
    states = {shelf.provider.slug: shelf.state for shelf in shelves}
    named = dict.fromkeys(model for rule in view.working_config.rules for model in rule.models)
    slugs = {model: base_of(model).partition("/")[0] for model in named if "/" in model}
    found = {model: states.get(slug, "missing") for model, slug in slugs.items()}
    return [(model, model_words.state(state)) for model, state in found.items() if state != "ready"]


def samples(view: PolicyView) -> tuple[Snippet, ...]:
    """Return code that calls the policy, with what its rules ask of clients."""
    shelves = model_choices.list_shelves(actor(), g.workspace.id, view.policy.project_id)
    call = PolicyCall(public_root(), view.policy.key, sample_model(shelves), examples(view.config))
    return snippets(call)


def sample_model(shelves: list[Shelf]) -> str:
    """Return a model that can answer."""
    ready = (choice.model_id for shelf in shelves if shelf.state == "ready" for choice in shelf.choices)
    return next(ready, SAMPLE_MODEL)


def count_keys(view: PolicyView) -> int:
    """Return how many keys of the project are in force."""
    rows = keys.list_all(actor(), g.workspace.id, view.policy.project_id)
    return sum(keys.state_of(key) == "active" for key in rows)
