"""The two forms of the Routing page: a prompt to try, with wishes, and a project's own settings."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from app.dashboard import forms
from app.domain.errors import InvalidInput

BLANK: dict[str, Any] = {"message": "", "policy": ""}
MOST_CHARACTERS = 100_000
ANY_SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
ANY_TOOL = {"type": "function", "function": {"name": "tool", "parameters": {"type": "object"}}}
ANY_PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}


def policies() -> list[tuple[str, str]]:
    """Return what the order can go by."""
    return [
        ("", _("The cheapest that is good enough")),
        ("lowest_cost", _("The cheapest of all")),
        ("lowest_latency", _("The one that begins to answer soonest")),
        ("highest_throughput", _("The one that writes fastest")),
    ]


def body() -> dict[str, Any]:
    """Return the typed request as an application would send it; raise InvalidInput."""
    message = forms.text("message").strip()
    if not message:
        raise InvalidInput(_("Write a request first."), param="message")
    if len(message) > MOST_CHARACTERS:
        raise InvalidInput(_("This is longer than the page can take."), param="message")
    output = forms.whole("max_tokens")
    if output is not None and not (isinstance(output, int) and output > 0):
        raise InvalidInput(_("Must be a whole number above 0."), param="max_tokens")
    parts = [{"type": "text", "text": message}, *([ANY_PICTURE] if forms.switch("vision") else [])]
    found: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": parts}]}
    policy = forms.text("policy")
    wishes = {
        "max_tokens": output,
        "routing": {"policy": policy} if policy in dict(policies()) and policy else None,
        "data_collection": "deny" if forms.switch("no_training") else None,
        "zdr": True if forms.switch("zdr") else None,
        "response_format": ANY_SCHEMA if forms.switch("json") else None,
        "tools": [ANY_TOOL] if forms.switch("tools") else None,
        "baseline_model": forms.text("try_baseline").strip() or None,
    }
    return found | {name: value for name, value in wishes.items() if value is not None}


def settings() -> dict[str, Any]:
    """Return the project's settings as the service takes them."""
    seconds = forms.whole("cache_seconds")
    return {
        "baseline_model": forms.text("baseline_model"),
        "min_quality": forms.whole("min_quality"),
        "siblings": forms.switch("siblings"),
        "byok_fallback": forms.switch("byok_fallback"),
        "guard_passthrough": forms.switch("guard_passthrough"),
        **({} if seconds is None else {"cache_seconds": seconds}),
    }
