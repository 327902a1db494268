"""Passwords: Argon2id, hashed and checked off the hub so that no call waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import gevent
import gevent.monkey
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from app.domain.errors import InvalidInput

T = TypeVar("T")
LEAST, MOST = 10, 200
hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
NOBODY = hasher.hash("nobody has this password")  # checked for unknown people, so that both take as long


def check(password: str) -> None:
    """Raise InvalidInput for a password too short or too long."""
    if not LEAST <= len(password) <= MOST:
        raise InvalidInput(f"Use {LEAST} to {MOST} characters.", param="password")


def hash_checked(password: str) -> str:
    """Return the hash of an acceptable password; raise InvalidInput for one too short or too long."""
    check(password)
    return off_hub(lambda: hasher.hash(password))


def is_right(password: str, hashed: str | None) -> bool:
    """Say whether the password is the hashed one; takes as long for an unknown person (None)."""
    right = off_hub(lambda: verify(password, hashed or NOBODY))
    return right and hashed is not None


def verify(password: str, hashed: str) -> bool:
    """Compare without raising."""
    try:
        return hasher.verify(hashed, password[:MOST])
    except VerificationError:
        return False


def off_hub(work: Callable[[], T]) -> T:
    """Run the work in a thread when gevent runs this process."""
    if not gevent.monkey.is_module_patched("socket"):
        return work()
    return gevent.get_hub().threadpool.apply(work)  # type: ignore[no-any-return]
