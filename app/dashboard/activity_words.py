"""The audit log in plain words: a sentence per action, and each changed field before and after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import LazyString, gettext
from flask_babel import lazy_gettext as _

from app.dashboard import change_words, guardrail_words, limit_fields, model_words, policy_changes
from app.domain.limits import KINDS
from app.domain.outlines import outline
from app.models import AuditEvent

SENTENCES: dict[str, LazyString] = {
    "alias.change": _("changed the alias %(what)s"),
    "alias.create": _("made the alias %(what)s"),
    "alias.delete": _("deleted the alias %(what)s"),
    "alert_rule.change": _("changed the alert rule %(what)s"),
    "alert_rule.create": _("made the alert rule %(what)s"),
    "alert_rule.delete": _("deleted the alert rule %(what)s"),
    "alerts.change": _("changed who gets alert mails in %(what)s"),
    "account.change": _("changed how the account %(what)s pays or warns"),
    "budget.activate": _("switched on the budget of %(what)s"),
    "budget.change": _("changed the budget of %(what)s"),
    "budget.create": _("set a budget for %(what)s"),
    "budget.deactivate": _("switched off the budget of %(what)s"),
    "credential.activate": _("switched on the credential %(what)s"),
    "credential.create": _("added the credential %(what)s"),
    "credential.deactivate": _("switched off the credential %(what)s"),
    "credential.delete": _("deleted the credential %(what)s"),
    "credential.replace": _("replaced the secret of the credential %(what)s"),
    "credential.retire": _("switched off the credential %(what)s, which the provider refused"),
    "credit.adjustment": _("corrected the balance by %(what)s"),
    "credit.refund": _("paid back %(what)s"),
    "credit.top_up": _("topped up %(what)s"),
    "credit.trial": _("gave a trial credit of %(what)s"),
    "end_user.erase": _("erased an end user (%(what)s)"),
    "endpoint.activate": _("switched on the endpoint %(what)s"),
    "endpoint.change": _("changed the endpoint %(what)s"),
    "endpoint.create": _("made the endpoint %(what)s"),
    "endpoint.deactivate": _("switched off the endpoint %(what)s"),
    "endpoint.discard": _("set aside the draft of the endpoint %(what)s"),
    "endpoint.draft": _("saved version %(version)s of %(what)s as a draft"),
    "endpoint.pin": _("pinned version %(version)s of %(what)s"),
    "endpoint.publish": _("published version %(version)s of %(what)s"),
    "endpoint.share_form": _("opened the test form of %(what)s to people with a key"),
    "endpoint.unshare_form": _("closed the test form of %(what)s"),
    "endpoint.unpin": _("unpinned version %(version)s of %(what)s"),
    "example.change": _("changed the example %(what)s"),
    "example.create": _("saved the example %(what)s"),
    "example.delete": _("removed the example %(what)s"),
    "invitation.create": _("invited %(what)s as %(after)s"),
    "invitation.revoke": _("took back the invitation of %(what)s"),
    "key.change": _("changed the key %(what)s"),
    "key.create": _("made the key %(what)s"),
    "key.revoke": _("revoked the key %(what)s"),
    "key.rotate": _("replaced the secret of the key %(what)s"),
    "key.own_keys": _("changed the customer’s own provider keys of %(what)s"),
    "key.rotated": _("retired the old secret of the key %(what)s"),
    "member.add": _("added %(what)s to the workspace as %(after)s"),
    "member.change": _("changed the role of %(what)s from %(before)s to %(after)s"),
    "member.join": _("joined the workspace as %(after)s"),
    "member.leave": _("left the workspace"),
    "member.remove": _("removed %(what)s from the workspace"),
    "model.change": _("changed the facts of the model %(what)s"),
    "model.create": _("added facts about the model %(what)s"),
    "model.delete": _("went back to the shipped facts of the model %(what)s"),
    "plan.change": _("changed the plan %(what)s"),
    "plan.create": _("made the plan %(what)s"),
    "plan.delete": _("removed the plan %(what)s"),
    "memory.erase": _("erased a memory of the user %(what)s"),
    "memory.forget": _("erased all that was remembered of the user %(what)s"),
    "plugin.change": _("changed the plugin %(what)s"),
    "plugin.set_up": _("set up the plugin %(what)s"),
    "policy.activate": _("switched on the policy %(what)s"),
    "policy.change": _("renamed the policy %(what)s"),
    "policy.create": _("made the policy %(what)s"),
    "policy.deactivate": _("switched off the policy %(what)s"),
    "policy.discard": _("set aside the draft of the policy %(what)s"),
    "policy.draft": _("saved version %(version)s of the policy %(what)s as a draft"),
    "policy.publish": _("made version %(version)s of the policy %(what)s live"),
    "project.change": _("changed the project %(what)s"),
    "project.create": _("made the project %(what)s"),
    "provider.change": _("changed the provider %(what)s"),
    "provider.create": _("added the provider %(what)s"),
    "provider.pause": _("paused the provider %(what)s"),
    "provider.resume": _("reactivated the provider %(what)s"),
    "provider.try": _("had the provider %(what)s tried again after its failures"),
    "rollout.advance": _("gave version %(version)s of %(what)s to the next share of end users"),
    "rollout.plan": _("changed how new versions of %(what)s go live"),
    "rollout.promote": _("ended the rollout of %(what)s: version %(version)s answers everybody"),
    "rollout.roll_back": _("rolled %(what)s back to version %(version)s"),
    "rollout.share": _("changed how many end users get version %(version)s of %(what)s"),
    "rollout.start": _("began the rollout of version %(version)s of %(what)s"),
    "rollout.stop": _("stopped the rollout of version %(version)s of %(what)s"),
    "rollout.undo": _("went back to version %(version)s of %(what)s"),
    "session.erase": _("erased a conversation with the endpoint %(what)s"),
    "session.erase_all": _("erased all conversations with the endpoint %(what)s"),
    "sub_account.change": _("changed the sub-account %(what)s"),
    "sub_account.create": _("made the sub-account %(what)s"),
    "webhook.change": _("changed the webhook %(what)s"),
    "webhook.create": _("added the webhook %(what)s"),
    "webhook.delete": _("deleted the webhook %(what)s"),
    "webhook.rotate": _("gave the webhook %(what)s a new secret"),
    "workspace.change": _("changed the settings of %(what)s"),
    "workspace.create": _("made the workspace %(what)s"),
}
OTHER = _("did “%(action)s” to %(what)s")
ICONS = {
    "budget": "gate",
    "alert_rule": "bell",
    "alerts": "bell",
    "alias": "coins",
    "account": "wallet",
    "credential": "shield",
    "credit": "wallet",
    "end_user": "user",
    "endpoint": "gate",
    "example": "check",
    "invitation": "mail",
    "key": "key",
    "member": "users",
    "model": "book",
    "plan": "list",
    "policy": "filter",
    "project": "folder",
    "provider": "plug",
    "rollout": "activity",
    "sub_account": "wallet",
    "webhook": "send",
    "workspace": "settings",
}
LONGEST = 400


@dataclass(frozen=True, slots=True)
class Told:
    """One event as the page shows it. `changes`: field, before, after."""

    who: str
    sentence: str
    icon: str
    at: datetime
    changes: list[tuple[str, str, str]]


def tell(event: AuditEvent) -> Told:
    """Return the event in words."""
    pairs = {name: pair for name, pair in event.changes.items() if is_pair(pair)}
    before, after = pairs.pop("role", [None, None])
    action, version = event.action, pairs.pop("version", [None, None])[1]
    if action == "endpoint.change":
        draft = pairs.pop("draft", [None, None])[1]
        action = "endpoint.publish" if version else "endpoint.draft" if draft else action
        version = version or draft
    parts = {"what": event.object_label, "action": event.action, "version": version}
    told = [guardrail_words.changed(name, old, new) for name, (old, new) in pairs.items() if is_rule(name)]
    if event.action.startswith("policy.") and "rules" in pairs:
        told += policy_changes.noted(*pairs.pop("rules"))
    of_endpoint = event.action.startswith("endpoint.")
    tell_one = in_form_words if of_endpoint else in_words
    told += [tell_one(n, old, new) for n, (old, new) in sorted(pairs.items()) if not is_rule(n)]
    return Told(
        who=event.actor_label,
        sentence=str(SENTENCES.get(action, OTHER)) % {**parts, "before": before, "after": after},
        icon=ICONS.get(event.action.partition(".")[0], "activity"),
        at=event.created_at,
        changes=[change for change in told if change[1] != change[2]],
    )


def is_pair(value: Any) -> bool:
    """Say whether a change has a before and an after."""
    return isinstance(value, list) and len(value) == 2


def is_rule(name: str) -> bool:
    """Say whether what changed is a guardrail."""
    return name.startswith(guardrail_words.CHANGED)


def in_words(name: str, before: Any, after: Any) -> tuple[str, str, str]:
    """Return one changed field: its name, what it said and what it says."""
    return field(name), value(before), value(after)


def in_form_words(name: str, before: Any, after: Any) -> tuple[str, str, str]:
    """Return one changed field of an endpoint, as its forms call it."""
    label = model_words.field(name)
    return (
        field(name) if label == name else label,
        value(change_words.told(name, before)),
        value(change_words.told(name, after)),
    )


def field(name: str) -> str:
    """Return a field's name as people read it."""
    return name.replace("_", " ").capitalize()


def value(given: Any) -> str:
    """Return a field's value as people read it."""
    if given is None or given in ("", [], {}):
        return str(gettext("nothing"))
    if isinstance(given, bool):
        return str(gettext("yes") if given else gettext("no"))
    if isinstance(given, list) and all(isinstance(item, str) for item in given):
        return ", ".join(given)
    if isinstance(given, dict) and given.keys() <= KINDS.keys():
        return limit_fields.told(given)
    text = "; ".join(outline(given)) if isinstance(given, dict | list) else str(given)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
