"""The lists of facts on a receipt: who called what, its ids, and the time by step."""

from __future__ import annotations

from typing import Any

from flask import g, url_for
from flask_babel import gettext as _
from markupsafe import Markup

from app.dashboard import guardrail_words
from app.dashboard.receipt_words import microseconds, say
from app.domain import policy_stories, route_stories
from app.domain.actors import at_least
from app.domain.receipts import Receipt
from app.models import RecordRow
from app.services.receipts import Story
from app.services.usage_hours import ERASED

Fact = tuple[Any, ...]  # term, value and, where one is needed, a hint


def context(story: Story, receipt: Receipt) -> dict[str, Any]:
    """Return the lists that the template shows."""
    return {
        "who_facts": who(story),
        "id_facts": ids(story),
        "own_parts": [
            (say(s.label), s.microseconds, microseconds(s.microseconds)) for s in receipt.own_steps
        ],
        "money_facts": [
            (say(each.label), f"${each.usd}", say(each.hint) if each.hint else "")
            for each in receipt.charge.amounts
        ],
        "waiting_facts": [(say(s.label), microseconds(s.microseconds)) for s in receipt.waiting_steps],
        "guard_words": guardrail_words,
        "policy_notes": list(policy_stories.notes(story.row)),
        "policy_facts": policy(story),
        **why(story.row),
    }


def why(row: RecordRow) -> dict[str, Any]:
    """Return why the models were tried in this order, and what that saved; nothing where one was named."""
    if not row.routing:
        return {"told": None, "saved": None}
    saved = route_stories.savings(row.routing, row.savings_nano_usd)
    return {"told": route_stories.tell(row.routing), "saved": saved}


def who(story: Story) -> list[Fact]:
    """Say who called what, with links to what still exists."""
    row = story.row
    facts: list[Fact] = [(_("When"), f"{row.created_at:%d %b %Y, %H:%M:%S} UTC"), caller(story)]
    if story.project is not None:
        facts.append((_("Project"), link(story.project.name, "projects.show", project=story.project.id)))
    facts += [
        endpoint(story),
        (_("Model asked for"), code(row.model_requested)),
        (_("Answered by"), code(row.model_answered), row.provider or ""),
    ]
    if not row.reported:
        facts.append((_("Way"), _("streamed, word by word") if row.stream else _("in one piece")))
    return [*facts, *of_the_session(story), *of_the_client(row)]


def of_the_session(story: Story) -> list[Fact]:
    """Name the conversation that the call was a turn of, with a link while it lives for who may read it."""
    session_id, found = story.row.session_id, story.endpoint
    if session_id is None:
        return []
    if found is None or not story.has_session or not at_least(g.role, "editor"):
        return [(_("Session"), code(session_id))]
    shown = link(_("Conversation"), "conversations.show", endpoint_id=found.id, session=session_id)
    return [(_("Session"), shown, session_id)]


def of_the_client(row: RecordRow) -> list[Fact]:
    """Say what else the client told: its own user, and what it asked for where that is no chat."""
    facts: list[Fact] = []
    if row.operation != "chat":
        facts.append((_("Asked for"), code(row.operation)))
    if row.end_user == ERASED:
        facts.append((_("End user"), _("erased on request")))
    elif row.end_user:
        page = link(row.end_user, "end_users.show", user=row.end_user)
        facts.append((_("End user"), page, _("as the application named them")))
    if row.tag:
        facts.append((_("Tag"), code(row.tag), _("the application's own word for whom it was")))
    return facts


def caller(story: Story) -> Fact:
    """Name the key or the person."""
    row = story.row
    if row.key_id is None:
        return _("Who"), row.caller_label, _("a person, in the dashboard")
    if story.project is None:
        return _("Who"), row.caller_label, _("a key")
    return _("Who"), link(row.caller_label, "keys.index", project=story.project.id), _("a key")


def endpoint(story: Story) -> Fact:
    """Name the endpoint and the version that answered, or the provider's route."""
    row = story.row
    version = _("version %(number)d", number=row.endpoint_version) if row.endpoint_version else ""
    if row.surface == "light":
        return _("Route"), _("light mode"), _("the application asked the model itself")
    if row.surface == "proxy" and row.policy_key:
        return _("Route"), _("a policy decides among models"), ""
    if row.surface == "proxy" and row.model_requested.startswith(row.endpoint_slug):
        return _("Route"), _("any model by its name"), ""
    if row.surface == "proxy":
        return _("Route"), code(f"/v1/{row.endpoint_slug}"), _("passed on as it came")
    if story.endpoint is None:
        return _("Endpoint"), code(row.endpoint_slug), version
    return _("Endpoint"), link(row.endpoint_slug, "endpoints.show", endpoint_id=story.endpoint.id), version


def policy(story: Story) -> list[Fact]:
    """Name the policy, its version and rule, and what the client said of its end user."""
    row, found = story.row, story.policy
    if not row.policy_key:
        return []
    name = link(row.policy_key, "policies.show", policy=found.id) if found else code(row.policy_key)
    facts: list[Fact] = [(_("Policy"), name, _("version %(number)d", number=row.policy_version))]
    if row.policy_rule:
        facts.append((_("Rule"), row.policy_rule))
    return facts + [(say(label), value) for label, value in policy_stories.facts(row)]


def ids(story: Story) -> list[Fact]:
    """Return what support may ask for."""
    row = story.row
    facts: list[Fact] = [(_("Request id"), code(row.id))]
    if row.client_request_id:
        facts.append((_("The client's own id"), code(row.client_request_id)))
    if row.upstream_id:
        facts.append((_("The provider's own id"), code(row.upstream_id)))
    if row.error_code:
        facts.append((_("Error code"), code(row.error_code)))
    if row.finish_reason:
        facts.append((_("Finish reason"), code(row.finish_reason)))
    return facts


def link(text: str, target: str, **values: Any) -> Markup:
    """Return a link."""
    return Markup('<a href="{}">{}</a>').format(url_for(target, **values), text)


def code(text: str | None) -> Markup:
    """Return an id or a name in the code face; a dash for none."""
    return Markup("<code>{}</code>").format(text) if text else Markup("–")
