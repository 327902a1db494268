"""Signing in: uniform, throttled, and open again after a minute."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.database import database
from app.domain.errors import TooManyTries
from app.models import LoginAttempt
from app.models.columns import utc_now
from app.services import passwords, sign_in
from tests.world import PASSWORD, World

HERE = "203.0.113.7"


def fail(email: str = "owner@acme.test", address: str = HERE, device: str = "") -> None:
    assert sign_in.check(email, "wrong password", address, device) is None


def attempts() -> int:
    return database.read(lambda s: s.scalar(select(func.count()).select_from(LoginAttempt)) or 0)


def test_the_right_password_lets_in_and_counts_for_nothing(world: World) -> None:
    user = sign_in.check(" Owner@Acme.test ", PASSWORD, HERE)
    assert user is not None and user.id == world.owner.id
    assert attempts() == 0


@pytest.mark.parametrize("email", ["nobody@acme.test", "", "nonsense", "a\x00b@acme.test", "ü" * 9000])
def test_an_unknown_address_is_checked_as_slowly_as_a_known_one(
    world: World, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str | None] = []
    monkeypatch.setattr(passwords, "verify", lambda password, hashed: checked.append(hashed) or True)
    assert sign_in.check(email, PASSWORD, HERE) is None
    assert checked == [passwords.NOBODY]


def test_five_failures_a_minute_close_the_account_even_to_the_right_password(world: World) -> None:
    for _ in range(5):
        fail()
    with pytest.raises(TooManyTries) as caught:
        sign_in.check("OWNER@acme.test", PASSWORD, "198.51.100.1")
    assert 0 < (caught.value.retry_after_seconds or 0) <= 61
    assert sign_in.check("admin@acme.test", PASSWORD, HERE) is not None


def test_an_unknown_account_closes_the_same_way(world: World) -> None:
    for _ in range(5):
        fail("nobody@acme.test")
    with pytest.raises(TooManyTries):
        fail("nobody@acme.test")


def test_twenty_failures_a_minute_close_the_address(world: World) -> None:
    for number in range(20):
        fail(f"person{number}@acme.test")
    with pytest.raises(TooManyTries):
        sign_in.check("owner@acme.test", PASSWORD, HERE)
    assert sign_in.check("owner@acme.test", PASSWORD, "198.51.100.1") is not None


def test_it_is_open_again_after_a_minute(world: World) -> None:
    for _ in range(5):
        fail()
    earlier = update(LoginAttempt).values(created_at=utc_now() - timedelta(seconds=61))
    database.transaction(lambda session: session.execute(earlier) and None)
    assert sign_in.check("owner@acme.test", PASSWORD, HERE) is not None


def test_a_refused_try_does_not_prolong_the_wait(world: World) -> None:
    for _ in range(5):
        fail()
    before = attempts()
    with pytest.raises(TooManyTries):
        fail()
    assert attempts() == before


def test_strangers_cannot_use_up_the_tries_of_a_known_browser(world: World) -> None:
    for number in range(5):
        fail(address=f"198.51.100.{number}")
    assert sign_in.check("owner@acme.test", PASSWORD, HERE, "a-known-browser") is not None
    for _ in range(5):
        fail(device="a-known-browser")
    with pytest.raises(TooManyTries):
        sign_in.check("owner@acme.test", PASSWORD, HERE, "a-known-browser")


def test_tries_at_the_same_moment_gain_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    monkeypatch.setattr(passwords, "verify", lambda password, hashed: checked.append(password) and False)

    def attempt(number: int) -> None:
        try:
            sign_in.check("owner@acme.test", f"guess {number}", f"198.51.100.{number}")
        except Exception:  # noqa: BLE001, S110  refused, or the database was too busy: no guess either way
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, range(24)))
    assert len(checked) <= 5


def test_the_table_keeps_no_address_in_the_clear(world: World) -> None:
    fail()
    subjects = database.read(lambda session: list(session.scalars(select(LoginAttempt.subject))))
    assert not any("acme" in subject or HERE in subject for subject in subjects)
