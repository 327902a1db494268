"""Signing in: one answer for every wrong try, equally slow, and few tries a minute; it needs no Redis."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain.client_address import neighbourhood
from app.domain.errors import TooManyTries
from app.domain.ids import new_id
from app.models import LoginAttempt, User
from app.models.columns import utc_now
from app.services import passwords, people

WINDOW = timedelta(minutes=1)  # also the longest that anybody waits
MOST_PER_EMAIL = 5
MOST_PER_ADDRESS = 20


def check(email: str, password: str, address: str, device: str = "") -> User | None:
    """Return the person, or None for a wrong e-mail or password; raise TooManyTries.

    A try is counted before the password is looked at, so that many at once gain nothing. `device` names a
    browser in which this person signed in before: it has tries of its own, which strangers cannot use up.
    """
    given = email.strip().lower()
    account = subject("device", device) if device else subject("email", given)
    attempts = {account: new_id(), subject("address", neighbourhood(address)): new_id()}
    limits = dict(zip(attempts, (MOST_PER_EMAIL, MOST_PER_ADDRESS), strict=True))

    def count(session: Session) -> User | None:
        user = people.get_by_email(session, given) if given.isprintable() else None
        if user is not None:
            lock(session, user)
        for name, most in limits.items():
            check_room(session, name, most)
        session.add_all(LoginAttempt(id=row_id, subject=name) for name, row_id in attempts.items())
        return user

    user = database.transaction(count)
    if not passwords.is_right(password, user.password_hash if user else None):
        return None
    database.transaction(lambda session: forget(session, list(attempts.values())))
    return user


def subject(kind: str, value: str) -> str:
    """Return what tries are counted under; the table keeps no address or e-mail in the clear."""
    return f"{kind}:{hashlib.sha256(value.encode(errors='replace')).hexdigest()}"


def lock(session: Session, user: User) -> None:
    """Have tries for one person wait for one another, so that the count is right."""
    session.execute(select(User.id).where(User.id == user.id).with_for_update())


def check_room(session: Session, name: str, most: int) -> None:
    """Raise TooManyTries when the last minute saw `most` failed tries."""
    where = LoginAttempt.subject == name, LoginAttempt.created_at > utc_now() - WINDOW
    times = list(
        session.scalars(select(LoginAttempt.created_at).where(*where).order_by(LoginAttempt.created_at))
    )
    if len(times) >= most:
        wait = times[len(times) - most] + WINDOW - utc_now()
        raise TooManyTries(retry_after_seconds=max(1, round(wait.total_seconds() + 0.5)))


def forget(session: Session, attempt_ids: list[str]) -> None:
    """After a success: this try no longer counts."""
    session.execute(delete(LoginAttempt).where(LoginAttempt.id.in_(attempt_ids)))
