"""Keys managed with a key: made, changed, rotated and revoked, never beyond what it may itself (O23)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database
from app.domain import key_api
from app.domain.actors import Actor
from app.domain.callers import DEFAULT_SCOPES, Caller, mint_key
from app.domain.errors import InvalidFields, NotFound, ScopeExceeded
from app.domain.guardrails.levels import weakened
from app.domain.key_rules import NO_RULES, KeyRules, stored_rules
from app.domain.minting import MOST_GENERATIONS, beyond
from app.models import Key
from app.services import (
    guardrail_settings,
    key_budgets,
    key_credentials,
    key_fields,
    key_rotation,
    keys,
    makers,
)
from app.services.key_credentials import OwnKey

SCOPE = "tokens:write"
Card = dict[str, Any]


def create(caller: Caller, body: Mapping[str, Any]) -> Card:
    """Make a key of the caller's project and account; its secret is in this answer alone."""
    values, secret = checked(caller, body), mint_key(key_rotation.prefix.value)

    def work(session: Session) -> Card:
        key = keys.add(session, actor_of(caller), values, secret)
        key_budgets.add_all(session, actor_of(caller), key, body.get(key_budgets.FIELD))
        return {**changed(session, caller, key, body), "key": secret}

    return run(work)


def checked(caller: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a new key; raise ScopeExceeded where it would be more than its maker."""
    if len(caller.makers) + 1 >= MOST_GENERATIONS:
        raise ScopeExceeded(
            "This key was made by a key that was made by another, too often: use one of those."
        )
    given = key_api.fields_of(body, key_api.CREATE)
    given["expires_at"] = key_api.expires_at(given, caller.expires_at)
    given.pop("expires_in", None)
    given.setdefault("scopes", [s for s in DEFAULT_SCOPES if s in caller.scopes] or list(caller.scopes))
    if given.get("endpoints") is None:
        given["endpoints"] = caller.endpoints
    given["rules"] = caller.rules.as_fields() | key_api.rules_of(body)
    values = named(lambda: key_fields.parse(given))
    check_within(caller, values)
    place = {"workspace_id": caller.workspace_id, "project_id": caller.project_id}
    return {**values, **place, "account_id": caller.account_id, "parent_id": caller.key_id}


def check_within(caller: Caller, values: Mapping[str, Any]) -> None:
    """Raise ScopeExceeded unless the fields of a key are within what the caller may."""
    extra = [scope for scope in values["scopes"] if scope not in caller.scopes]
    if extra:
        has = ", ".join(caller.scopes)
        raise ScopeExceeded(f"A key cannot hand on '{extra[0]}', which it does not have. It has: {has}.")
    if caller.endpoints is not None and not set(values["endpoints"] or ()) <= set(caller.endpoints):
        raise ScopeExceeded("A key cannot hand on endpoints that it may not call itself.", param="endpoints")
    check_rules(stored_rules(values["rules"]), caller.rules, "the key that makes it")
    if loose := weakened(guardrail_settings.of_key(caller), values["guardrails"]):
        name = f"guardrails.{loose[0]}"
        raise ScopeExceeded(f"'{name}' cannot stop less than it does for the key that makes it.", param=name)


def check_rules(asked: KeyRules, most: KeyRules, whose: str) -> None:
    """Raise ScopeExceeded, naming the first rule that allows more than `most`."""
    if loose := beyond(asked, most):
        name = key_api.WORDS[loose[0]]
        raise ScopeExceeded(f"'{name}' cannot allow more than it does for {whose}.", param=name)


def list_all(caller: Caller) -> dict[str, Any]:
    """Return the keys of the caller's project that it can see, newest first; without revoked ones."""

    def work(session: Session) -> dict[str, Any]:
        where = Key.project_id == caller.project_id, Key.revoked_at.is_(None)
        rows = session.scalars(select(Key).where(*where).order_by(Key.created_at.desc(), Key.id.desc()))
        seen = [key for key in rows if sees(session, caller, key)]
        return key_api.listed(cards(session, caller, seen))

    return database.read(work)


def list_tokens(caller: Caller) -> dict[str, Any]:
    """Return the same under the name that the native surface has for it (P29)."""
    return {"tokens": list_all(caller)["data"]}


def revoke(caller: Caller, key_id: str) -> Card:
    """Revoke a key and those that it made."""

    def work(session: Session) -> Card:
        key = commanded(session, caller, key_id)
        ended = keys.end(session, actor_of(caller), key)
        also = [one.id for one in ended if one.id != key.id]
        return {"id": key.id, "object": "api_key", "name": key.name, "deleted": True, "also_revoked": also}

    return run(work)


def update(caller: Caller, key_id: str, body: Mapping[str, Any]) -> Card:
    """Change a key's name, labels, rules and provider keys; a key can only tighten its own rules."""
    fields, given = key_api.fields_of(body, key_api.UPDATE), key_api.rules_of(body)

    def work(session: Session) -> Card:
        key = commanded(session, caller, key_id)
        before = stored_rules(key.rules)
        rules = before.as_fields() | given
        keys.change(session, actor_of(caller), key, {**fields, "rules": rules})
        most, whose = (before, "itself now") if key.id == caller.key_id else (caller.rules, "this key")
        check_rules(stored_rules(key.rules), most, whose)
        return changed(session, caller, key, body)

    return run(work)


def rotate(caller: Caller, key_id: str) -> Card:
    """Give a key a new secret; the old one opens until the new one is first used (A19)."""

    def work(session: Session) -> Card:
        key = commanded(session, caller, key_id)
        if not set(key.scopes) <= set(caller.scopes):
            raise ScopeExceeded("A key cannot get the secret of one that may do more than itself.")
        made = key_rotation.begin(session, actor_of(caller), key)
        return {**changed(session, caller, key, {}), "key": made.secret}

    return run(work)


def changed(session: Session, caller: Caller, key: Key, body: Mapping[str, Any]) -> Card:
    """Store the provider keys that a body holds, and return the key's card."""
    key_credentials.store(session, actor_of(caller), key, key_api.provider_keys(body))
    return cards(session, caller, [key])[0]


def visible(session: Session, caller: Caller, key_id: str) -> Key:
    """Return a key that the caller can see; raise NotFound."""
    plain = key_api.plain_id(key_id)
    key = session.get(Key, plain) if plain else None
    if key is None or key.revoked_at is not None or not sees(session, caller, key):
        raise NotFound("There is no such key.")
    return key


def sees(session: Session, caller: Caller, key: Key) -> bool:
    """Say whether the caller sees a key: its project's, its sub-account's, or only those that it made."""
    if key.project_id != caller.project_id:
        return False
    if caller.account_id not in (caller.payer_id, key.account_id):
        return False
    return not caller.makers or is_own(session, caller, key)


def is_own(session: Session, caller: Caller, key: Key) -> bool:
    """Say whether a key is the caller's, or was made by it."""
    return caller.key_id in {key.id, *(maker.id for maker in makers.of(session, key))}


def commanded(session: Session, caller: Caller, key_id: str) -> Key:
    """Return a key that the caller may change; raise NotFound, or ScopeExceeded where it is none of its own.

    Only a key without any limit of its own may change those that it did not make.
    """
    key = visible(session, caller, key_id)
    if not is_own(session, caller, key) and not is_unlimited(caller):
        raise ScopeExceeded("A key that is limited itself can only change the keys that it made.")
    return key


def is_unlimited(caller: Caller) -> bool:
    """Say whether nothing limits what the caller may call with its scopes."""
    limited = caller.rules != NO_RULES or caller.limits or caller.endpoints is not None or caller.makers
    budgeted = any(budget.scope_type == "key" for budget in caller.budgets)
    return not limited and not budgeted and caller.expires_at is None


def cards(session: Session, caller: Caller, listed: Sequence[Key]) -> list[Card]:
    """Return what may be told of several keys."""
    ids = [key.id for key in listed]
    own, capped = key_credentials.shown(session, ids), key_budgets.shown(session, ids)
    return [card(caller, key, own.get(key.id, []), capped.get(key.id, [])) for key in listed]


def card(caller: Caller, key: Key, own: Sequence[OwnKey], capped: list[Card]) -> Card:
    """Return what may be told of a key."""
    return {
        "id": key.id,
        "object": "api_key",
        "name": key.name,
        "preview": key.preview,
        "current": key.id == caller.key_id,
        "created_by": key.created_by,
        "created_at": key_api.written(key.created_at),
        "expires_at": key_api.written(key.expires_at),
        "last_used_at": key_api.written(key.last_used_at),
        "rotating": key.previous_hash is not None,
        "scopes": list(key.scopes),
        "endpoints": key.endpoints,
        "limits": key.limits,
        "guardrails": key.guardrails,
        "labels": key.labels,
        "budgets": capped,
        **key_api.told(stored_rules(key.rules)),
        "providerKeys": {item.slug: item.preview for item in own},
    }


def actor_of(caller: Caller) -> Actor:
    """Return the caller as the activity log names it."""
    return Actor("key", caller.key_id, f"the key “{caller.label}”")


def run(work: Callable[[Session], Card]) -> Card:
    """Run `work` in a transaction, its errors in the API's words."""
    return named(lambda: database.transaction(work))


def named(work: Callable[[], Card]) -> Card:
    """Return `work()`, its errors in the API's words."""
    try:
        return work()
    except InvalidFields as error:
        raise key_api.renamed(error) from None
