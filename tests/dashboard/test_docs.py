"""The manual: open to anyone signed in, complete, and its links lead somewhere."""

from __future__ import annotations

import re

from app.config import SETTINGS


def test_everybody_signed_in_may_read_it_in_and_outside_a_workspace(world, sign_in):
    viewer = sign_in(world.viewer)
    inside = viewer.get("/w/acme/docs")
    assert inside.status_code == 200 and "/w/acme/projects" in inside.text
    assert viewer.get("/docs").status_code == 200


def test_strangers_sign_in_first(client):
    assert client.get("/docs").status_code == 303


def test_every_entry_of_the_contents_has_its_section(world, sign_in):
    page = sign_in(world.viewer).get("/docs").text
    entries = re.findall(r'<li><a href="#([a-z]+)">', page)
    assert len(entries) >= 10 and len(set(entries)) == len(entries)
    for entry in entries:
        assert f'<section id="{entry}"' in page


def test_every_setting_and_exact_error_is_listed(world, sign_in):
    page = sign_in(world.viewer).get("/docs").text
    for setting in SETTINGS:
        assert setting.name in page
    for text in ("Missing Bearer token.", "Invalid or revoked token.", "Endpoint not found."):
        assert text in page
    assert "{{input}}" in page
