"""`export`: workspaces in the form that `apply` takes; every secret is a variable to be filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.apply_file import Document, escape
from app.domain.errors import NotAllowed, NotFound
from app.models import Account, Credential, Key, PluginSetting, Project, Provider, Workspace
from app.services import (
    accounts,
    alert_rules,
    alert_settings,
    aliases,
    budgets,
    credentials,
    endpoints,
    examples,
    key_credentials,
    keys,
    members,
    model_rows,
    plans,
    plugin_settings,
    policies,
    projects,
    providers,
    sub_accounts,
    webhooks,
    workspaces,
)
from app.services.export_fields import alias_fields, endpoint, escaped, guardrails_of, policy, rules_of

Caps = dict[str, list[dict[str, Any]]]  # budgets, by the path of what they limit


def export(actor: Actor, workspace_name: str | None = None) -> Document:
    """Return all workspaces, or the one of that name. System only."""
    if actor.kind != "system":
        raise NotAllowed

    def work(_session: Session) -> Document:
        chosen = [row for row in workspaces.list_all(actor) if workspace_name in (None, row.name)]
        if workspace_name is not None and not chosen:
            raise NotFound("There is no workspace of this name.")
        variables = Variables()
        exporters = (Exporter(actor, row, variables, caps_by_scope(actor, row.id)) for row in chosen)
        written = [exporter.workspace() for exporter in exporters]
        used = None if workspace_name is None else {workspace["plan"] for workspace in written}
        return {"plans": plan_list(actor, used), "workspaces": written}

    return database.read(work)


@dataclass(slots=True)
class Variables:
    """Names of environment variables, each given once."""

    taken: set[str] = field(default_factory=set)

    def reference(self, kind: str, *parts: str) -> str:
        """Return `${NAME}` for a secret; the kind in front keeps it apart from Sluice's own settings."""
        base = name = re.sub(r"[^A-Z0-9]+", "_", "_".join((kind, *parts)).upper()).strip("_")
        number = 2
        while name in self.taken:
            name, number = f"{base}_{number}", number + 1
        self.taken.add(name)
        return f"${{{name}}}"


@dataclass(frozen=True, slots=True)
class Exporter:
    """Writes one workspace down."""

    actor: Actor
    row: Workspace
    variables: Variables
    caps: Caps

    def workspace(self) -> dict[str, Any]:
        """Return the workspace with everything in it."""
        own = credentials.list_all(self.actor, self.row.id)
        kept = [row for row in own if row.sealed]  # a wiped one has nothing to come back to
        listed = providers.list_all(self.actor, self.row.id)
        slugs = {provider.id: provider.slug for provider in listed}
        return {
            **escaped({"name": self.row.name, "timezone": self.row.timezone}),
            **self.account(),
            "alerts": self.alerts(),
            **self.webhooks(),
            **guardrails_of(self.row),
            "members": [self.member(member) for member in members.list_all(self.actor, self.row.id)],
            "providers": [self.provider(provider, kept) for provider in listed],
            "models": [
                escaped({"id": row.model_id, **model_rows.as_fields(row)})
                for row in model_rows.list_rows(self.actor, self.row.id)
            ],
            **self.aliases(None),
            **self.plugins(),
            "projects": [
                self.project(project, kept, slugs) for project in projects.list_all(self.actor, self.row.id)
            ],
            **self.budgets(""),
        }

    def account(self) -> dict[str, Any]:
        """Return how the workspace pays, its plan, and its sub-accounts; money itself stays where it is."""
        fields = accounts.as_fields(accounts.find(self.actor, self.row.id))
        return {
            "plan": fields.pop("plan") or None,
            "account": {name: value or None for name, value in fields.items()},
            "sub_accounts": [
                {**escaped(sub_accounts.as_fields(row)), **self.budgets(f"/sub_accounts/{row.name}")}
                for row in self.sub_accounts
            ],
        }

    @property
    def sub_accounts(self) -> list[Account]:
        """Return the sub-accounts."""
        return sub_accounts.list_all(self.actor, self.row.id)

    def alerts(self) -> dict[str, Any]:
        """Return who gets the mails, and the rules that still watch something."""
        views = [view for view in alert_rules.list_all(self.actor, self.row.id) if not view.gone]
        rules = [escaped({**alert_rules.as_fields(view.row), "where": dict(view.where)}) for view in views]
        return {**escaped(alert_settings.as_fields(self.row)), **({"rules": rules} if rules else {})}

    def webhooks(self) -> dict[str, Any]:
        """Return the webhooks without their secrets; what programs made is theirs to make again."""
        rows = [row for row in webhooks.list_all(self.actor, self.row.id) if row.project_id is None]
        listed = [
            {
                **escaped(webhooks.as_fields(row)),
                "secret": self.variables.reference("webhook", self.row.name, row.name),
            }
            for row in rows
        ]
        return {"webhooks": listed} if listed else {}

    def member(self, member: members.Member) -> dict[str, Any]:
        """Return a person and their role."""
        return escaped({"email": member.user.email, "role": member.membership.role})

    def provider(self, provider: Provider, kept: list[Credential]) -> dict[str, Any]:
        """Return a provider and the credentials that every project may use."""
        fields = providers.as_fields(provider)
        thresholds = ("alert_usd_per_day", "stop_usd_per_day")
        names = ("slug", "name", "dialect", "base_url", "vendor", "zdr", "may_train", "active", *thresholds)
        own = [row for row in kept if row.provider_id == provider.id and row.project_id is None]
        return {
            **escaped({name: fields[name] for name in names if fields[name] != ""}),
            "credentials": [self.credential(row, provider.slug) for row in own],
        }

    def credential(self, row: Credential, *parts: str) -> dict[str, Any]:
        """Return a credential without its secret."""
        secret = self.variables.reference("credential", self.row.name, *parts, row.name)
        return {**escaped({"name": row.name}), "secret": secret, "active": row.active}

    def project(self, project: Project, kept: list[Credential], slugs: dict[str, str]) -> dict[str, Any]:
        """Return a project with its own credentials, endpoints and keys."""
        views = endpoints.list_all(self.actor, self.row.id, project.id)
        listed = [
            key
            for key in keys.list_all(self.actor, self.row.id, project.id)
            if not key.revoked_at and not key.parent_id  # what programs made is theirs to make again
        ]
        own = [row for row in kept if row.project_id == project.id]
        return {
            **escaped({"name": project.name, "uuid": project.id, "surfaces": project.surfaces}),
            "active": project.active,
            "log_content": project.log_content,
            "content_retention_days": project.content_retention_days,
            "management_api": project.management_api,
            "gateway": escaped(projects.as_fields(project)["gateway"]),
            **guardrails_of(project),
            "credentials": [
                {"provider": slug, **self.credential(row, project.name, slug)}
                for row in own
                for slug in [slugs[row.provider_id]]
            ],
            **self.aliases(project.id),
            "endpoints": [self.endpoint(view, project) for view in views],
            **self.policies(project.id),
            "keys": [self.key(key, project) for key in sorted(listed, key=lambda key: key.created_at)],
            **self.budgets(f"/projects/{project.name}"),
        }

    def plugins(self) -> dict[str, Any]:
        """Return how the plugins are set up, if any is."""
        rows = [v.row for v in plugin_settings.list_all(self.actor, self.row.id) if v.row is not None]
        return {"plugins": [self.plugin(row) for row in rows]} if rows else {}

    def plugin(self, row: PluginSetting) -> dict[str, Any]:
        """Return one plugin without its secret."""
        fields = {name: value for name, value in plugin_settings.as_fields(row).items() if value != ""}
        secret = self.variables.reference("plugin", self.row.name, row.plugin) if row.sealed else None
        return {"plugin": row.plugin, **escaped(fields), **({"secret": secret} if secret else {})}

    def aliases(self, project_id: str | None) -> dict[str, Any]:
        """Return the aliases of the workspace or of one project, if any."""
        rows = [found.alias for found in aliases.list_all(self.actor, self.row.id)]
        listed = [alias_fields(row) for row in rows if row.project_id == project_id]
        return {"aliases": listed} if listed else {}

    def budgets(self, path: str) -> dict[str, Any]:
        """Return the budgets that stand under this path of the workspace, if any."""
        return {"budgets": self.caps[path]} if path in self.caps else {}

    def endpoint(self, view: endpoints.EndpointView, project: Project) -> dict[str, Any]:
        """Return an endpoint with every field of its published version, its examples and its budgets."""
        path = f"/projects/{project.name}/endpoints/{view.endpoint.slug}"
        rows = examples.list_all(self.actor, self.row.id, view.endpoint.id)
        kept = {"examples": [escaped(examples.as_fields(row)) for row in rows]} if rows else {}
        return {**endpoint(view), **kept, **self.budgets(path)}

    def policies(self, project_id: str) -> dict[str, Any]:
        """Return the project's policies with the rules of their live versions, if any."""
        listed = policies.list_all(self.actor, self.row.id, project_id)
        return {"policies": [policy(view) for view in listed]} if listed else {}

    def key(self, key: Key, project: Project) -> dict[str, Any]:
        """Return a key without its secret, of which only the hash is kept."""
        return {
            **escaped({"name": key.name}),
            "secret": self.variables.reference("key", self.row.name, project.name, key.name),
            "account": next(
                (escape(row.name) for row in self.sub_accounts if row.id == key.account_id), None
            ),
            "scopes": list(key.scopes),
            "expires_at": key.expires_at.isoformat() if key.expires_at else None,
            **escaped(rules_of(key)),
            **guardrails_of(key),
            **self.own_keys(key, project),
            **self.budgets(f"/projects/{project.name}/keys/{key.name}"),
        }

    def own_keys(self, key: Key, project: Project) -> dict[str, Any]:
        """Return the customer's own keys at providers, without the secrets."""
        listed = key_credentials.list_all(self.actor, self.row.id, key.id)
        place = self.row.name, project.name, key.name
        found = {one.slug: self.variables.reference("own_key", *place, one.slug) for one in listed}
        return {key_credentials.FIELD: found} if found else {}


def plan_list(actor: Actor, used: set[str | None] | None) -> list[dict[str, Any]]:
    """Return the plans, or only those used."""
    rows = [view.plan for view in plans.list_all(actor) if used is None or view.plan.slug in used]
    listed = [escaped(plans.as_fields(plan)) for plan in rows]
    return [{name: None if value == "" else value for name, value in fields.items()} for fields in listed]


def caps_by_scope(actor: Actor, workspace_id: str) -> Caps:
    """Return the workspace's budgets, by the path of what they limit."""
    found: Caps = {}
    for shown in budgets.status(actor, workspace_id, plans=False):
        fields = {"period": shown.budget.period, **budgets.as_fields(shown.budget)}
        given = {name: value for name, value in fields.items() if value is not None}
        found.setdefault(shown.scope.path, []).append(given)
    return found
