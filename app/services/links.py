"""One-time links: only a token's hash is kept; a link is used in the transaction of what it allows."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.errors import NotFound
from app.models import OneTimeLink
from app.models.columns import utc_now

GONE = "This link was used already, or it has expired."


def add(session: Session, kind: str, lifetime: timedelta, **columns: Any) -> str:
    """Store a link of `kind` and return its token, which cannot be read again."""
    token = secrets.token_urlsafe(32)
    link = OneTimeLink(kind=kind, token_hash=hash_token(token), expires_at=utc_now() + lifetime, **columns)
    session.add(link)
    session.flush()
    return token


def hash_token(token: str) -> bytes:
    """Return the SHA-256 of a token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def find(session: Session, kind: str, token: str) -> OneTimeLink:
    """Return the unused, unexpired link of the token; raise NotFound."""
    where = OneTimeLink.kind == kind, OneTimeLink.token_hash == hash_token(token)
    link = session.scalars(select(OneTimeLink).where(*where)).first()
    if link is None or link.used_at is not None or link.expires_at < utc_now():
        raise NotFound(GONE)
    return link


def use(session: Session, kind: str, token: str) -> OneTimeLink:
    """Mark the link used and return it; of several who try at once one wins, the others get NotFound."""
    link = find(session, kind, token)
    unused = OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None)
    marked = session.execute(update(OneTimeLink).where(*unused).values(used_at=utc_now()))
    if marked.rowcount != 1:  # type: ignore[attr-defined]
        raise NotFound(GONE)
    return link
