"""Plugins: what each does, whether it is on, how it is set up, and whether its server answers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, g, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import forms, pages, plugin_words
from app.dashboard.auth import actor
from app.domain import plugin_options
from app.domain.actors import at_least
from app.domain.errors import InvalidInput
from app.domain.plugins import PluginFailed
from app.services import plugin_settings, plugin_tests
from app.services.plugin_settings import PluginView

blueprint = Blueprint("plugins", __name__, url_prefix="/w/<workspace>/plugins")


@blueprint.get("")
def index() -> Response:
    """Show every plugin."""
    return pages.page(
        "plugins/index.html",
        plugins=plugin_settings.list_all(actor(), g.workspace.id),
        words=plugin_words,
        may_edit=at_least(g.role, "admin"),
    )


@blueprint.get("/<plugin>/edit")
def edit(plugin: str) -> Response:
    """Show the form of a plugin."""
    view = plugin_settings.find(actor(), g.workspace.id, plugin)
    forms.require("admin")
    url = view.row.url if view.row else plugin_words.WORDS[plugin].example if plugin == "gutenberg" else ""
    return form_page(view, {"url": url, "active": view.row.active if view.row else True, **view.options})


@blueprint.post("/<plugin>")
def update(plugin: str) -> BaseResponse:
    """Set a plugin up."""
    view = plugin_settings.find(actor(), g.workspace.id, plugin)
    try:
        plugin_settings.set_up(actor(), g.workspace.id, plugin, form_fields(plugin))
    except InvalidInput as error:
        return form_page(view, {**forms.typed(), "active": forms.switch("active")}, pages.errors_of(error))
    return pages.see("plugins.index", _("%(plugin)s is saved.", plugin=plugin))


@blueprint.post("/<plugin>/switch")
def switch(plugin: str) -> BaseResponse:
    """Switch a plugin off or on again."""
    plugin_settings.find(actor(), g.workspace.id, plugin)
    active = request.form.get("active") == "1"
    try:
        plugin_settings.set_up(actor(), g.workspace.id, plugin, {"active": active})
    except InvalidInput:
        return pages.see("plugins.edit", plugin=plugin)
    text = _("%(plugin)s is switched on.") if active else _("%(plugin)s is switched off.")
    return pages.see("plugins.index", text % {"plugin": plugin})


@blueprint.post("/<plugin>/test")
def test(plugin: str) -> BaseResponse:
    """Ask the plugin's server; say in plain words what came of it."""
    plugin_settings.find(actor(), g.workspace.id, plugin)
    try:
        works, text = True, plugin_tests.test(actor(), g.workspace.id, plugin)
    except (PluginFailed, InvalidInput) as error:
        works, text = False, str(error)
    if pages.is_part():
        return pages.page("", part="plugins/_test.html", name=plugin, works=works, text=text)
    flash(text, "success" if works else "error")
    return pages.see("plugins.index")


def form_fields(plugin: str) -> dict[str, Any]:
    """Return the form as the service takes it."""
    numbers = {name: forms.whole(name) for name in plugin_options.NUMBERS[plugin]}
    texts = {name: forms.text(name) for name in plugin_options.TEXTS.get(plugin, ())}
    prices = {name: forms.amount(name) for name in plugin_options.PRICES.get(plugin, ())}
    return {
        "active": forms.switch("active"),
        "url": forms.text("url"),
        "secret": forms.text("secret").strip(),
        "forget_secret": forms.switch("forget_secret"),
        "options": {**prices, **texts, **numbers},
    }


def form_page(view: PluginView, values: dict[str, Any], errors: dict[str, str] | None = None) -> Response:
    """Render the form of a plugin."""
    return pages.page(
        "plugins/form.html",
        status=422 if errors else 200,
        view=view,
        values=values,
        errors=errors or {},
        words=plugin_words.WORDS[view.plugin.name],
        options=[(name, plugin_words.OPTIONS[name]) for name in plugin_options.names(view.plugin.name)],
        numbers=plugin_options.NUMBERS[view.plugin.name],
        needs_runner=view.state == "no_runner",
    )
