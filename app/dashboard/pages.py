"""How the dashboard answers: a whole page, or the part of it that HTMX asked for."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard.auth import actor
from app.domain.actors import at_least
from app.domain.errors import Conflict, InvalidFields, InvalidInput
from app.services import workspaces

FOR_ADMINS = frozenset({"activity", "settings"})
NAV = (
    (
        "",
        ("home", "home", "home.index"),
        ("projects", "folder", "projects.index"),
        ("playground", "send", "playground.index"),
    ),
    (
        "calls",
        ("requests", "list", "requests.index"),
        ("end_users", "user", "end_users.index"),
        ("performance", "activity", "performance.index"),
        ("alerts", "bell", "alerts.index"),
    ),
    (
        "rules",
        ("policies", "filter", "policies.index"),
        ("routing", "swap", "routing.index"),
        ("guardrails", "shield", "guardrails.edit"),
        ("what_ifs", "eye", "what_ifs.index"),
    ),
    (
        "models",
        ("providers", "plug", "providers.index"),
        ("models", "coins", "models.index"),
        ("plugins", "bolt", "plugins.index"),
    ),
    (
        "money",
        ("usage", "chart", "usage.index"),
        ("savings", "savings", "savings.index"),
        ("credits", "wallet", "credits.index"),
        ("budgets", "gate", "budgets.index"),
    ),
    (
        "workspace",
        ("members", "users", "members.index"),
        ("activity", "clock", "activity.index"),
        ("settings", "settings", "settings.edit"),
        ("docs", "book", "docs.index"),
    ),
)
STANDS_UNDER = {
    "alert_rules": "alerts",
    "aliases": "models",
    "billing": "credits",
    "books": "credits",
    "conversations": "projects",
    "credentials": "providers",
    "endpoint_settings": "projects",
    "endpoints": "projects",
    "examples": "projects",
    "keys": "projects",
    "memories": "plugins",
    "plans": "credits",
    "policy_history": "policies",
    "prices": "docs",
    "replays": "requests",
    "sub_accounts": "credits",
    "versions": "projects",
    "webhooks": "alerts",
}


def is_part() -> bool:
    """Say whether HTMX asked for a part of the page rather than a whole one."""
    headers = request.headers
    whole = "HX-Boosted" in headers or "HX-History-Restore-Request" in headers
    return "HX-Request" in headers and not whole


def page(template: str, *, part: str | None = None, status: int = 200, **context: Any) -> Response:
    """Render the page, or only its `part` (a template with one root element) when HTMX asked."""
    if part is not None and is_part():
        html = render_template(part, **context)
    else:
        html = render_template(template, **frame(), **context)
    response = make_response(html, status)
    response.headers["Vary"] = "HX-Request"
    return response


def frame() -> dict[str, Any]:
    """Return what every signed-in page shows around its content."""
    if "workspace" not in g:
        return {"nav": [], "workspaces": workspaces.list_all(actor()), "links": links()}
    return {
        "links": links(),
        "workspace": g.workspace,
        "role": g.role,
        "workspaces": workspaces.list_all(actor()),
        "nav": [(group_label(name), entries(group)) for name, *group in NAV],
    }


def entries(group: list[tuple[str, str, str]]) -> list[tuple[str, str, str, bool]]:
    """Return a group of the navigation as far as the role may see it: label, address, icon, is it open."""
    return [(nav_label(n), url_for(e), icon, here() == n) for n, icon, e in group if may_see(n)]


def here() -> str:
    """Return the navigation entry under which this page stands."""
    name = g.get("stands_under") or request.blueprint or ""
    return STANDS_UNDER.get(name, name)


def may_see(name: str) -> bool:
    """Say whether the role opens this navigation entry."""
    return name not in FOR_ADMINS or at_least(g.role, "admin")


def links() -> dict[str, str]:
    """Return the addresses around every page."""
    found = {"profile": url_for("account.edit"), "sign_out": url_for("sign_in.delete")}
    return {**found, "new_workspace": url_for("workspaces.new")} if actor().is_operator else found


def group_label(name: str) -> str:
    """Return the heading of a group of navigation entries; the first has none."""
    labels = {
        "calls": _("What happens"),
        "rules": _("Rules"),
        "models": _("Models"),
        "money": _("Money"),
        "workspace": _("Workspace"),
    }
    return str(labels.get(name, ""))


def nav_label(name: str) -> str:
    """Return the text of a navigation entry."""
    labels = {
        "home": _("Home"),
        "projects": _("Projects"),
        "requests": _("Requests"),
        "usage": _("Usage"),
        "savings": _("Savings"),
        "end_users": _("End users"),
        "providers": _("Providers"),
        "models": _("Models & aliases"),
        "plugins": _("Plugins"),
        "routing": _("Routing"),
        "policies": _("Policies"),
        "guardrails": _("Guardrails"),
        "performance": _("Performance"),
        "what_ifs": _("What if"),
        "credits": _("Credits"),
        "budgets": _("Budgets"),
        "alerts": _("Alerts"),
        "members": _("Members"),
        "activity": _("Activity"),
        "settings": _("Settings"),
        "playground": _("Playground"),
        "docs": _("Docs"),
    }
    return str(labels[name])


def see(endpoint: str, message: str = "", **values: Any) -> BaseResponse:
    """After a change: say what happened and send the browser to the page that shows it."""
    if message:
        flash(message, "success")
    url = url_for(endpoint, **values)
    if is_part():
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, 303)


def refuse(endpoint: str, error: InvalidInput | Conflict, **values: Any) -> BaseResponse:
    """Say why nothing was changed, on the page from which it was asked for."""
    for text in errors_of(error).values():
        flash(text, "error")
    return see(endpoint, **values)


def errors_of(error: InvalidInput | Conflict) -> dict[str, str]:
    """Return the texts to show beside the fields of a form; "" is for the whole form."""
    if isinstance(error, InvalidFields):
        return error.errors
    return {error.param or "": error.message}
