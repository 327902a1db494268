"""What a failing database says to the client: away, a lost race, or a value that it cannot hold."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from app import errors, respond
from app.domain.dialects import OPENAI
from app.domain.errors import InsufficientBalance


@pytest.mark.parametrize(
    ("kind", "status"), [(OperationalError, 503), (IntegrityError, 409), (DataError, 400)]
)
def test_the_status_says_whose_fault_it_is(app: Flask, kind: type[DBAPIError], status: int) -> None:
    with app.test_request_context("/api/x"):
        answer = errors.handle_database(kind("insert", {}, Exception("a stored value")))
    assert answer.status_code == status and "stored value" not in answer.get_data(as_text=True)


def test_what_no_second_try_helps_says_so(app: Flask) -> None:
    with app.test_request_context("/v1/chat/completions"):
        answer = respond.error_response(InsufficientBalance(), OPENAI)
    assert answer.headers["X-Should-Retry"] == "false"
