"""Whose call it is, as the x-kagu headers say (K4, K5, K13-K16)."""

from __future__ import annotations

import pytest

from app.domain.errors import InvalidRequest
from app.domain.policies.contexts import Context, from_headers

NEEDED = {"x-kagu-user-id": " Ann ", "x-kagu-policy-key": "Support_Chat"}


def test_what_is_said_is_read_in_the_case_in_which_it_is_compared() -> None:
    said = {
        "x-kagu-plan-id": "PRO", "x-kagu-region": "EU", "x-kagu-country": "CH", "x-kagu-locale": "de-CH",
        "x-kagu-platform": "iOS", "x-kagu-cohort-key": "A", "x-kagu-feature-key": "Chat",
        "x-kagu-trial-status": "expired", "x-kagu-request-id": "Req_1",
    }  # fmt: skip
    context = from_headers(NEEDED | said)
    assert context == Context(
        "Ann", "support_chat", "Req_1", "pro", "eu", "ch", "de-ch", "ios", "a", "chat", "EXPIRED"
    )
    assert context.as_dict()["trial_status"] == "EXPIRED" and "user_id" not in context.as_dict()
    assert from_headers(NEEDED).as_dict() == {}


@pytest.mark.parametrize("name", ["Zoë", "Łukasz", "李"])
def test_a_name_in_utf_8_is_the_same_user_as_in_a_body(name: str) -> None:
    sent = name.encode().decode("latin-1")  # as web servers hand it on
    assert from_headers(NEEDED | {"x-kagu-user-id": sent}).user_id == name
    assert from_headers(NEEDED | {"x-kagu-user-id": "Zo\xeb"}).user_id == "Zoë"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-kagu-user-id", ""),
        ("x-kagu-user-id", "  "),
        ("x-kagu-user-id", "x" * 201),
        ("x-kagu-policy-key", ""),
        ("x-kagu-policy-key", "x" * 65),
        ("x-kagu-plan-id", "x" * 65),
        ("x-kagu-region", "e\x00u"),
        ("x-kagu-request-id", ""),
        ("x-kagu-request-id", "two words"),
        ("x-kagu-request-id", "x" * 129),
        ("x-kagu-trial-status", "PERHAPS"),
    ],
)
def test_a_header_that_is_missing_or_wrong_is_named(header: str, value: str) -> None:
    with pytest.raises(InvalidRequest, match=header):
        from_headers(NEEDED | {header: value})
