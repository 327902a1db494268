"""The forms of what-ifs: which requests, and what is proposed. Nothing of it is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import g, request
from flask_babel import gettext as _

from app.dashboard import forms
from app.dashboard.auth import actor
from app.domain import strict_yaml
from app.domain.errors import InvalidInput
from app.domain.what_ifs import USUAL
from app.models import Project
from app.services import aliases, endpoints, model_choices, policies
from app.services.policy_versions import PolicyView
from app.services.what_ifs import offers
from app.services.what_ifs.samples import Sample

Values = dict[str, Any]
MOST_OPTIONS = (50, 200, 500, 1000)
MOST_ROWS = offers.MOST_SHOWN + 1
PRICE_FIELDS = {
    "input": "input_usd_per_million",
    "output": "output_usd_per_million",
    "multiplier": "multiplier",
}


def typed(name: str) -> str:
    """Return a field of the form, whether it was posted or stands in the address, as a viewer's does."""
    return request.values.get(name, "").replace("\r\n", "\n")


def whole(name: str) -> int | str | None:
    """Return a whole number, None when left empty, or the text when it is not one."""
    text = typed(name).strip()
    return int(text) if text.isdecimal() and len(text) < 10 else text or None


def amount(name: str) -> str:
    """Return an amount in dollars as typed, without the sign of currency."""
    return forms.with_point(typed(name).strip().removeprefix("$").strip())


def counts() -> list[tuple[int, str]]:
    """Return how many requests can be looked at."""
    return [(number, _("the last %(number)s", number=f"{number:,}")) for number in MOST_OPTIONS]


def spans() -> list[tuple[str, str]]:
    """Return how far back they may lie."""
    return [("", _("any time")), ("1", _("24 hours")), ("7", _("7 days")), ("30", _("30 days"))]


def asked(project: Project) -> Values:
    """Return which requests the form asks for, as the service takes it."""
    most = whole("most")
    return {
        "project_id": project.id,
        "most": USUAL if most is None else most,
        "days": whole("days"),
        "policy_key": typed("policy_key"),
        "endpoint_id": typed("only_endpoint"),
    }


def proposal(change: str, project: Project) -> Values:
    """Return what the form proposes; raise InvalidInput for what cannot be read."""
    return READ[change](project)


def context(change: str, project: Project) -> Values:
    """Return what the form of one change shows beside its values."""
    return {"counts": counts(), "spans": spans(), **SHOWN[change](project)}


def blank(change: str, project: Project) -> Values:
    """Return the values that the form begins with; what the address says of them wins."""
    given = {"most": USUAL, "days": "", **BEGUN[change](project)}
    return given | {name: value for name, value in request.args.items() if name in given}


def policy_proposal(project: Project) -> Values:
    """Return a version of a policy, or the rules as they are written."""
    key, _at, version = typed("version").partition("@")
    return {"policy": key, "version": version} if key else {"rules": written_rules(typed("rules"))}


def written_rules(text: str) -> Any:
    """Return rules from YAML, with or without the name above them."""
    if not text.strip():
        raise InvalidInput(_("Write the rules, or choose a version."), param="rules")
    value = loaded(text, "rules")
    return value.get("rules") if isinstance(value, dict) and set(value) == {"rules"} else value


def loaded(text: str, name: str) -> Any:
    """Return what stands in YAML; raise InvalidInput with the place of what cannot be read."""
    try:
        return strict_yaml.load(text)
    except strict_yaml.YamlError as error:
        raise InvalidInput(str(error), param=name) from None


def policy_context(project: Project) -> Values:
    """Return the policies to choose from, with their versions."""
    listed = policies.list_all(actor(), g.workspace.id, project.id)
    groups = [(view.policy.name, versions_of(view)) for view in listed]
    mine = [(view.policy.key, _("those that named “%(key)s”", key=view.policy.key)) for view in listed]
    return {
        "versions": [("", _("the rules as written below")), *groups],
        "keys": [("", _("all that named a model")), *mine],
    }


def versions_of(view: PolicyView) -> list[tuple[str, str]]:
    """Return a policy's draft, its live version, and those before it."""
    key, live = view.policy.key, view.version.number
    draft = [(f"{key}@draft", _("the draft, version %(n)d", n=view.draft.number))] if view.draft else []
    older = [(f"{key}@{n}", _("version %(n)d", n=n)) for n in range(live - 1, max(0, live - 20), -1)]
    return [*draft, (f"{key}@live", _("the live version %(n)d", n=live)), *older]


def policy_start(project: Project) -> Values:
    """Begin with the draft of a policy that has one, else with an example of rules."""
    listed = policies.list_all(actor(), g.workspace.id, project.id)
    drafts = [view for view in listed if view.draft]
    version = f"{drafts[0].policy.key}@draft" if drafts else ""
    return {"version": version, "rules": "", "policy_key": drafts[0].policy.key if drafts else ""}


def prices_proposal(project: Project) -> Values:
    """Return the prices that differ from today's."""
    prices = dict[str, Values]()
    for number in range(MOST_ROWS):
        model_id = typed(f"model.{number}").strip()
        if model_id:
            prices[model_id] = {field: amount(f"{n}.{number}") for n, field in PRICE_FIELDS.items()}
    changed = offers.changed(actor(), g.workspace.id, project.id, prices)
    if not changed:
        raise InvalidInput(_("Change at least one price."))
    return {"models": changed}


def prices_start(project: Project) -> Values:
    """Begin with the models that answered lately, at their prices of today, and one row to fill in."""
    used = offers.used_models(actor(), g.workspace.id, Sample(project.id))
    values: Values = {}
    for number, (model_id, fields) in enumerate(used.items()):
        values[f"model.{number}"] = model_id
        values |= {f"{n}.{number}": fields.get(field, "") for n, field in PRICE_FIELDS.items()}
    return values


def prices_context(project: Project) -> Values:
    """Return the models that can be named."""
    return {"models": known_models(project), "rows": MOST_ROWS}


def guardrails_proposal(project: Project) -> Values:
    """Return what one level would say."""
    level, _colon, endpoint_id = typed("level").partition(":")
    settings = loaded(typed("settings"), "settings") or {}
    return {"level": level, "endpoint_id": endpoint_id, "guardrails": settings}


def guardrails_start(project: Project) -> Values:
    """Begin with what a level says today."""
    level = request.args.get("level") or "workspace"
    settings = settings_of(level, project)
    return {"level": level, "settings": strict_yaml.dump(settings) if settings else ""}


def settings_of(level: str, project: Project) -> Any:
    """Return the guardrails that stand at a level; none for one that is not there."""
    if level in ("workspace", "project"):
        return g.workspace.guardrails if level == "workspace" else project.guardrails
    listed = endpoints.list_all(actor(), g.workspace.id, project.id)
    found = [each for each in listed if f"endpoint:{each.endpoint.id}" == level]
    return found[0].working_config.guardrails if found else {}


def guardrails_context(project: Project) -> Values:
    """Return the levels to choose from."""
    listed = endpoints.list_all(actor(), g.workspace.id, project.id)
    mine = [(f"endpoint:{v.endpoint.id}", _("the endpoint “%(slug)s”", slug=v.endpoint.slug)) for v in listed]
    project_level = ("project", _("the project “%(name)s”", name=project.name))
    return {"levels": [("workspace", _("the workspace")), project_level, *mine]}


def routing_proposal(project: Project) -> Values:
    """Return what of the project's settings would be different, and the model that all would ask for."""
    wanted = {"min_quality": whole("min_quality"), "siblings": "siblings" in request.values}
    changed = {name: value for name, value in wanted.items() if value != project.gateway.get(name)}
    return {"gateway": changed, "model": typed("model").strip()}


def routing_start(project: Project) -> Values:
    """Begin with the project's own settings."""
    gateway = {"min_quality": None, "siblings": True, **project.gateway}
    return {"min_quality": gateway["min_quality"], "siblings": gateway["siblings"], "model": ""}


def routing_context(project: Project) -> Values:
    """Return the names that a request can ask for."""
    named = [view.alias.name for view in aliases.list_all(actor(), g.workspace.id)]
    return {"models": ["auto", *named, *known_models(project)]}


def known_models(project: Project) -> list[str]:
    """Return the models that the workspace's providers offer."""
    shelves = model_choices.list_shelves(actor(), g.workspace.id, project.id)
    return [choice.model_id for shelf in shelves for choice in shelf.choices]


Reader = Callable[[Project], Values]
READ: dict[str, Reader] = {
    "policy": policy_proposal,
    "prices": prices_proposal,
    "guardrails": guardrails_proposal,
    "routing": routing_proposal,
}
BEGUN: dict[str, Reader] = {
    "policy": policy_start,
    "prices": prices_start,
    "guardrails": guardrails_start,
    "routing": routing_start,
}
SHOWN: dict[str, Reader] = {
    "policy": policy_context,
    "prices": prices_context,
    "guardrails": guardrails_context,
    "routing": routing_context,
}
