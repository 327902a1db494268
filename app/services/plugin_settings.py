"""How a workspace has set up its plugins: address, sealed secret, options; and what calls read of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import egress
from app.database import database
from app.domain import plugin_options
from app.domain.actors import Actor
from app.domain.callers import Caller
from app.domain.errors import InvalidInput, NotFound, PluginNotAvailable
from app.domain.fields import Collector, refuse_unknown, switch, text
from app.domain.ids import new_id
from app.domain.plugins import BY_NAME, PLUGINS, InUse, Plugin
from app.domain.providers import origin_of
from app.models import PluginSetting
from app.plugins import code_exec
from app.services import access, audit, stamps, turns
from app.services.cache import Cache
from app.services.credentials import secret_text
from app.services.sealing import CannotUnseal, sealer

FIELDS = frozenset({"active", "url", "secret", "forget_secret", "options"})
WIPED = "The address changed, so its key was wiped. Give it again."
NO_RUNNER = (
    "The plugin 'code-exec' needs a sandbox, and the operator has configured none (SLUICE_CODE_RUNNER). "
    "Ask the person who runs Sluice."
)


@dataclass(frozen=True, slots=True)
class PluginView:
    """A plugin and how it is set up; `row` None: it never was."""

    plugin: Plugin
    row: PluginSetting | None

    @property
    def state(self) -> str:
        """Return ready, off, not_set_up or no_runner."""
        if self.plugin.name == "code-exec" and not code_exec.runner.allowed:
            return "no_runner"
        if self.row is None:
            return "not_set_up"
        return "ready" if self.row.active else "off"

    @property
    def options(self) -> dict[str, Any]:
        """Return the options as they stand, or their defaults; a price that was never set is missing."""
        stored = self.row.options if self.row else {}
        defaults = {name: given[2] for name, given in plugin_options.NUMBERS[self.plugin.name].items()}
        return {**defaults, **stored}


@dataclass(frozen=True, slots=True)
class Known:
    """What calls know of a workspace's plugins, and since when."""

    config_stamp: str | None
    read_at: float
    uses: Mapping[str, InUse | None]  # None: its secret cannot be opened


_known: Cache[str, Known] = Cache(5_000)


def allow_programs(allowed: bool) -> None:
    """Say whether the operator has a sandbox for programs; once, at the start."""
    code_exec.runner.allowed = allowed


def list_all(actor: Actor, workspace_id: str) -> list[PluginView]:
    """Return every plugin with its setting. Any member."""

    def work(session: Session) -> list[PluginView]:
        access.require(session, actor, workspace_id, "viewer")
        rows = session.scalars(select(PluginSetting).where(PluginSetting.workspace_id == workspace_id))
        by_name = {row.plugin: row for row in rows}
        return [PluginView(plugin, by_name.get(plugin.name)) for plugin in PLUGINS]

    return database.read(work)


def find(actor: Actor, workspace_id: str, name: str) -> PluginView:
    """Return one plugin with its setting; raise NotFound. Any member."""
    found = next((view for view in list_all(actor, workspace_id) if view.plugin.name == name), None)
    if found is None:
        raise NotFound("There is no such plugin.")
    return found


def set_up(actor: Actor, workspace_id: str, name: str, fields: Mapping[str, Any]) -> str:
    """Set a plugin up; return `created`, `changed` or `unchanged`. What is left out stays. Admins only."""
    plugin = plugin_of(name)

    def work(session: Session) -> str:
        access.require(session, actor, workspace_id, "admin")
        row = get(session, workspace_id, name)
        values = parse(plugin, row, fields)
        secret = values.pop("secret")
        before = as_audited(row) if row else {}
        row_id = row.id if row else new_id()
        if row is None:
            row = PluginSetting(id=row_id, workspace_id=workspace_id, plugin=name, origin="", sealed=b"")
            session.add(row)
        row.active, row.url, row.options = values["active"], values["url"], values["options"]
        replaced = seal(row, secret, forget=values["forget_secret"])
        changes = audit.difference(before, as_audited(row))
        if not changes and not replaced:
            return "unchanged"
        verb = "change" if before else "set_up"
        audit.write(session, actor, workspace_id, audit.Change(f"plugin.{verb}", row.id, name, changes))
        return "changed" if before else "created"

    return database.transaction(work)


def plugin_of(name: str) -> Plugin:
    """Return the plugin of that name; raise InvalidInput."""
    if name not in BY_NAME:
        raise InvalidInput(f"There is no such plugin. There are: {', '.join(BY_NAME)}.", param="plugin")
    return BY_NAME[name]


def get(session: Session, workspace_id: str, name: str) -> PluginSetting | None:
    """Return the workspace's setting of a plugin."""
    where = PluginSetting.workspace_id == workspace_id, PluginSetting.plugin == name
    return session.scalars(select(PluginSetting).where(*where)).first()


def parse(plugin: Plugin, row: PluginSetting | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check every field; what is left out stays as the row has it."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    before: dict[str, Any] = as_fields(row) if row else {"active": True, "url": "", "options": {}}
    raw = {**before, **{name: value for name, value in fields.items() if value is not None}}
    given = fields.get("options") or {}
    if not isinstance(given, Mapping):
        raise InvalidInput("Must be an object.", param="options")
    values = {
        "active": collect.take(switch, raw, "active", True),
        "url": collect.take(backend_url, raw, plugin),
        "secret": collect.take(secret_text, fields) if fields.get("secret") else "",
        "forget_secret": collect.take(switch, fields, "forget_secret"),
        "options": collect.take(plugin_options.parse, plugin.name, {**before["options"], **given}),
    }
    collect.finish()
    return values


def backend_url(raw: Mapping[str, Any], plugin: Plugin) -> str:
    """Return the server's address, which egress must allow."""
    url = text(raw, "url", most=500, required=plugin.needs_url).rstrip("/")
    if not plugin.needs_url:
        if url:
            raise InvalidInput("This plugin asks no server: leave the address out.", param="url")
        return ""
    egress.check_url(url, param="url")
    if "?" in url:
        raise InvalidInput("Write the address without what follows the question mark.", param="url")
    return url


def seal(row: PluginSetting, secret: str, *, forget: bool) -> bool:
    """Bind the secret to row and origin; one for another address is wiped. Say whether it changed."""
    origin = origin_of(row.url)
    if secret:
        if row.sealed and row.origin == origin and opened(row) == secret:
            return False
        row.sealed, row.origin = sealer.seal(secret, row.id, origin), origin
        row.preview = f"…{secret[-4:]}" if len(secret) >= 12 else "…"
        return True
    if not row.sealed or (row.origin == origin and not forget):
        row.origin = origin
        return False
    row.sealed, row.origin, row.preview = b"", origin, ""
    return True


def opened(row: PluginSetting) -> str | None:
    """Return the row's secret, empty for none; None when it was sealed with another key."""
    try:
        return sealer.unseal(row.sealed, row.id, row.origin) if row.sealed else ""
    except CannotUnseal:
        return None


def as_fields(row: PluginSetting) -> dict[str, Any]:
    """Return a setting as a form or file writes it, without its secret."""
    return {"active": row.active, "url": row.url, "options": dict(row.options)}


def as_audited(row: PluginSetting) -> dict[str, Any]:
    """Return a setting as the audit log tells it."""
    return {"active": row.active, "url": row.url, **row.options}


def in_use(caller: Caller, names: Sequence[str], *, fresh: bool = False) -> tuple[InUse, ...]:
    """Return the plugins as the caller's workspace has set them up; raise PluginNotAvailable."""
    uses = known(caller, fresh=fresh).uses
    return tuple(available(name, uses) for name in names)


def available(name: str, uses: Mapping[str, InUse | None]) -> InUse:
    """Return one plugin; raise PluginNotAvailable, saying what is to be done."""
    if name == "code-exec" and not code_exec.runner.allowed:
        raise PluginNotAvailable(NO_RUNNER, param="plugins")
    if name not in uses:
        text = f"The plugin '{name}' is not switched on here. An admin sets it up under Plugins."
        raise PluginNotAvailable(text, param="plugins")
    found = uses[name]
    if found is None:
        text = f"The key of the plugin '{name}' cannot be opened: an admin has to give it again."
        raise PluginNotAvailable(text, param="plugins")
    return found


def known(caller: Caller, *, fresh: bool) -> Known:
    """Return what is remembered of the workspace's plugins, or read it."""
    found = None if fresh else remembered(caller)
    name = f"plugins {caller.workspace_id}"
    return found or turns.read_once(name, lambda: remembered(caller), lambda: read(caller))


def remembered(caller: Caller) -> Known | None:
    """Return what is remembered, where it holds for the caller."""
    found = _known.get(caller.workspace_id)
    if found is None or not stamps.holds_for(caller, found.config_stamp, found.read_at):
        return None
    return found


def read(caller: Caller) -> Known:
    """Read and remember the workspace's plugins that are switched on."""
    began, where = (
        stamps.begin(caller),
        (PluginSetting.workspace_id == caller.workspace_id, PluginSetting.active),
    )
    rows = database.read(lambda session: list(session.scalars(select(PluginSetting).where(*where))))
    uses = {row.plugin: use_of(row) for row in rows if row.plugin in BY_NAME}
    found = Known(caller.config_stamp, began, uses)
    _known.put(caller.workspace_id, found)
    return found


def use_of(row: PluginSetting) -> InUse | None:
    """Return a row as calls use it; None when its secret cannot be opened."""
    secret = opened(row)
    if secret is None:
        return None
    return InUse(row.plugin, row.url, secret, PluginView(BY_NAME[row.plugin], row).options)
