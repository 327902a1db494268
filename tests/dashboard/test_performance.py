"""The Performance page: who is left alone and why, trying again, what is quiet; and the providers' pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.models import User
from app.services.pulse import pulse
from tests.gateway.passthrough_world import Proxy, make_proxy
from tests.upstream import Upstream
from tests.upstream_replies import error_reply, openai_completion
from tests.world import World

SignIn = Callable[[User], FlaskClient]
PAGE = "/w/acme/performance"
HI = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def broken(world: World, upstream: Upstream, client: FlaskClient) -> Proxy:
    """OpenAI failed five times, Anthropic answered once."""
    proxy = make_proxy(world.acme, upstream, client)
    upstream.script("gpt-x", error_reply(503, "down"))
    for model in ("openai/gpt-x",) * 5 + ("anthropic/claude-x",):
        proxy.post("/v1/chat/completions", {"model": model, "messages": HI})
    pulse.run()
    return proxy


def test_it_is_empty_before_the_first_call(world: World, sign_in: SignIn) -> None:
    page = sign_in(world.viewer).get(PAGE).text
    assert "No calls in the last five minutes" in page and "Demo (built in)" in page


def test_who_is_left_alone_comes_first_and_says_why(broken: Proxy, world: World, sign_in: SignIn) -> None:
    page = sign_in(world.viewer).get(PAGE).text
    assert page.index("openai/gpt-x") < page.index("anthropic/claude-x")
    assert "It failed 5 times in a row; the last time it answered with an error." in page
    assert "The next try is in 30 s" in page and "100 %" in page
    assert "Try again now" not in page  # a viewer changes nothing


def test_the_part_refreshes_itself(broken: Proxy, world: World, sign_in: SignIn) -> None:
    part = sign_in(world.owner).get(PAGE, headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="performance"') and "<html" not in part
    assert 'hx-trigger="every 5s"' in part and "Try again now" in part


def test_an_admin_has_it_tried_again(broken: Proxy, world: World, sign_in: SignIn) -> None:
    owner = sign_in(world.owner)
    told = owner.post(f"{PAGE}/{broken.openai_id}/retry", follow_redirects=True).text
    assert "The next call tries openai again." in told and "Left alone" not in told
    broken.upstream.script("gpt-x", openai_completion("back"))
    body = {"model": "openai/gpt-x", "messages": HI}
    assert broken.post("/v1/chat/completions", body).status_code == 200
    assert "tried again after its failures" in owner.get("/w/acme/activity").text


def test_the_providers_pages_say_so_too(broken: Proxy, world: World, sign_in: SignIn) -> None:
    viewer = sign_in(world.viewer)
    assert viewer.get("/w/acme/providers").text.count("Left alone after failures") == 1
    assert "Left alone after failures" in viewer.get(f"/w/acme/providers/{broken.openai_id}").text
    assert "Left alone after failures" not in viewer.get(f"/w/acme/providers/{broken.anthropic_id}").text


def test_one_workspace_sees_nothing_of_another(broken: Proxy, world: World, sign_in: SignIn) -> None:
    page = sign_in(world.stranger).get(f"/w/{world.other.workspace.slug}/performance").text
    assert "gpt-x" not in page and "No calls in the last five minutes" in page
