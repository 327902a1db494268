"""How an endpoint keeps conversations: its settings, and when a turn still finds room."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.chat_sessions import (
    MOST_BYTES,
    Held,
    SessionSettings,
    check_room,
    parse_session,
    resumed_id,
)
from app.domain.endpoint_errors import SessionFull
from app.domain.errors import InvalidInput

ID = "0198f3c2-0000-7000-8000-000000000001"


def test_nothing_said_is_no_sessions_and_an_empty_object_is_the_defaults() -> None:
    assert parse_session({}) is None and parse_session({"session": None}) is None
    assert parse_session({"session": {}}) == SessionSettings(3600, 100, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl_seconds": 59},
        {"ttl_seconds": 604_801},
        {"ttl_seconds": "3600"},
        {"ttl_seconds": True},
        {"max_messages": 0},
        {"max_messages": 501},
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"ttl": 60},
        [],
        True,
    ],
)
def test_what_makes_no_sense_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        parse_session({"session": wrong})


def test_the_bounds_themselves_are_allowed() -> None:
    given = {"ttl_seconds": 604_800, "max_messages": 500, "max_tokens": 10_000_000}
    assert parse_session({"session": given}) == SessionSettings(**given)


@pytest.mark.parametrize("written", [ID, ID.upper()])
def test_an_id_counts_in_either_case(written: str) -> None:
    assert resumed_id(SessionSettings(), {"session_id": written}) == ID


@pytest.mark.parametrize("wrong", ["", "new", 7, True, [ID], ID[:-1], ID + "0", f"{{{ID}}}", "-" * 36])
def test_what_is_no_id_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        resumed_id(SessionSettings(), {"session_id": wrong})


def test_without_sessions_no_id_is_taken() -> None:
    assert resumed_id(None, {}) is None and resumed_id(None, {"session_id": None}) is None
    with pytest.raises(InvalidInput, match="keeps no sessions"):
        resumed_id(None, {"session_id": ID})


@pytest.mark.parametrize(
    ("held", "more", "size", "fits"),
    [
        (Held(0, 0, 0), 1, 10, True),
        (Held(9, 0, 0), 1, 10, True),  # the answer may pass the limit
        (Held(10, 0, 0), 1, 10, False),
        (Held(0, 0, 0), 11, 10, False),
        (Held(2, 99, 0), 1, 10, True),
        (Held(2, 100, 0), 1, 10, False),
        (Held(2, 0, MOST_BYTES - 10), 1, 10, True),
        (Held(2, 0, MOST_BYTES - 9), 1, 10, False),
    ],
)
def test_a_turn_begins_only_where_there_is_room(held: Held, more: int, size: int, fits: bool) -> None:
    settings = SessionSettings(max_messages=10, max_tokens=100)
    if fits:
        check_room(settings, held, more, size)
        return
    with pytest.raises(SessionFull) as refused:
        check_room(settings, held, more, size)
    assert refused.value.status == 429 and refused.value.retry_after_seconds is None
