"""Flask's dispatch, in Flask's order, with what it works out for every request worked out once.

A path leads to its route by memory (`known_paths`), and a route to its hooks by a table: after the first
request Flask takes no more hooks. What runs, and when, is Flask's own; the parts below say what they replace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Request, Response
from flask.ctx import RequestContext
from flask.globals import request_ctx
from flask.signals import request_tearing_down
from werkzeug.routing import MapAdapter

from app.known_paths import KnownPath, KnownPaths, key_of

Hook = Callable[..., Any]


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

    def preprocess_request(self) -> Any:
        """Call what comes before the view; the first answer is the answer."""
        asked = request_ctx._get_current_object().request  # type: ignore[attr-defined]
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
        context = request_ctx._get_current_object()  # type: ignore[attr-defined]
        for after in (*context._after_request_functions, *self.hooks_of(context.request).after):
            response = after(response)
        if not self.session_interface.is_null_session(context._session):
            self.session_interface.save_session(self, context._session, response)
        return response

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Call what comes last."""
        asked = request_ctx._get_current_object().request  # type: ignore[attr-defined]
        for last in self.hooks_of(asked).teardown:
            last(exc)
        request_tearing_down.send(self, _async_wrapper=self.ensure_sync, exc=exc)

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
