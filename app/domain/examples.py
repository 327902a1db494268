"""Saved examples: a request, and what every good answer to it has in common; checked without any model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.bodies import encoded
from app.domain.endpoint_schemas import parse_schema
from app.domain.errors import InvalidFields, InvalidInput
from app.domain.fields import Collector, refuse_unknown, switch, text, texts, whole
from app.domain.guardrails.settings import KINDS
from app.domain.key_rules import cap
from app.domain.pricing import format_usd, nano_to_usd
from app.domain.prompts import read_messages

FIELDS = frozenset({"name", "body", "expected"})
BODY_FIELDS = frozenset({"message", "messages", "variables"})
MOST_TEXTS = 30
LONGEST_TEXT = 1_000
MOST_BODY_BYTES = 256 * 1024
ANY_GUARDRAIL = "any"
BLOCKING = tuple(kind for kind in KINDS if kind not in ("addresses", "hours"))  # those hold for keys alone
SHOWN = 80


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer must be like; a field that is not set asks for nothing.

    `fits_output_schema`: of the version that answers. `blocked_by`: a guardrail's kind, or any; then no
    answer may come at all.
    """

    contains: tuple[str, ...] = ()
    not_contains: tuple[str, ...] = ()
    match_case: bool = False
    fits_output_schema: bool = False
    json_schema: dict[str, Any] | None = None
    most_output_tokens: int | None = None
    most_cost_nano_usd: int | None = None
    most_milliseconds: int | None = None
    blocked_by: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values, only what is set; costs in dollars."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "most_cost_nano_usd"}
        values |= {"contains": list(self.contains), "not_contains": list(self.not_contains)}
        if self.most_cost_nano_usd is not None:
            values["most_cost_usd"] = nano_to_usd(self.most_cost_nano_usd)
        return {name: value for name, value in values.items() if value or value == 0 and value is not False}


EXPECTED_FIELDS = frozenset(Expected.__slots__) - {"most_cost_nano_usd"} | {"most_cost_usd"}


@dataclass(frozen=True, slots=True)
class Answered:
    """How a version answered an example. `error`: why it did not; `blocked_by`: the guardrails that said no.

    `misfits`: what is wrong with the answer by the schemas that are asked for.
    """

    text: str = ""
    error: str = ""
    blocked_by: tuple[str, ...] = ()
    output_tokens: int = 0
    cost_nano_usd: int | None = 0
    milliseconds: int = 0
    misfits: tuple[str, ...] = ()


def parse_body(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request of an example, in the native form; raise InvalidInput."""
    body = raw.get("body")
    if not isinstance(body, Mapping):
        raise InvalidInput("Must be an object: what is sent to the endpoint.", param="body")
    try:
        refuse_unknown(body, BODY_FIELDS)
        if not (isinstance(body.get("message"), dict | list) and body["message"]):
            read_messages(dict(body))
    except InvalidFields as error:
        names = ", ".join(f"'{name}'" for name in error.errors)
        raise InvalidInput(f"An example has no field {names}.", param="body") from None
    except InvalidInput as error:
        raise InvalidInput(error.message, param="body") from None
    if not isinstance(body.get("variables", {}), Mapping):
        raise InvalidInput("'variables' must be an object.", param="body")
    if len(encoded(body)) > MOST_BODY_BYTES:
        raise InvalidInput(f"Must be at most {MOST_BODY_BYTES // 1024} KB.", param="body")
    return {name: value for name, value in body.items() if value not in (None, {})}


def parse_expected(raw: Mapping[str, Any]) -> Expected:
    """Check every field of `expected`; raise InvalidFields with all that is wrong, as `expected.name`."""
    given = raw.get("expected") or {}
    if not isinstance(given, Mapping):
        raise InvalidInput("Must be an object.", param="expected")
    try:
        return read_expected(given)
    except InvalidFields as error:
        raise InvalidFields({f"expected.{name}": said for name, said in error.errors.items()}) from None


def read_expected(given: Mapping[str, Any]) -> Expected:
    """Return what is expected; raise InvalidFields."""
    refuse_unknown(given, EXPECTED_FIELDS)
    collect = Collector()
    take = collect.take
    expected = Expected(
        contains=take(texts, given, "contains", most=MOST_TEXTS, longest=LONGEST_TEXT) or (),
        not_contains=take(texts, given, "not_contains", most=MOST_TEXTS, longest=LONGEST_TEXT) or (),
        match_case=take(switch, given, "match_case") or False,
        fits_output_schema=take(switch, given, "fits_output_schema") or False,
        json_schema=take(parse_schema, given, "json_schema"),
        most_output_tokens=take(whole, given, "most_output_tokens", 1, 1_000_000),
        most_cost_nano_usd=take(cap, given, "most_cost_usd"),
        most_milliseconds=take(whole, given, "most_milliseconds", 1, 600_000),
        blocked_by=take(guardrail, given) or "",
    )
    if expected.blocked_by and expected != Expected(blocked_by=expected.blocked_by):
        collect.errors["blocked_by"] = "What must be blocked has no answer: leave the other fields empty."
    collect.finish()
    return expected


def guardrail(given: Mapping[str, Any]) -> str:
    """Return the kind of guardrail that must block, `any`, or nothing."""
    value = text(given, "blocked_by", most=40)
    if value and value not in (*BLOCKING, ANY_GUARDRAIL):
        names = ", ".join((*BLOCKING, ANY_GUARDRAIL))
        raise InvalidInput(f"Must be one of: {names}.", param="blocked_by")
    return value


def digest(body: Mapping[str, Any], expected: Mapping[str, Any]) -> bytes:
    """Return what tells whether an example has changed since it was run."""
    return hashlib.sha256(encoded([sorted_deep(body), sorted_deep(expected)])).digest()


def sorted_deep(value: Any) -> Any:
    """Return a JSON value with the names of its objects in order."""
    if isinstance(value, Mapping):
        return {name: sorted_deep(value[name]) for name in sorted(value)}
    return [sorted_deep(item) for item in value] if isinstance(value, list | tuple) else value


def complaints(expected: Expected, answered: Answered) -> list[str]:
    """Say in plain words what an answer lacks; nothing where it is as expected."""
    if expected.blocked_by:
        return list(unblocked(expected.blocked_by, answered))
    if answered.error:
        return [f"No answer came: {answered.error}"]
    return [*of_words(expected, answered.text), *answered.misfits, *of_bounds(expected, answered)]


def unblocked(wanted: str, answered: Answered) -> Iterator[str]:
    """Complain unless the guardrail blocked the request or its answer."""
    kinds = {name.partition(":")[0].removesuffix("s") for name in answered.blocked_by}
    by = ", ".join(f"“{name}”" for name in answered.blocked_by)
    asked = "a guardrail" if wanted == ANY_GUARDRAIL else f"the guardrail “{wanted}”"
    if answered.error and not by:
        yield f"It should have been blocked by {asked}, but failed for another reason: {answered.error}"
    elif not by:
        yield f"It was answered, but should have been blocked by {asked}."
    elif wanted not in (ANY_GUARDRAIL, *answered.blocked_by) and wanted.removesuffix("s") not in kinds:
        yield f"It was blocked by {by}, but should have been blocked by {asked}."


def of_words(expected: Expected, answer: str) -> Iterator[str]:
    """Complain about words that are missing, and about those that must not be there."""
    heard = answer if expected.match_case else answer.casefold()
    for words in expected.contains:
        if (words if expected.match_case else words.casefold()) not in heard:
            yield f"The answer does not contain “{shown(words)}”."
    for words in expected.not_contains:
        if (words if expected.match_case else words.casefold()) in heard:
            yield f"The answer contains “{shown(words)}”, which it must not."


def of_bounds(expected: Expected, answered: Answered) -> Iterator[str]:
    """Complain about an answer that is too long, too dear or too slow."""
    most, cost = expected.most_cost_nano_usd, answered.cost_nano_usd
    if expected.most_output_tokens is not None and answered.output_tokens > expected.most_output_tokens:
        yield f"It took {answered.output_tokens:,} output tokens, more than {expected.most_output_tokens:,}."
    if most is not None and cost is None:
        yield "What it cost is not known, so it could not be compared."
    elif most is not None and cost is not None and cost > most:
        yield f"It cost {format_usd(cost)}, more than {format_usd(most)}."
    if expected.most_milliseconds is not None and answered.milliseconds > expected.most_milliseconds:
        yield f"It took {answered.milliseconds:,} ms, more than {expected.most_milliseconds:,} ms."


def shown(words: str) -> str:
    """Return a text short enough for a sentence."""
    return words if len(words) <= SHOWN else f"{words[:SHOWN].rstrip()}…"
