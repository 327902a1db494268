"""What a rollout is of: a policy or an endpoint, with its versions and how one of them is made live."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from sqlalchemy.orm import Session

from app.domain.actors import Actor
from app.domain.errors import InvalidInput, NotFound
from app.domain.rollout_plans import RolloutPlan, parse_plan
from app.models import Endpoint, EndpointVersion, Policy, PolicyVersion
from app.services import endpoint_versions, policy_versions

POLICY, ENDPOINT = TYPES = ("policy", "endpoint")
Version = PolicyVersion | EndpointVersion
Row = TypeVar("Row", Policy, Endpoint)


@dataclass(frozen=True, slots=True)
class Subject(ABC, Generic[Row]):
    """A policy or an endpoint, as rollouts see it."""

    row: Row
    type: ClassVar[str]

    @property
    def plan(self) -> RolloutPlan | None:
        """Return how its new versions go live; None: at once."""
        return parse_plan(self.row.rollout_plan)

    @property
    @abstractmethod
    def label(self) -> str:
        """Return what people call it."""

    @property
    @abstractmethod
    def live_id(self) -> str:
        """Return the version that answers outside of a rollout."""

    @abstractmethod
    def live_number(self, session: Session) -> int:
        """Return the number of the version that answers outside of a rollout."""

    @abstractmethod
    def numbered(self, session: Session, number: int) -> Version:
        """Return its version of that number; raise NotFound."""

    @abstractmethod
    def let_live(self, session: Session, actor: Actor, number: int) -> None:
        """Let this version answer from now on; another draft stays."""

    def check_may_change(self) -> None:
        """Raise where nothing else may answer."""

    def keep_as_draft(self, version_id: str) -> None:
        """Show a version that is on its way as the one that is worked on, unless another one is."""
        self.row.draft_version_id = self.row.draft_version_id or version_id


@dataclass(frozen=True, slots=True)
class PolicySubject(Subject[Policy]):
    """A policy."""

    type = POLICY

    @property
    def label(self) -> str:
        """Return its key."""
        return self.row.key

    @property
    def live_id(self) -> str:
        """Return its live version."""
        return self.row.live_version_id or ""

    def live_number(self, session: Session) -> int:
        """Return that version's number."""
        return session.get_one(PolicyVersion, self.live_id).number

    def numbered(self, session: Session, number: int) -> Version:
        """Return its version of that number; raise NotFound."""
        return policy_versions.numbered(session, self.row, number)

    def let_live(self, session: Session, actor: Actor, number: int) -> None:
        """Let this version decide from now on."""
        version = policy_versions.numbered(session, self.row, number)
        policy_versions.let_live(session, actor, self.row, version)


@dataclass(frozen=True, slots=True)
class EndpointSubject(Subject[Endpoint]):
    """An endpoint."""

    type = ENDPOINT

    @property
    def label(self) -> str:
        """Return its address."""
        return self.row.slug

    @property
    def live_id(self) -> str:
        """Return its published version."""
        return self.row.published_version_id or ""

    def live_number(self, session: Session) -> int:
        """Return that version's number."""
        return session.get_one(EndpointVersion, self.live_id).number

    def numbered(self, session: Session, number: int) -> Version:
        """Return its version of that number; raise NotFound."""
        return endpoint_versions.numbered(session, self.row, number)

    def let_live(self, session: Session, actor: Actor, number: int) -> None:
        """Publish this version."""
        version, draft_id = endpoint_versions.numbered(session, self.row, number), self.row.draft_version_id
        endpoint_versions.let_answer(session, actor, self.row, version)
        self.row.draft_version_id = None if draft_id == version.id else draft_id

    def check_may_change(self) -> None:
        """Raise InvalidInput where what answers is pinned."""
        if self.row.pinned:
            raise InvalidInput("What answers is pinned: nothing else can go live until it is unpinned.")


AnySubject = PolicySubject | EndpointSubject


def of(row: Policy | Endpoint) -> AnySubject:
    """Return a policy or an endpoint as a subject."""
    return PolicySubject(row) if isinstance(row, Policy) else EndpointSubject(row)


def find(
    session: Session, workspace_id: str, kind: str, subject_id: str, *, change: bool = False
) -> AnySubject:
    """Return the workspace's own subject; raise NotFound. With `change` nobody else changes it meanwhile."""
    if kind == POLICY:
        return PolicySubject(policy_versions.owned(session, workspace_id, subject_id, change=change))
    if kind == ENDPOINT:
        return EndpointSubject(endpoint_versions.owned(session, workspace_id, subject_id, change=change))
    raise NotFound("Rollouts are of policies and of endpoints.")
