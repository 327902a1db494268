"""The "Test" button of a plugin: asks its backend something cheap and says in a sentence what came."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from app.database import database
from app.domain.actors import Actor
from app.domain.errors import InvalidInput
from app.domain.plugins import BY_NAME, InUse, PluginFailed
from app.domain.provider_errors import ProviderFailed
from app.plugins import code_exec, gutenberg, image_gen, web_search
from app.services import access, plugin_settings

TESTS: dict[str, Callable[[InUse], str]] = {
    "web-search": web_search.test,
    "gutenberg": gutenberg.test,
    "image-gen": image_gen.test,
    "code-exec": lambda use: code_exec.test(use.options["seconds"]),
    "pdf-reader": lambda _use: "It needs no server: PDFs are read here.",
    "memory": lambda _use: "It needs no server: memories are kept in Sluice's own database.",
}


def test(actor: Actor, workspace_id: str, name: str) -> str:
    """Ask the plugin's backend; raise PluginFailed or InvalidInput in plain words. Admins only."""

    def work(session: Session) -> InUse | None:
        access.require(session, actor, workspace_id, "admin")
        row = plugin_settings.get(session, workspace_id, plugin_settings.plugin_of(name).name)
        if row is None:
            raise InvalidInput("Set the plugin up first.")
        return plugin_settings.use_of(row)

    use = database.read(work)
    if use is None:
        raise InvalidInput("Its key was sealed with another SLUICE_SECRET_KEY. Give it again.")
    if BY_NAME[name].name == "code-exec" and not code_exec.runner.allowed:
        raise InvalidInput(plugin_settings.NO_RUNNER)
    try:
        return TESTS[name](use)
    except ProviderFailed as error:
        raise PluginFailed(error.message) from None
