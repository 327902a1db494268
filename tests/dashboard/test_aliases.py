"""Aliases in the dashboard: listed with their models, made, changed and deleted by editors."""

from __future__ import annotations

import re

from app.domain.actors import SYSTEM
from app.services import aliases

URL = "/w/acme/aliases"


def test_an_alias_is_made_shown_changed_and_deleted(world, sign_in):
    editor = sign_in(world.teammate)
    assert "No aliases yet" in editor.get(URL).text
    form = {
        "name": "fast",
        "models": ["demo/demo-fast", "", "auto"],
        "temperature": "0,3",
        "prompt": "Be brief.",
    }
    page = editor.post(URL, data={**form, "scope": "", "active": "1"}, follow_redirects=True).text
    for words in ("fast", "demo/demo-fast", "chosen automatically", "Temperature 0.3", "All projects"):
        assert words in page, words
    [view] = aliases.list_all(SYSTEM, world.acme.workspace.id)
    edit = f"{URL}/{view.alias.id}/edit"
    assert 'value="auto"' in editor.get(edit).text and "Be brief." in editor.get(edit).text
    page = editor.post(edit, data={"name": "quick", "models": ["gone/x"]}, follow_redirects=True).text
    assert "quick" in page and "Switched off" in page and "No such provider here" in page
    page = editor.post(edit.replace("edit", "delete"), follow_redirects=True).text
    assert "No aliases yet" in page


def test_what_is_wrong_stands_beside_the_field_and_nothing_is_lost(world, sign_in):
    editor = sign_in(world.teammate)
    wrong = {"name": "auto", "models": ["gpt", "demo/demo-fast"], "temperature": "hot", "description": "Ours"}
    answer = editor.post(URL, data=wrong)
    assert answer.status_code == 422
    for words in (
        "reserved word",
        "Write it as provider/model",
        "Must be a number from 0 to 2",
        'value="Ours"',
    ):
        assert words in answer.text, words
    assert re.search(r'name="models" value="demo/demo-fast"', answer.text)


def test_an_alias_of_one_project(world, sign_in):
    editor, project = sign_in(world.teammate), world.acme.project
    data = {"name": "fast", "models": ["auto"], "scope": project.id, "active": "1"}
    assert f'/projects/{project.id}"' in editor.post(URL, data=data, follow_redirects=True).text
    assert editor.post(URL, data={**data, "scope": world.other.project.id}).status_code == 404


def test_viewers_look_and_strangers_do_not(world, sign_in):
    made = aliases.create(SYSTEM, world.acme.workspace.id, {"name": "fast", "models": ["auto"]})
    viewer = sign_in(world.viewer)
    page = viewer.get(URL)
    assert page.status_code == 200 and "New alias" not in page.text
    assert viewer.get(f"{URL}/new").status_code == 403
    assert viewer.post(f"{URL}/{made.id}/delete").status_code == 403
    assert sign_in(world.stranger).get(f"{URL}/{made.id}/edit").status_code == 404
