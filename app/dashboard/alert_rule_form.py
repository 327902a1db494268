"""The form of an alert rule: its choices in words, and what is typed as the service takes it."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import gettext as _

from app.dashboard import forms
from app.dashboard.auth import actor
from app.domain.alert_rules import METRICS, WHERE
from app.services import endpoints, keys, model_choices, policies, projects, providers

BLANK: dict[str, Any] = {
    "name": "",
    "metric": "spend",
    "test": "over",
    "bound": "",
    "window": "day",
    "least_calls": 5,
    "by": ["mail", "webhook"],
    "active": True,
}
UNITS = {"usd": "$", "percent": "%", "ms": "ms", "count": ""}
Options = list[tuple[str, Any]]


def fields() -> dict[str, Any]:
    """Return the form as the service takes it."""
    test, metric = forms.text("test"), forms.text("metric")
    given: dict[str, Any] = {
        "name": forms.text("name"),
        "metric": metric,
        "kind": "anomaly" if test == "unusual" else "threshold",
        "where": {name: forms.text(name) for name in WHERE if forms.text(name).strip()},
        "least_calls": forms.whole("least_calls"),
        "by": forms.many("by"),
        "active": forms.switch("active"),
    }
    if test == "unusual":
        return given
    is_money = METRICS.get(metric) == "usd"
    bound = forms.amount("bound") if is_money else number("bound")
    return {**given, "direction": test, "window": forms.text("window"), "bound": bound}


def number(name: str) -> Any:
    """Return a number as typed, without the sign of its unit or commas between thousands."""
    written = forms.text(name).strip().removesuffix("%").removesuffix("ms").strip()
    try:
        return float(written.replace(",", "")) if written else None
    except ValueError:
        return written


def typed() -> dict[str, Any]:
    """Return what was typed, to show it again."""
    return {**forms.typed(), "by": forms.many("by"), "active": forms.switch("active")}


def values_of(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a rule's fields as the form shows them."""
    test = "unusual" if stored["kind"] == "anomaly" else stored["direction"]
    return {**BLANK, **stored, **stored["where"], "test": test}


def choices() -> dict[str, Options]:
    """Return what can be chosen in each field."""
    return {
        "metrics": metrics(),
        "tests": [
            ("over", _("is more than")),
            ("under", _("is less than")),
            ("unusual", _("is far more than usual")),
        ],
        "windows": [
            ("5m", _("in five minutes")),
            ("1h", _("in an hour")),
            ("day", _("in a day")),
            ("month", _("in a month")),
        ],
        "ways": [("mail", _("By mail")), ("webhook", _("By webhook"))],
        **places(),
    }


def metrics() -> Options:
    """Return what can be measured, by what it is about."""
    return [
        (
            str(_("Money")),
            [
                ("spend", _("spend")),
                ("savings", _("savings")),
                ("average_cost", _("average cost of a call")),
                ("reported_spend", _("spend that clients report")),
            ],
        ),
        (
            str(_("Use")),
            [
                ("calls", _("number of calls")),
                ("tokens", _("number of tokens")),
                ("blocked", _("number of blocked calls")),
                ("guardrail_hits", _("number of calls in which a guardrail found something")),
                ("reported_calls", _("number of calls that clients report")),
            ],
        ),
        (
            str(_("How well it goes")),
            [
                ("error_rate", _("share of failed calls, in %%") % {}),
                ("p95_latency", _("time of the slowest twentieth of calls, in ms")),
            ],
        ),
    ]


def places() -> dict[str, Options]:
    """Return what of the workspace can be counted alone."""
    owners = projects.list_all(actor(), g.workspace.id)
    names = {row.id: row.name for row in owners}
    shelves = model_choices.list_shelves(actor(), g.workspace.id, None, chat_only=False)
    return {
        "projects": [("", _("the whole workspace")), *((row.id, row.name) for row in owners if row.active)],
        "endpoints": [("", _("Any")), *under(names, [(v.endpoint.project_id, v.endpoint.id, v.endpoint.slug)
            for row in owners for v in endpoints.list_all(actor(), g.workspace.id, row.id)])],
        "keys": [("", _("Any")), *under(names, [(k.project_id, k.id, k.name)
            for row in owners for k in keys.list_all(actor(), g.workspace.id, row.id) if not k.revoked_at])],
        "policies": policy_keys(),
        "providers": [row.slug for row in providers.list_all(actor(), g.workspace.id)],  # type: ignore[misc]
        "models": [(name, "") for name in model_choices.by_id(shelves)],
    }  # fmt: skip


def policy_keys() -> Options:
    """Return the policies' keys, each once."""
    found = policies.list_all(actor(), g.workspace.id)
    return [("", _("Any")), *((key, key) for key in sorted({view.policy.key for view in found}))]


def under(names: dict[str, str], rows: list[tuple[str, str, str]]) -> Options:
    """Return things as choices, each with its project's name before it."""
    return [(item_id, f"{names[project_id]} / {name}") for project_id, item_id, name in rows]
