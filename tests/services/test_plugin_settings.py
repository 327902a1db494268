"""Setting plugins up: by hand and by file, secrets sealed, addresses checked, nobody else's business."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.actors import SYSTEM
from app.domain.apply_file import FileError
from app.domain.errors import InvalidFields, InvalidInput, NotAllowed, NotFound
from app.domain.plugins import PluginFailed
from app.models import PluginSetting
from app.services import plugin_settings, plugin_tests
from app.services.apply import PruneNeedsYes, apply
from app.services.export import export
from tests.money import rows
from tests.upstream import Upstream
from tests.upstream_replies import error_reply, json_reply
from tests.world import World, actor_of

SEARCH = {"url": "https://search.example.com", "secret": "a-search-secret-1", "options": {"results": 3}}
PICTURES = {"url": "https://pictures.example.com/v1", "options": {"usd_per_image": "0.04"}}


@pytest.fixture(autouse=True)
def here(world: World) -> Iterator[None]:
    yield


def stored() -> PluginSetting:
    [row] = rows(PluginSetting)
    return row


def test_a_plugin_is_set_up_and_its_secret_is_sealed(world: World) -> None:
    acme = world.acme.workspace.id
    assert plugin_settings.set_up(actor_of(world.admin), acme, "web-search", SEARCH) == "created"
    row = stored()
    assert row.options == {"results": 3, "language": ""} and row.preview == "…et-1"
    assert b"a-search-secret" not in row.sealed
    assert plugin_settings.opened(row) == "a-search-secret-1"
    assert plugin_settings.set_up(SYSTEM, acme, "web-search", SEARCH) == "unchanged"
    assert plugin_settings.find(actor_of(world.viewer), acme, "web-search").state == "ready"


def test_another_address_wipes_the_secret(world: World) -> None:
    acme = world.acme.workspace.id
    plugin_settings.set_up(SYSTEM, acme, "web-search", SEARCH)
    plugin_settings.set_up(SYSTEM, acme, "web-search", {"url": "https://search.example.com/other"})
    assert plugin_settings.opened(stored()) == "a-search-secret-1"
    plugin_settings.set_up(SYSTEM, acme, "web-search", {"url": "https://evil.example.com"})
    assert plugin_settings.opened(stored()) == ""


@pytest.mark.parametrize(
    ("plugin", "fields", "wrong"),
    [
        ("web-search", {}, "url"),
        ("web-search", {"url": "http://127.0.0.1:8888"}, "url"),
        ("web-search", {"url": "https://169.254.169.254/"}, "url"),
        ("web-search", {**SEARCH, "options": {"results": 99}}, "results"),
        ("web-search", {**SEARCH, "options": {"speed": 1}}, "speed"),
        ("image-gen", {"url": "https://pictures.example.com"}, "usd_per_image"),
        ("memory", {"url": "https://memory.example.com"}, "url"),
        ("telepathy", {}, "plugin"),
    ],
)
def test_what_makes_no_sense_is_refused(
    world: World, plugin: str, fields: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        plugin_settings.set_up(SYSTEM, world.acme.workspace.id, plugin, fields)
    errors = caught.value.errors if isinstance(caught.value, InvalidFields) else {caught.value.param: ""}
    assert wrong in errors
    assert rows(PluginSetting) == []


def test_only_admins_set_up_and_strangers_see_nothing(world: World) -> None:
    acme = world.acme.workspace.id
    with pytest.raises(NotAllowed):
        plugin_settings.set_up(actor_of(world.teammate), acme, "memory", {})
    with pytest.raises(NotFound):
        plugin_settings.list_all(actor_of(world.stranger), acme)
    with pytest.raises(NotFound):
        plugin_tests.test(actor_of(world.stranger), acme, "memory")


def test_the_test_says_what_the_server_said(world: World, upstream: Upstream) -> None:
    acme = world.acme.workspace.id
    plugin_settings.set_up(SYSTEM, acme, "web-search", {"url": upstream.url, "secret": "a-search-secret-1"})
    page = {"title": "Wikipedia", "url": "https://wikipedia.org", "content": ""}
    upstream.script("GET /search?q=Wikipedia&format=json", json_reply({"results": [page]}), error_reply(403))
    assert "Wikipedia" in plugin_tests.test(SYSTEM, acme, "web-search")
    assert upstream.requests[0].headers["authorization"] == "Bearer a-search-secret-1"
    with pytest.raises(PluginFailed, match="403"):
        plugin_tests.test(SYSTEM, acme, "web-search")


def test_a_file_sets_up_and_comes_back(world: World) -> None:
    plugins = [{"plugin": "web-search", **SEARCH}, {"plugin": "image-gen", **PICTURES, "active": False}]
    file = {"workspaces": [{"name": "Acme", "plugins": plugins}]}
    assert "Acme/plugins/web-search" in apply(SYSTEM, file).created
    assert "Acme/plugins/image-gen" in apply(SYSTEM, file).unchanged
    searching, painting = sorted(export(SYSTEM, "Acme")["workspaces"][0]["plugins"], key=lambda p: -len(p))
    assert searching["secret"] == "${PLUGIN_ACME_WEB_SEARCH}" and searching["options"]["results"] == 3
    assert painting["active"] is False and painting["options"]["usd_per_image"] == "0.04"
    rest = {"workspaces": [{"name": "Acme"}]}
    with pytest.raises(PruneNeedsYes) as caught:
        apply(SYSTEM, rest, prune_rest=True)
    assert "Acme/plugins/web-search" in caught.value.paths
    assert not any("image-gen" in path for path in caught.value.paths)


def test_a_refusal_names_the_place_in_the_file() -> None:
    wrong = {"plugin": "web-search", **SEARCH, "options": {"results": 0}}
    with pytest.raises(FileError, match=r"workspaces\[0\].plugins\[0\].options.results"):
        apply(SYSTEM, {"workspaces": [{"name": "Acme", "plugins": [wrong]}]})
