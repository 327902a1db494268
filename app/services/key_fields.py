"""What can be set of a key: every field checked, and whatever it names looked up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.callers import DEFAULT_SCOPES, SCOPES, hash_key
from app.domain.errors import Conflict, InvalidFields, InvalidInput, NotFound
from app.domain.fields import Collector, refuse_unknown, text, texts
from app.domain.guardrails import levels
from app.domain.key_rules import KeyRules, parse_rules, stored_rules
from app.domain.keys import endpoints_of, labels_of
from app.domain.limits import limits_of
from app.models import Endpoint, Key
from app.services import accounts, key_rotation

FIELDS = frozenset(
    {"name", "account_id", "scopes", "expires_at", "limits", "endpoints", "labels", "rules", "guardrails"}
)
SHOWN = ("scopes", "limits", "endpoints", "labels", "rules", "guardrails")


def parse(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check every field."""
    refuse_unknown(fields, FIELDS)
    collect = Collector()
    values = {
        "name": collect.take(text, fields, "name", most=100, required=True),
        "account_id": collect.take(text, fields, "account_id", most=36),
        "scopes": collect.take(scopes, fields),
        "expires_at": collect.take(expiry, fields),
        "limits": collect.take(limits_of, fields),
        "endpoints": collect.take(endpoints_of, fields),
        "labels": collect.take(labels_of, fields),
        "rules": collect.take(rules_of, fields),
        "guardrails": collect.take(levels.given, fields),
    }
    collect.finish()
    return {**values, "limits": values["limits"].as_dict(), "rules": stored_form(values["rules"])}


def current(key: Key) -> dict[str, Any]:
    """Return a key's fields in the form that `parse` takes."""
    return {name: getattr(key, name) for name in FIELDS} | {"rules": stored_rules(key.rules).as_fields()}


def rules_of(fields: Mapping[str, Any]) -> KeyRules:
    """Return the rules in the field `rules`; an error's field is `rules.` and its own name."""
    value = fields.get("rules") or {}
    if not isinstance(value, Mapping):
        raise InvalidInput("Write rules as fields and values.", param="rules")
    try:
        return parse_rules(value)
    except InvalidFields as error:
        raise InvalidFields({f"rules.{name}": text for name, text in error.errors.items()}) from None


def stored_form(rules: KeyRules) -> dict[str, Any]:
    """Return rules as the row keeps them."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in rules.as_dict().items()}


def scopes(fields: Mapping[str, Any]) -> list[str]:
    """Return the chosen scopes in their usual order; the default ones when none are named."""
    chosen = texts(fields, "scopes", most=len(SCOPES)) or DEFAULT_SCOPES
    if any(scope not in SCOPES for scope in chosen):
        raise InvalidInput(f"Choose from: {', '.join(SCOPES)}.", param="scopes")
    return [scope for scope in SCOPES if scope in chosen]


def expiry(fields: Mapping[str, Any]) -> datetime | None:
    """Return the time after which the key is refused; aware, or None for never."""
    value = fields.get("expires_at")
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InvalidInput("Must be a date and time with its zone.", param="expires_at")
    return value


def booked_on(session: Session, workspace_id: str, account_id: str) -> str:
    """Return the account that a key is booked on: the root account when none is named."""
    if not account_id:
        return accounts.root_of(session, workspace_id).id
    try:
        return accounts.owned(session, workspace_id, account_id).id
    except NotFound:
        raise InvalidInput("There is no such account.", param="account_id") from None


def check_endpoints(session: Session, project_id: str, slugs: list[str] | None) -> None:
    """Raise InvalidInput unless the project has every one of the endpoints."""
    known = set(session.scalars(select(Endpoint.slug).where(Endpoint.project_id == project_id)))
    missing = sorted(set(slugs or ()) - known)
    if missing:
        raise InvalidInput(f"There is no endpoint “{missing[0]}” in this project.", param="endpoints")


def check_name_free(session: Session, project_id: str, name: str) -> None:
    """Raise Conflict when another key of the project has the name."""
    where = Key.project_id == project_id, Key.name == name
    if session.scalar(select(Key.id).where(*where)) is not None:
        raise Conflict("There is a key of this name already.", param="name")


def check_secret_free(session: Session, secret: str) -> None:
    """Raise Conflict when the secret is in use by any key anywhere."""
    if session.scalar(select(Key.id).where(key_rotation.has_hash(hash_key(secret)))) is not None:
        raise Conflict("This secret is in use by another key.", param="secret")
