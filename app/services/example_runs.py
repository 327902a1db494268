"""How versions of an endpoint answered its saved examples: what proves a version before it is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import database, insert_into
from app.domain import examples as domain
from app.domain.actors import Actor
from app.domain.examples import Answered
from app.domain.ids import new_id
from app.domain.stored_texts import without_nul
from app.models import EndpointVersion, Example, ExampleRun
from app.services import access, answer_schemas, endpoint_versions, examples
from app.services.record_rows import content_allowed

LONGEST_ANSWER = 20_000


@dataclass(frozen=True, slots=True)
class Result:
    """An example with how a version last answered it. `run` None: not asked yet."""

    example: Example
    run: ExampleRun | None

    @property
    def is_stale(self) -> bool:
        """Say whether the example has changed since."""
        current = domain.digest(self.example.body, self.example.expected)
        return self.run is not None and self.run.example_hash != current

    @property
    def state(self) -> str:
        """How it stands: passed | failed | stale | missing."""
        if self.run is None:
            return "missing"
        if self.is_stale:
            return "stale"
        return "passed" if self.run.passed else "failed"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a version stands with all examples of its endpoint."""

    version: EndpointVersion
    results: Sequence[Result]

    def count(self, *states: str) -> int:
        """Count the examples in these states."""
        return sum(result.state in states for result in self.results)

    def named(self, *states: str) -> list[str]:
        """Return the names of the examples in these states."""
        return [result.example.name for result in self.results if result.state in states]

    @property
    def is_proven(self) -> bool:
        """Say whether it answered every example as expected; true where there are none."""
        return self.count("passed") == len(self.results)

    @property
    def to_run(self) -> list[Example]:
        """The examples that it has not answered as they are now."""
        return [result.example for result in self.results if result.state in ("missing", "stale")]


def standing(actor: Actor, workspace_id: str, endpoint_id: str, number: int) -> Standing:
    """Return how a version stands with the examples."""

    def work(session: Session) -> Standing:
        access.require(session, actor, workspace_id, "viewer")
        endpoint = endpoint_versions.owned(session, workspace_id, endpoint_id)
        return of_version(session, endpoint_versions.numbered(session, endpoint, number))

    return database.read(work)


def of_version(session: Session, version: EndpointVersion) -> Standing:
    """Return how a version stands with the examples of its endpoint."""
    rows = session.scalars(select(ExampleRun).where(ExampleRun.version_id == version.id))
    runs = {run.example_id: run for run in rows}
    listed = examples.of_endpoint(session, version.endpoint_id)
    return Standing(version, [Result(example, runs.get(example.id)) for example in listed])


def keep(
    actor: Actor,
    workspace_id: str,
    version: EndpointVersion,
    example: Example,
    answered: Answered,
    call_id: str,
) -> ExampleRun:
    """Keep how a version answered an example, in place of the time before; `call_id`: of the call.

    The answer itself is kept only where this installation keeps prompts and answers at all.
    """
    expected = domain.parse_expected({"expected": example.expected})
    complaints = domain.complaints(expected, answered)
    values = {
        "workspace_id": workspace_id,
        "example_id": example.id,
        "version_id": version.id,
        "example_hash": domain.digest(example.body, example.expected),
        "passed": not complaints,
        "complaints": without_nul(complaints),
        "answer": without_nul(answered.text[:LONGEST_ANSWER]) if content_allowed.allowed else "",
        "measured": measured(answered),
        "request_id": call_id,
        "created_at": datetime.now(UTC),
    }

    def work(session: Session) -> ExampleRun:
        access.require(session, actor, workspace_id, "editor")
        examples.owned(session, workspace_id, version.endpoint_id, example.id)
        insert = insert_into(session, ExampleRun).values(id=new_id(), **values)
        place = ["example_id", "version_id"]
        session.execute(insert.on_conflict_do_update(index_elements=place, set_=values))
        where = ExampleRun.example_id == example.id, ExampleRun.version_id == version.id
        return session.scalars(select(ExampleRun).where(*where)).one()

    return database.transaction(work)


def misfits(version: EndpointVersion, example: Example, answer: str) -> tuple[str, ...]:
    """Say what is wrong with an answer by the schemas that its example asks for."""
    expected, found = domain.parse_expected({"expected": example.expected}), []
    if expected.fits_output_schema and not version.config.get("output_schema"):
        found.append("This version has no output schema that its answer could fit.")
    elif expected.fits_output_schema:
        found.append(misfit(version.config["output_schema"], answer, "the endpoint's output schema"))
    if expected.json_schema is not None:
        found.append(misfit(expected.json_schema, answer, "the example's schema"))
    return tuple(complaint for complaint in found if complaint)


def misfit(schema: dict[str, Any], answer: str, name: str) -> str:
    """Say what is wrong with an answer by a schema; nothing where it fits."""
    try:
        wrong = answer_schemas.complaint(answer, {"json_schema": {"schema": schema}})
    except answer_schemas.Unusable as error:
        return f"The answer could not be held against {name}: {error}."
    return f"The answer does not fit {name}: {wrong.detail}." if wrong else ""


def measured(answered: Answered) -> dict[str, int | None]:
    """Return what an answer took."""
    names = ("output_tokens", "cost_nano_usd", "milliseconds")
    return {name: getattr(answered, name) for name in names}
