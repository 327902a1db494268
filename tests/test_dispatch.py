"""Our dispatch against Flask's own: the same routes, hooks and answers, whether a path is known or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, g, has_app_context, has_request_context, signals
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect, Rule
from werkzeug.test import EnvironBuilder

from app import create_app
from app.dispatch import Application, Hooks
from app.known_paths import MOST_CHARACTERS, KnownPath, KnownPaths, key_of
from tests.databases import settings_for
from tests.world import World

UUID = "6f1c2b9e-0000-4000-8000-000000000001"
VALUES = ("hello", UUID, UUID.upper(), "a b", "ä", "1", "a%2fb", "x;y=1", "..", "a/b/c", "v1", "-")
TWISTS = (
    lambda path: path,
    lambda path: path + "/",
    lambda path: path.replace("/", "//", 1),
    lambda path: path.replace("/", "//"),
    lambda path: path.replace("/", "%2f"),
    lambda path: path + ";x=1",
    lambda path: path.lstrip("/"),
    lambda path: path.upper(),
    lambda path: path + "\xff",
    lambda path: path + "/ü".encode().decode("latin-1"),
    lambda path: path[:-1],
    lambda path: "",
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get", "BREW")
HOSTS = ("127.0.0.1:8000", "gateway.example.com", "a..b", "x" * 70 + ".com", "[::1]:80", "bad host", "", None)


@pytest.fixture(scope="module")
def dispatching(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Application:
    """An application of which only the routes matter."""
    directory = tmp_path_factory.mktemp("dispatching")
    made = create_app(settings_for(directory, f"sqlite:///{directory}/none.db", redis_url))
    assert isinstance(made, Application)
    return made


def environ_of(path: str, method: str, host: str | None, **more: str) -> dict[str, Any]:
    """Return what a server tells of a request."""
    environ = EnvironBuilder(method=method).get_environ()
    environ |= {"PATH_INFO": path, "REQUEST_METHOD": method, **more}
    environ.pop("HTTP_HOST", None)
    return environ if host is None else environ | {"HTTP_HOST": host}


def told(rule: Rule | None, values: Any, error: HTTPException | None) -> tuple[Any, ...]:
    """Return where a request leads, as something to compare."""
    if error is None:
        return rule, values
    methods = sorted(error.valid_methods or ()) if isinstance(error, MethodNotAllowed) else None
    return type(error), methods, error.new_url if isinstance(error, RequestRedirect) else None


def plainly(app: Flask, environ: dict[str, Any]) -> tuple[Any, ...]:
    """Return where Flask's own matching leads."""
    try:
        adapter = Flask.create_url_adapter(app, app.request_class(dict(environ)))
        assert adapter is not None
        rule, values = adapter.match(return_rule=True)
    except HTTPException as error:
        return told(None, None, error)
    return told(rule, values, None)


def ours(app: Application, environ: dict[str, Any]) -> tuple[Any, ...]:
    """Return where the application's dispatch leads."""
    with app.request_context(dict(environ)) as context:
        asked = context.request
        return told(asked.url_rule, asked.view_args, asked.routing_exception)


@st.composite
def requests(draw: st.DrawFn, rules: list[Rule]) -> dict[str, Any]:
    """Return a request to one of the routes, or to something near it."""
    rule = draw(st.sampled_from(rules))
    path = "".join(
        text if is_text else draw(st.sampled_from(VALUES)) for is_text, text in rule._trace if text != "|"
    )
    twisted = draw(st.sampled_from(TWISTS))(path)
    more = draw(st.sampled_from([{}, {"HTTP_CONNECTION": "upgrade", "HTTP_UPGRADE": "websocket"}]))
    return environ_of(twisted, draw(st.sampled_from(METHODS)), draw(st.sampled_from(HOSTS)), **more)


def test_every_path_leads_where_flask_leads_it(dispatching: Application) -> None:
    rules = list(dispatching.url_map.iter_rules())

    @given(requests(rules))
    def check(environ: dict[str, Any]) -> None:
        expected = plainly(dispatching, environ)
        for _ in range(3):
            assert ours(dispatching, environ) == expected

    check()


def test_every_route_is_found_again_from_memory(dispatching: Application) -> None:
    for rule in dispatching.url_map.iter_rules():
        path = "".join(text if is_text else UUID for is_text, text in rule._trace if text != "|")
        for method in sorted(rule.methods or ()):
            environ = environ_of(path, method, "here.test")
            first = ours(dispatching, environ)
            with dispatching.request_context(environ) as context:
                known = isinstance(context.url_adapter, KnownPath)
            assert known == (first[0] is rule or isinstance(first[0], Rule)), (rule, method)
            assert ours(dispatching, environ) == first == plainly(dispatching, environ)


def test_an_unknown_path_a_wrong_method_and_a_redirect_are_not_remembered(dispatching: Application) -> None:
    wrong = [("/v1/absent/absent", "GET"), ("/v1/chat/completions", "DELETE"), ("/v1//models", "GET")]
    for path, method in wrong:
        environ = environ_of(path, method, "elsewhere.test")
        assert isinstance(ours(dispatching, environ)[0], type)
        assert dispatching.known.find(key_of(environ)) is None


def test_a_known_path_does_not_let_another_method_in(dispatching: Application) -> None:
    right = environ_of("/v1/chat/completions", "POST", "here.test")
    assert ours(dispatching, right) == ours(dispatching, right)
    wrong = environ_of("/v1/chat/completions", "GET", "here.test")
    kind, methods, _ = ours(dispatching, wrong)
    assert kind is MethodNotAllowed and methods == ["OPTIONS", "POST"]


def test_what_a_request_does_with_its_arguments_stays_its_own(dispatching: Application) -> None:
    environ = environ_of("/api/" + UUID + "/hello", "POST", "here.test")
    for _ in range(3):
        with dispatching.request_context(dict(environ)) as context:
            assert set(context.request.view_args or ()) == {"project", "slug"}
            context.request.view_args.clear()  # type: ignore[union-attr]


def test_a_known_path_still_tells_urls_and_methods(dispatching: Application) -> None:
    environ = environ_of("/healthz", "GET", "here.test")
    for _ in range(2):
        with dispatching.request_context(dict(environ)) as context:
            adapter = context.url_adapter
            assert adapter is not None
            assert adapter.build("probes.readyz", force_external=True) == "http://here.test/readyz"
            assert set(adapter.allowed_methods()) == {"GET", "HEAD", "OPTIONS"}
            with pytest.raises(AttributeError):
                adapter.absent  # type: ignore[attr-defined]  # noqa: B018


def test_the_memory_has_an_end() -> None:
    known = KnownPaths(most=8)
    found: Any = ("rule", {})
    for number in range(100):
        known.keep(("GET", f"/{number}", "here"), found)
        known.find(("GET", "/0", "here"))
        assert len(known) <= 8
    is_kept = known.find(("GET", "/0", "here")) is found  # what is asked for stays
    assert is_kept and known.find(("GET", "/50", "here")) is None
    known.keep(None, found)
    assert len(known) <= 8 and known.find(None) is None


def test_long_paths_and_websockets_are_not_remembered() -> None:
    assert key_of(environ_of("/" + "x" * MOST_CHARACTERS, "GET", "here.test")) is None
    assert key_of(environ_of("/", "GET", "x" * MOST_CHARACTERS)) is None
    assert key_of(environ_of("/", "GET", None)) is None
    assert key_of(environ_of("/", "GET", "here.test", HTTP_UPGRADE="websocket")) is None


def test_each_route_has_the_hooks_that_flask_would_call(dispatching: Application) -> None:
    for rule in dispatching.url_map.iter_rules():
        blueprint = rule.endpoint.rpartition(".")[0]
        inwards = (None, blueprint) if blueprint else (None,)
        hooks = dispatching.find_hooks([blueprint] if blueprint else [])
        assert hooks == Hooks(
            tuple(called(dispatching.url_value_preprocessors, inwards)),
            tuple(called(dispatching.before_request_funcs, inwards)),
            tuple(called(dispatching.after_request_funcs, inwards))[::-1],
            tuple(called(dispatching.teardown_request_funcs, inwards))[::-1],
        )


def called(functions: dict[Any, list[Any]], names: tuple[str | None, ...]) -> Iterator[Any]:
    for name in names:
        yield from functions.get(name, ())


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "DELETE"])
def test_the_answers_are_flasks_own_known_or_not(
    app: Flask, client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    assert isinstance(app, Application)
    paths = ["/v1/models", "/v1/models/", "/v1//models", "/v1/chat/completions", world.acme.url, "/absent"]
    paths += [
        "/v1/%2e%2e/models",
        "/v1/models/ä",
        "/api/auth/tokens",
        "/healthz",
        "/login",
        "/static/absent.js",
    ]

    def answers() -> list[tuple[int, bytes, dict[str, str]]]:
        found = []
        for path in paths:
            response = client.open(path, method=method, headers=world.acme.headers, data=b"{")
            headers = {name: value for name, value in response.headers if "request-id" not in name.lower()}
            body = b"" if "html" in response.content_type else response.data
            found.append((response.status_code, body, headers))
        return found

    answers()  # the first sets a cookie
    known = answers()
    assert answers() == known
    with signals.request_started.connected_to(lambda *_, **__: None):  # Flask's own way then
        assert answers() == known
    monkeypatch.setattr(KnownPaths, "find", lambda self, key: None)
    assert answers() == known


class Witness:
    """An application of two routes whose hooks write down that they were called."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.app = app = Application("witness")
        app.before_request(lambda: self.note("before"))
        app.after_request(self.after)
        app.teardown_request(lambda error: self.note(f"teardown {type(error).__name__}"))
        app.teardown_appcontext(lambda error: self.note(f"end {type(error).__name__}"))
        app.add_url_rule("/good", view_func=self.good)
        app.add_url_rule("/bad", view_func=self.bad)
        app.add_url_rule("/killed", view_func=self.killed)
        app.session_interface.open_session = lambda *_: None  # type: ignore[method-assign]

    def note(self, word: str) -> None:
        self.story.append(word)

    def after(self, response: Response) -> Response:
        self.note("after")
        return response

    def good(self) -> str:
        self.note("view")
        g.left_over = True
        return "good"

    def bad(self) -> str:
        raise KeyError("bad")

    def killed(self) -> str:
        raise KeyboardInterrupt


@pytest.mark.parametrize("path", ["/good", "/bad", "/killed", "/absent", "/refused"])
def test_hooks_are_called_as_flask_calls_them(path: str) -> None:
    stories = []
    for listened in (False, True):
        witness = Witness()
        if path == "/refused":
            witness.app.before_request(lambda: ("no", 403))
        client = witness.app.test_client()
        signal = signals.request_started if listened else signals.template_rendered
        with signal.connected_to(lambda *_, **__: None):
            if path == "/killed":
                with pytest.raises(KeyboardInterrupt):
                    client.get(path)
                stories.append((0, witness.story))
            else:
                stories.append((client.get(path).status_code, witness.story))
        assert not has_app_context() and not has_request_context()
    assert stories[0] == stories[1]
    assert stories[0][1][-1].startswith("end")


def test_a_hook_that_fails_at_the_end_leaves_no_context_behind() -> None:
    witness = Witness()

    def fail(error: BaseException | None) -> None:
        raise OSError("teardown")

    witness.app.teardown_request(fail)
    with pytest.raises(OSError, match="teardown"):
        witness.app.test_client().get("/good")
    assert not has_app_context() and not has_request_context()
