"""Flask's dispatch, in Flask's order, with what it works out for every request worked out once.

A path leads to its route by memory (`known_paths`), and a route to its hooks by a table: after the first
request Flask takes no more hooks. Signals are sent where somebody listens to any: then all of it is Flask's
own, as it is within another context. Views, hooks and errors are the same in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Request, Response, signals
from flask.ctx import RequestContext
from flask.globals import _cv_app, _cv_request
from werkzeug.routing import MapAdapter

from app.known_paths import KnownPath, KnownPaths, key_of

Hook = Callable[..., Any]
Environ = dict[str, Any]
SIGNALS = (
    signals.appcontext_pushed,
    signals.request_started,
    signals.request_finished,
    signals.request_tearing_down,
    signals.appcontext_tearing_down,
    signals.appcontext_popped,
)
LISTENERS = tuple(signal.receivers for signal in SIGNALS)  # dicts, which stay the same ones


@dataclass(frozen=True, slots=True)
class Hooks:
    """What Flask calls around the views of one endpoint, in its order."""

    values: tuple[Hook, ...]  # with the endpoint's name and the view's arguments
    before: tuple[Hook, ...]
    after: tuple[Hook, ...]
    teardown: tuple[Hook, ...]


class Context(RequestContext):
    """Flask's request context; a path that is known is not matched again."""

    app: Application

    def open(self) -> None:
        """Find the session and the route."""
        sessions = self.app.session_interface
        self._session = sessions.open_session(self.app, self.request)
        if self._session is None:
            self._session = sessions.make_null_session(self.app)
        if self.url_adapter is not None:
            self.match_request()

    def match_request(self) -> None:
        """Find the route of the request's path."""
        adapter, asked = self.url_adapter, self.request
        if isinstance(adapter, KnownPath):
            asked.url_rule, arguments = adapter.found
            asked.view_args = arguments.copy()
            return
        super().match_request()
        if asked.routing_exception is None and asked.url_rule is not None:
            self.app.known.keep(key_of(asked.environ), (asked.url_rule, dict(asked.view_args or {})))


class Application(Flask):
    """Flask, without its questions at every request whose answers never change."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = KnownPaths()
        self._hooks: dict[str | None, Hooks] = {}

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is: none here is a coroutine."""
        return func

    def request_context(self, environ: dict[str, Any]) -> RequestContext:
        """Return the context of a request."""
        return Context(self, environ)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what matches the request's path, or knows it."""
        found = None if request is None else self.known.find(key_of(request.environ))
        if request is None or found is None:
            return super().create_url_adapter(request)
        return KnownPath(self, request, found)

    def wsgi_app(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        if is_watched(environ):
            return super().wsgi_app(environ, start_response)
        context = Context(self, environ)
        error: BaseException | None = None
        outer, token = _cv_app.set(self.app_context()), _cv_request.set(context)
        try:
            try:
                context.open()
                response = self.answer(context)
            except Exception as raised:
                error = raised
                response = self.handle_exception(raised)
            except BaseException as raised:
                error = raised
                raise
            return response(environ, start_response)
        finally:
            try:
                self.end(context, error)
            finally:
                _cv_request.reset(token)
                _cv_app.reset(outer)

    def answer(self, context: Context) -> Response:
        """Return what the first hook that answers, or the view, answers to a request."""
        self._got_first_request = True
        try:
            given = self.preprocess_request()
            if given is None:
                given = self.dispatch_request()
        except Exception as error:
            given = self.handle_user_exception(error)
        return self.process_response(self.make_response(given))

    def end(self, context: Context, error: BaseException | None) -> None:
        """Do what comes last."""
        for last in self.hooks_of(context.request).teardown:
            last(error)
        context.request.close()
        context.request.environ["werkzeug.request"] = None  # it refers to the environment itself
        for last in reversed(self.teardown_appcontext_funcs):
            last(error)

    def preprocess_request(self) -> Any:
        """Call what comes before the view; the first answer is the answer."""
        asked = _cv_request.get().request
        hooks = self.hooks_of(asked)
        for of_values in hooks.values:
            of_values(asked.endpoint, asked.view_args)
        for before in hooks.before:
            answer = before()
            if answer is not None:
                return answer
        return None

    def process_response(self, response: Response) -> Response:
        """Call what comes after the view, and keep the session, where there is one."""
        context = _cv_request.get()
        own: list[Hook] = list(context._after_request_functions)
        for after in (*own, *self.hooks_of(context.request).after):
            response = after(response)
        session = context._session
        if session is not None and not self.session_interface.is_null_session(session):
            self.session_interface.save_session(self, session, response)
        return response

    def hooks_of(self, asked: Request) -> Hooks:
        """Return what is called around the view that a request leads to."""
        rule = asked.url_rule
        endpoint = None if rule is None else rule.endpoint
        hooks = self._hooks.get(endpoint)
        if hooks is None:
            hooks = self._hooks[endpoint] = self.find_hooks(asked.blueprints)
        return hooks

    def find_hooks(self, blueprints: list[str]) -> Hooks:
        """Return what is called around the views of a blueprint, named from the inside out."""
        inwards, outwards = (None, *reversed(blueprints)), (*blueprints, None)
        return Hooks(
            tuple(hook for name in inwards for hook in self.url_value_preprocessors.get(name, ())),
            tuple(hook for name in inwards for hook in self.before_request_funcs.get(name, ())),
            tuple(hook for name in outwards for hook in reversed(self.after_request_funcs.get(name, ()))),
            tuple(hook for name in outwards for hook in reversed(self.teardown_request_funcs.get(name, ()))),
        )


def is_watched(environ: Environ) -> bool:
    """Say whether anybody listens to Flask's signals, or has its contexts for longer than the request."""
    return any(LISTENERS) or _cv_app.get(None) is not None or "werkzeug.debug.preserve_context" in environ
