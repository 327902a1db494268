"""The conversations of an endpoint in the dashboard: set up, listed, read, erased; who may do what."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.domain.actors import SYSTEM
from app.models import AuditEvent, ChatSession, User
from app.services import conversations, endpoints
from tests.money import rows
from tests.world import Tenant, World

SignIn = Callable[[User], FlaskClient]


def url(tenant: Tenant, tail: str = "") -> str:
    return f"/w/{tenant.workspace.slug}/endpoints/{tenant.endpoint.id}{tail}"


def remember(tenant: Tenant, **settings: int) -> None:
    """Let the tenant's endpoint keep conversations."""
    endpoints.save(SYSTEM, tenant.workspace.id, tenant.endpoint.id, {"session": settings})


def talk(client: FlaskClient, tenant: Tenant, text: str, session_id: str | None = None) -> str:
    """Send one turn; return the session's id."""
    named = {"session_id": session_id} if session_id else {}
    answer = client.post(tenant.url, json={"message": text, **named}, headers=tenant.headers)
    return str(answer.json["meta"]["session_id"])


def test_the_section_sets_how_conversations_are_kept(world: World, sign_in: SignIn) -> None:
    person, acme = sign_in(world.teammate), world.acme
    page = person.get(url(acme, "/settings/session"))
    assert "Remember conversations" in page.text
    typed = {"keeps": "1", "ttl_seconds": "2", "unit": "hours", "max_messages": "20", "max_tokens": ""}
    saved = person.post(url(acme, "/settings/session"), data={"base": "1", "save_as": "published", **typed})
    assert saved.status_code == 303
    config = endpoints.find(SYSTEM, acme.workspace.id, acme.endpoint.id).config
    assert config.session is not None and config.session.as_dict() == {
        "ttl_seconds": 7200, "max_messages": 20, "max_tokens": None,
    }  # fmt: skip
    assert "Remembered for 2 hours, up to 20 messages" in person.get(url(acme)).text
    person.post(url(acme, "/settings/session"), data={"base": "2", "save_as": "published"})
    assert endpoints.find(SYSTEM, acme.workspace.id, acme.endpoint.id).config.session is None


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("ttl_seconds", "8", "From 1 minute to 7 days."),
        ("ttl_seconds", "long", "Must be a whole number"),
        ("max_messages", "501", "from 1 to 500"),
        ("max_tokens", "0", "from 1 to 10,000,000"),
    ],
)
def test_a_wrong_number_brings_the_form_back(
    world: World, sign_in: SignIn, field: str, value: str, text: str
) -> None:
    typed = {"keeps": "1", "ttl_seconds": "1", "unit": "days", "max_messages": "", "max_tokens": ""}
    typed |= {field: value, "base": "1", "save_as": "published"}
    page = sign_in(world.teammate).post(url(world.acme, "/settings/session"), data=typed)
    assert page.status_code == 422 and text in page.text
    assert f'id="f-{field}-error"' in page.text


def test_editors_read_and_erase_viewers_see_the_list(
    world: World, client: FlaskClient, sign_in: SignIn
) -> None:
    remember(world.acme)
    session_id = talk(client, world.acme, "My dog is called <Rex>")
    viewer, editor = sign_in(world.viewer), sign_in(world.teammate)
    listed = viewer.get(url(world.acme, "/conversations"))
    assert ">ci" in listed.text and "Erase" not in listed.text
    assert viewer.get(url(world.acme, f"/conversations/{session_id}")).status_code == 403
    read = editor.get(url(world.acme, f"/conversations/{session_id}"))
    assert "My dog is called &lt;Rex&gt;" in read.text and "Caller" in read.text
    assert viewer.post(url(world.acme, f"/conversations/{session_id}/delete")).status_code == 403
    done = editor.post(url(world.acme, f"/conversations/{session_id}/delete"), follow_redirects=True)
    assert "No conversations right now" in done.text
    assert editor.get(url(world.acme, f"/conversations/{session_id}")).status_code == 404
    assert "session.erase" in [event.action for event in rows(AuditEvent)]


def test_all_are_erased_at_once_and_only_of_this_endpoint(
    world: World, client: FlaskClient, sign_in: SignIn
) -> None:
    for tenant in (world.acme, world.other):
        remember(tenant)
        talk(client, tenant, "One?")
    talk(client, world.acme, "Two?")
    done = sign_in(world.teammate).post(url(world.acme, "/conversations/delete"), follow_redirects=True)
    assert "2 conversations are erased." in done.text
    assert [row.workspace_id for row in rows(ChatSession)] == [world.other.workspace.id]


def test_the_list_goes_page_by_page_the_last_used_first(
    world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "PAGE_SIZE", 2)
    remember(world.acme)
    begun = [talk(client, world.acme, "Hi") for _ in range(5)]
    talk(client, world.acme, "Again", begun[0])
    place = SYSTEM, world.acme.workspace.id, world.acme.endpoint.id
    order = [begun[0], *reversed(begun[1:])]

    def ids(page: conversations.Page) -> list[str]:
        return [each.session.id for each in page.conversations]

    first = conversations.list_page(*place)
    second = conversations.list_page(*place, before_id=first.older)
    third = conversations.list_page(*place, before_id=second.older)
    assert [ids(page) for page in (first, second, third)] == [order[:2], order[2:4], order[4:]]
    assert first.newer is None and third.older is None
    assert ids(conversations.list_page(*place, after_id=third.newer)) == order[2:4]
    assert conversations.list_page(*place, after_id=second.newer).newer is None


def test_try_it_goes_on_with_a_conversation_of_the_person(world: World, sign_in: SignIn) -> None:
    remember(world.acme)
    person = sign_in(world.teammate)
    first = person.post(url(world.acme, "/try"), json={"message": "One?"})
    again = {"message": "Two?", "session_id": first.json["meta"]["session_id"]}
    again_id = person.post(url(world.acme, "/try"), json=again).json["meta"]["request_id"]
    assert sign_in(world.admin).post(url(world.acme, "/try"), json=again).status_code == 403
    [session] = rows(ChatSession)
    assert (session.key_id, session.user_id, session.messages) == (None, world.teammate.id, 4)
    receipt = f"/w/{world.acme.workspace.slug}/requests/{again_id}"
    link = url(world.acme, f"/conversations/{session.id}")
    assert link in person.get(receipt).text and link not in sign_in(world.viewer).get(receipt).text
    listed = person.get(url(world.acme, "/conversations"))
    assert "teammate@acme.test" in listed.text and "tried here" in listed.text
