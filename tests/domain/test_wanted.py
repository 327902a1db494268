"""Which endpoint a call names, and in which version."""

from __future__ import annotations

import pytest

from app.domain.actors import SYSTEM
from app.domain.calls import Call, Repeat
from app.domain.errors import InvalidInput, NotFound
from app.domain.wanted import Wanted, wanted


def call(slug: str | None = None, **fields: object) -> Call:
    return Call("endpoints", "native", lambda: b"", "id", slug=slug, **fields)  # type: ignore[arg-type]


def test_the_path_or_the_body_names_it_with_or_without_a_version():
    assert wanted(call("hello")) == Wanted("hello")
    assert wanted(call("hello@12")) == Wanted("hello", 12)
    assert wanted(call(body={"endpoint": "hello@3"})) == Wanted("hello", 3)
    assert wanted(call(slug_field="model", body={"model": "hello"})) == Wanted("hello")


@pytest.mark.parametrize(
    "name", ["hello@", "hello@0", "hello@-1", "hello@1.0", "hello@٣", "hello@1@2", "@3", "a b"]
)
def test_what_is_no_version_is_not_found(name):
    with pytest.raises(NotFound):
        wanted(call(name))


def test_a_body_that_names_nothing_is_told_where_to_name_it():
    with pytest.raises(InvalidInput, match="'endpoint'"):
        wanted(call())


def test_drafts_and_other_models_are_for_people_alone():
    assert wanted(call("hello", version=4)) == Wanted("hello")
    assert wanted(call("hello", version=4, actor=SYSTEM)) == Wanted("hello", 4, drafts=True)
    again = call("hello", actor=SYSTEM, repeats=Repeat("id", "demo/demo-fast"))
    assert wanted(again) == Wanted("hello", model="demo/demo-fast")
