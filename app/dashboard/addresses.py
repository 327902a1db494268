"""The address under which this installation is reached, for what people copy."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app, request

OF_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


def public_root() -> str:
    """Return the public URL without a slash at its end: the operator's, or as the browser sees it.

    A SLUICE_BASE_URL that names this machine is the default of a local run: the browser knows better.
    """
    base_url: str = current_app.config["SETTINGS"].base_url
    if urlsplit(base_url).hostname in OF_THIS_MACHINE:
        return request.url_root.rstrip("/")
    return base_url.rstrip("/")
