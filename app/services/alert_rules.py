"""Alert rules: people's own, over spend, errors, latency and so on; kept by a workspace or one project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.alert_rules import RuleConfig, parse_rule, stored_rule
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.ids import is_uuid, new_id
from app.models import AlertRule, AlertSample, Endpoint, Key, Policy, Project
from app.services import alert_access, audit

MOST = 50  # rules of a workspace
TABLES: dict[str, tuple[Any, Any, Any, Any]] = {  # what a config keeps, its name, and whether it is there
    "project": (Project, Project.id, Project.name, Project.active),
    "endpoint": (Endpoint, Endpoint.id, Endpoint.slug, None),
    "key": (Key, Key.id, Key.name, Key.revoked_at.is_(None)),
    "policy": (Policy, Policy.key, Policy.key, None),
}
GONE = "There is no %s “%s” here."


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule as people see it: what it counts by name, and what of that is not there any more."""

    row: AlertRule
    config: RuleConfig
    where: Mapping[str, str]
    gone: tuple[str, ...]


def create(actor: Actor, workspace_id: str, fields: Mapping[str, Any]) -> RuleView:
    """Add a rule; one that a key makes counts its project alone. Admins only."""
    name, active, config = parse_rule(fields)

    def work(session: Session) -> RuleView:
        confined = alert_access.reach(session, actor, workspace_id, "admin")
        count = session.scalar(select(func.count()).where(AlertRule.workspace_id == workspace_id))
        if (count or 0) >= MOST:
            raise Conflict(f"A workspace has at most {MOST} alert rules. Delete one first.")
        check_name(session, workspace_id, name)
        row = AlertRule(id=new_id(), workspace_id=workspace_id, name=name, active=active)
        put(row, resolved(session, workspace_id, confined, config))
        session.add(row)
        session.flush()
        write_change(session, actor, row, "create", {})
        return view_of(session, row)

    return database.transaction(work)


def ids(actor: Actor, workspace_id: str) -> frozenset[str]:
    """Return the ids of the rules that are there."""

    def work(session: Session) -> frozenset[str]:
        alert_access.reach(session, actor, workspace_id, "viewer")
        mine = AlertRule.workspace_id == workspace_id
        return frozenset(session.scalars(select(AlertRule.id).where(mine)))

    return database.read(work)


def update(actor: Actor, workspace_id: str, rule_id: str, fields: Mapping[str, Any]) -> RuleView:
    """Change the fields that are given. Admins only."""

    def work(session: Session) -> RuleView:
        confined = alert_access.reach(session, actor, workspace_id, "admin")
        row = owned(session, workspace_id, rule_id, confined)
        before = as_fields(row)
        name, active, config = parse_rule(merged(before, fields))
        if name != row.name:
            check_name(session, workspace_id, name)
        row.name, row.active = name, active
        put(row, resolved(session, workspace_id, confined, config) if "where" in fields else config)
        changes = audit.difference(before, as_fields(row))
        if changes.keys() - {"name", "active", "by"}:
            start_over(session, row)
        if changes:
            kept = audit.difference(unnamed(before), unnamed(as_fields(row)))
            write_change(session, actor, row, "change", kept)
        return view_of(session, row)

    return database.transaction(work)


def merged(before: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with those changed that are given; another kind or metric leaves nothing behind."""
    fresh = {**before, **fields}
    if fields.get("kind") == "anomaly":
        fresh = {name: value for name, value in fresh.items() if name not in ("window", "direction", "bound")}
    return fresh


def start_over(session: Session, row: AlertRule) -> None:
    """Forget what was measured: the rule counts something else now."""
    session.execute(delete(AlertSample).where(AlertSample.rule_id == row.id))
    row.checked_at = row.fired_at = row.measured = None


def remove(actor: Actor, workspace_id: str, rule_id: str) -> None:
    """Delete a rule; the alerts that it made stay. Admins only."""

    def work(session: Session) -> None:
        confined = alert_access.reach(session, actor, workspace_id, "admin")
        row = owned(session, workspace_id, rule_id, confined)
        write_change(session, actor, row, "delete", {})
        session.delete(row)

    database.transaction(work)


def find(actor: Actor, workspace_id: str, rule_id: str) -> RuleView:
    """Return one rule; raise NotFound when it is another workspace's, or to a key another project's."""

    def work(session: Session) -> RuleView:
        confined = alert_access.reach(session, actor, workspace_id, "viewer")
        return view_of(session, owned(session, workspace_id, rule_id, confined))

    return database.read(work)


def list_all(actor: Actor, workspace_id: str) -> list[RuleView]:
    """Return the rules by name; to a key those of its project."""

    def work(session: Session) -> list[RuleView]:
        confined = alert_access.reach(session, actor, workspace_id, "viewer")
        query = select(AlertRule).where(AlertRule.workspace_id == workspace_id)
        if confined is not None:
            query = query.where(AlertRule.project_id == confined)
        return [view_of(session, row) for row in session.scalars(query.order_by(AlertRule.name))]

    return database.read(work)


def owned(session: Session, workspace_id: str, rule_id: str, confined: str | None) -> AlertRule:
    """Return the workspace's own rule; raise NotFound."""
    row = session.get(AlertRule, rule_id) if is_uuid(rule_id) else None
    if row is None or row.workspace_id != workspace_id or confined not in (None, row.project_id):
        raise NotFound("There is no such alert rule.")
    return row


def put(row: AlertRule, config: RuleConfig) -> None:
    """Write down what the rule watches."""
    row.project_id = config.where.get("project")
    row.config = config.as_fields()


def as_fields(row: AlertRule) -> dict[str, Any]:
    """Return a rule as a form or file writes it."""
    return {"name": row.name, "active": row.active, **stored_rule(row.config).as_fields()}


def unnamed(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields without the name of an end user: what the activity log holds stays for good."""
    where = {name: "…" if name == "end_user" else value for name, value in fields["where"].items()}
    return {**fields, "where": where}


def resolved(session: Session, workspace_id: str, confined: str | None, config: RuleConfig) -> RuleConfig:
    """Return the config with ids in the place of names; raise InvalidInput for what is not there."""
    where = dict(config.where)
    if confined is not None:
        where = {"project": confined, **where}
    if "policy" in where:
        where["policy"] = where["policy"].lower()
    for name in TABLES:
        if name in where:
            found = lookup(session, workspace_id, name, where[name], where.get("project"))
            if found is None or (name == "project" and confined not in (None, found[0])):
                raise InvalidInput(GONE % (name, where[name]), param="where")
            where[name] = found[0]
    return replace(config, where=with_project(session, where))


def with_project(session: Session, where: dict[str, str]) -> dict[str, str]:
    """Return it with the project of its endpoint or key, which else could be named only by chance."""
    for table, name in ((Endpoint, "endpoint"), (Key, "key")):
        if name in where and "project" not in where:
            project_id = session.scalar(select(table.project_id).where(table.id == where[name]))
            where = {"project": str(project_id), **where}
    return where


def lookup(
    session: Session, workspace_id: str, kind: str, value: str, project_id: str | None
) -> tuple[str, str] | None:
    """Return what a config keeps of a thing and its name; None when it is not there (any more)."""
    table, kept, name, alive = TABLES[kind]
    query = select(kept, name).where(table.workspace_id == workspace_id)
    if kind != "project" and project_id:
        query = query.where(table.project_id == project_id)
    if alive is not None:
        query = query.where(alive)
    called = or_(name == value, table.id == value) if is_uuid(value) else name == value
    rows = session.execute(query.where(called).limit(2)).all()
    if not rows or (len(rows) > 1 and kind != "policy"):  # a name that several have is none
        return None
    return str(rows[0][0]), str(rows[0][1])


def view_of(session: Session, row: AlertRule) -> RuleView:
    """Return a rule with what it counts by name."""
    config = stored_rule(row.config)
    where, gone = dict(config.where), []
    for name, value in config.where.items():
        if name in TABLES:
            found = lookup(session, row.workspace_id, name, value, config.where.get("project"))
            where[name] = found[1] if found else last_name(session, name, value)
            if found is None:
                gone.append(name)
    return RuleView(row, config, where, tuple(gone))


def last_name(session: Session, kind: str, value: str) -> str:
    """Return how a thing was called that is switched off, revoked or deleted."""
    columns: dict[str, Any] = {"project": Project.name, "endpoint": Endpoint.slug, "key": Key.name}
    if kind not in columns:
        return value
    return session.scalar(select(columns[kind]).where(columns[kind].class_.id == value)) or value


def check_name(session: Session, workspace_id: str, name: str) -> None:
    """Raise Conflict where the name is taken."""
    where = AlertRule.workspace_id == workspace_id, AlertRule.name == name
    if session.scalar(select(AlertRule.id).where(*where)) is not None:
        raise Conflict("There is an alert rule of this name already.", param="name")


def write_change(session: Session, actor: Actor, row: AlertRule, verb: str, changes: dict[str, Any]) -> None:
    """Write a change into the audit log."""
    change = audit.Change(f"alert_rule.{verb}", row.id, row.name, changes)
    audit.write(session, actor, row.workspace_id, change)
