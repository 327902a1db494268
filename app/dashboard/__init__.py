"""The dashboard's doors: people with a session, pages and their parts; no bearer keys."""

from __future__ import annotations

from flask import Blueprint, Flask

from app.dashboard import (
    account,
    activity,
    alert_rules,
    alerts,
    aliases,
    billing,
    books,
    budgets,
    conversations,
    credentials,
    credits,
    docs,
    end_users,
    endpoint_settings,
    endpoints,
    examples,
    form_sharing,
    guardrails,
    home,
    invitations,
    keys,
    members,
    memories,
    models,
    own_keys,
    performance,
    plans,
    playground,
    plugins,
    policies,
    policy_history,
    prices,
    projects,
    providers,
    replays,
    requests,
    resets,
    rollouts,
    routing,
    savings,
    settings,
    setup,
    shared_forms,
    sign_in,
    sub_accounts,
    try_it,
    usage,
    versions,
    webhooks,
    what_ifs,
    workspaces,
)
from app.dashboard.auth import add_workspace, guard, guard_open
from app.extensions import login_manager

SIGNED_IN: tuple[Blueprint, ...] = (
    home.blueprint,
    members.blueprint,
    activity.blueprint,
    settings.blueprint,
    workspaces.blueprint,
    account.blueprint,
    projects.blueprint,
    endpoints.blueprint,
    endpoint_settings.blueprint,
    versions.blueprint,
    rollouts.blueprint,
    examples.blueprint,
    form_sharing.blueprint,
    try_it.blueprint,
    conversations.blueprint,
    keys.blueprint,
    guardrails.blueprint,
    own_keys.blueprint,
    providers.blueprint,
    credentials.blueprint,
    models.blueprint,
    plugins.blueprint,
    memories.blueprint,
    aliases.blueprint,
    performance.blueprint,
    budgets.blueprint,
    requests.blueprint,
    replays.blueprint,
    alerts.blueprint,
    alert_rules.blueprint,
    webhooks.blueprint,
    usage.blueprint,
    savings.blueprint,
    end_users.blueprint,
    credits.blueprint,
    billing.blueprint,
    books.blueprint,
    sub_accounts.blueprint,
    plans.blueprint,
    playground.blueprint,
    docs.blueprint,
    prices.blueprint,
    routing.blueprint,
    policies.blueprint,
    policy_history.blueprint,
    what_ifs.blueprint,
)
OPEN: tuple[Blueprint, ...] = (  # the pages for people who are not signed in: the marked exception
    setup.blueprint,
    sign_in.blueprint,
    resets.blueprint,
    invitations.blueprint,
    shared_forms.blueprint,
)


def register(app: Flask) -> None:
    """Add every page. Only they have a session: what login does after each request is done after theirs."""
    login_manager.init_app(app)
    app.url_defaults(add_workspace)
    remember = app.after_request_funcs[None].pop()  # 6 µs, which no gateway call needs to pay
    for blueprint in (*SIGNED_IN, *OPEN):
        app.register_blueprint(blueprint)
        app.after_request_funcs.setdefault(blueprint.name, []).insert(0, remember)


def put_behind_guards() -> None:
    """Put each page behind the guard unless it is listed as open; once, when this package is loaded."""
    for blueprint in SIGNED_IN:
        blueprint.before_request(guard)
    for blueprint in OPEN:
        blueprint.before_request(guard_open)


put_behind_guards()
